#pragma once
/* The question: what a request asks of the model, the same for both APIs. */
#include <stdbool.h>
#include <stddef.h>

struct api_error;

struct question {
    char *model;
    char *last;              /* text of the last user message */
    char *system;            /* instructions and all system and developer messages */
    char *instructions;      /* NULL: none */
    char *metadata;          /* JSON object; NULL: none */
    char *files;             /* names of the files it refers to, comma separated */
    unsigned messages;       /* of user and assistant */
    unsigned long long call; /* id of the call that asks */
    size_t input_bytes;      /* of all text */
    bool stream;
    bool background;
    bool store;
    bool include_usage; /* stream_options of chat completions */
    bool has_temperature;
    double temperature;
    long max_tokens; /* 0: none given */
};

enum question_api { QUESTION_RESPONSES, QUESTION_COMPLETIONS };

/* 0, or -1 with the answer to give; its texts are constants or inside the question. */
int question_read(struct question *q, const char *body, size_t length, enum question_api api,
                  struct api_error *reterr_error);
void question_free(struct question *q);
