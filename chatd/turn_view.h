#pragma once
/* A turn as JSON, told from memory instead of from its row. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text;
struct turn;

struct turn_view {
    int64_t id, conversation, user_message, message, attempt;
    const char *state, *model;
    const char *created, *finished; /* as PostgreSQL writes times; finished NULL: it runs */
    const char *sent_with;          /* JSON; NULL: not known here */
    const char *text;
    size_t text_size;
    int64_t input_tokens, output_tokens, dropped_messages; /* input_tokens -1: unknown yet */
    const char *error, *detail;                            /* code; NULL: it did not fail */
    bool retryable;
};

/* A turn that runs here; what it points to is the turn's. */
struct turn_view turn_view_of(const struct turn *t);

/* Appends all of it, shape turn of the API; sent_with is known. */
void turn_view_json(struct text *out, const struct turn_view *v);

/* Appends '{' and the members that the shapes turn and turn_state begin with: id to model. */
void turn_view_head(struct text *out, const struct turn_view *v);
