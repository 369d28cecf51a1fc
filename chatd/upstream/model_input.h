#pragma once
/*
 * What a model is given, and the request body that says so.  Pure.
 *
 * The rule: every system prompt, in order; then as much of the history as fits into the token
 * budget, newest whole turns first, each with as many of its files as still fit; then the new
 * message with its files, always.  What becomes of a file that is left out is said in the text.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dialect;
struct text;

enum model_role { MODEL_ROLE_USER, MODEL_ROLE_ASSISTANT };

enum model_file_kind {
    MODEL_FILE_UNKNOWN, /* not looked up yet; never part of a request */
    MODEL_FILE_TEXT,    /* its content stands in the message's text, between lines with its name */
    MODEL_FILE_ID,      /* the provider has it, and reads it by its id */
    MODEL_FILE_IMAGE,   /* likewise, for the model to see */
    MODEL_FILE_ABSENT,  /* cannot be given to the model, which is told so */
};

/* A file that was sent with a message.  Strings are valid UTF-8. */
struct model_file {
    enum model_file_kind kind;
    int64_t id;           /* ours */
    const char *name;     /* NULL: not known any more */
    const char *provider; /* of ID and IMAGE: the provider's id */
    const char *text;     /* of TEXT */
    size_t size;
    const char *why; /* of ABSENT: MODEL_FILE_... below */
    int64_t tokens;  /* what it costs, see model_input_file_tokens() */
};

/* Ends of the sentence that tells the model of a file's absence. */
#define MODEL_FILE_DELETED  "it has been deleted since"
#define MODEL_FILE_UNUSABLE "it cannot be used now"
#define MODEL_FILE_LEFT_OUT "it is left out here, because the conversation is long"
#define MODEL_FILE_LATER    "it is attached to a later message again"

struct model_message {
    enum model_role role;
    const char *text; /* valid UTF-8 */
    size_t size;
    int64_t tokens;           /* of the text, see model_input_tokens() */
    struct model_file *files; /* of a user's message */
    size_t file_count;
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
    bool background;           /* the provider goes on when nobody reads; where the dialect can */
};

/* For the message around a text. */
#define MODEL_INPUT_MESSAGE 4

/* Tokens that a message of `size` bytes of text costs, rather too many: tokens_estimate() and a few
 * for what is around them. */
int64_t model_input_tokens(const char *text, size_t size);

/* A user's message, which keeps pointing to `text`. */
struct model_message model_question(const char *text, size_t size);

/*
 * Tokens that a file costs that the provider reads, roughly: half of the bytes of a text, which is
 * enough for prose and programs, not for tables of numbers; 2,000 for an image; for a document of
 * any other type a sixteenth of the bytes, at least 1,000.  Nobody but the provider knows.
 */
int64_t model_input_file_tokens(const char *mime, int64_t bytes);

/* What a message costs with its files, and everything that a model is given. */
int64_t model_message_tokens(const struct model_message *m);
int64_t model_input_cost(const struct model_input *in);

/*
 * How many of the oldest messages must be left out so that the others cost at most `budget`
 * tokens.  A turn is a user message with the answers that follow it, and stays or goes as a whole;
 * its files that do not fit behind its text are made MODEL_FILE_LEFT_OUT.
 */
size_t model_input_fit(struct model_message *history, size_t count, int64_t budget);

/* How a dialect says things. */
struct model_words {
    const char *messages, *limit; /* members: the list of messages, the longest answer */
    const char *text_type;        /* type of a part that is text */
    /* Appends the part for a file that the provider has.  NULL: such files must not be given, and
     * the content of every message is one string. */
    void (*file_part)(struct text *out, const struct model_file *f);
};

/* For dialects: appends the members that all of them share and leaves the object open. */
void model_input_begin(struct text *out, const struct model_input *in,
                       const struct model_words *words);

/* Appends the request body (JSON): streamed, and stored at the provider only in the background. */
void model_input_build(struct text *out, const struct dialect *dialect,
                       const struct model_input *in);
