#pragma once
/*
 * A dialect is one way to ask a model for an answer: where to post, how the request is written, and
 * what the events of the stream mean.
 */
#include <stdbool.h>
#include <stddef.h>

#include "chatd/upstream/upstream.h"
#include "common/text.h"

struct json_object;
struct model_input;
struct sse_event;

/* What the stream has said so far. */
enum answer_state { ANSWER_OPEN, ANSWER_COMPLETED, ANSWER_INCOMPLETE, ANSWER_FAILED };

struct answer {
    enum answer_state state;
    struct upstream_usage usage;
    char id[UPSTREAM_ID_MAX]; /* the provider's response id */
    int64_t sequence;         /* number of the newest event that was read, -1: none has one */
    char finish_reason[24];   /* see struct upstream_result */
    char code[64];            /* of ANSWER_FAILED: provider's word for what went wrong */
    struct text message;      /* the same for people, as the provider wrote it */
};

/* Bytes kept of a provider's message: so many that after the key is taken out of it, no part of a
 * key that the cut left behind can come into the UPSTREAM_DETAIL_MAX that are shown. */
#define ANSWER_MESSAGE_MAX 65536

struct dialect {
    const char *name; /* value of the setting OPENAI_API */
    const char *path; /* behind the base URL */
    bool background;  /* answers can be read again by their id, behind an event's number */
    bool file_ids;    /* reads files by the provider's id; else only their text can be given */
    /* Appends the request body. */
    void (*build)(struct text *out, const struct model_input *in);
    /*
     * Takes one event: appends new text to delta, and keeps the rest in a.  Never called again
     * once a->state is not ANSWER_OPEN.  False: the event is not what the dialect speaks.
     */
    bool (*event)(struct answer *a, const struct sse_event *e, struct text *delta);
    /* The stream ended cleanly while ANSWER_OPEN: sets a->state if that is an end, too. */
    void (*end)(struct answer *a);
};

/* An answer of which nothing is known yet; {0} before the first time. */
void answer_reset(struct answer *a);
void answer_drop(struct answer *a);

/* The members of a provider's error object: its code (or else its type), and its message.
 * NULL, and what is no object, say nothing. */
void answer_error(struct answer *a, struct json_object *error);
/* Copies a string that may be cut. */
void answer_copy(char *ret, size_t capacity, const char *s);

/* "responses" or "chat_completions"; NULL for others. */
const struct dialect *dialect_named(const char *name);

extern const struct dialect dialect_responses;
extern const struct dialect dialect_completions;
