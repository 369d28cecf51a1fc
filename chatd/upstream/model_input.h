#pragma once
/*
 * What a model is given, and the request body that says so.  Pure.
 *
 * The rule: every system prompt, in order; then as much of the history as fits into the token
 * budget, newest whole turns first; then the new message, always.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dialect;
struct text;

enum model_role { MODEL_ROLE_USER, MODEL_ROLE_ASSISTANT };

struct model_message {
    enum model_role role;
    const char *text; /* valid UTF-8 */
    size_t size;
};

struct model_input {
    const char *model;
    const char *const *prompts; /* system prompts, NUL-terminated, in order */
    size_t prompt_count;
    const struct model_message *history; /* oldest first */
    size_t history_count;
    struct model_message message; /* the new one */
    bool has_temperature;
    double temperature;
    int64_t max_output_tokens; /* 0: the model's default */
};

/* Tokens that `size` bytes of text cost, roughly and rather too many: a quarter of the bytes and
 * a few for the message around them. */
int64_t model_input_tokens(size_t size);

/*
 * How many of the oldest messages must be left out so that the others cost at most `budget`
 * tokens.  A turn is a user message with the answers that follow it, and stays or goes as a whole.
 */
size_t model_input_dropped(const struct model_message *history, size_t count, int64_t budget);

/*
 * For dialects: appends the members that all of them share and leaves the object open.  messages
 * and limit are the dialect's names for the list of messages and the longest answer.
 */
void model_input_begin(struct text *out, const struct model_input *in, const char *messages,
                       const char *limit);

/* Appends the request body (JSON): streamed, not stored at the provider. */
void model_input_build(struct text *out, const struct dialect *dialect,
                       const struct model_input *in);
