#pragma once
/* Answers on a connection: whole, OpenAI's errors, and streams. */
#include <stddef.h>

struct buffer;
struct connection;

struct api_error {
    int status;
    const char *type;
    const char *code;  /* NULL: null */
    const char *param; /* NULL: null */
    const char *message;
};

/* A whole answer; the request is then finished. */
void reply_whole(struct connection *c, int status, const char *type, const char *body,
                 size_t length);
void reply_json(struct connection *c, const struct buffer *body);
void reply_error(struct connection *c, const struct api_error *error);

/* A JSON body that exists already, with further header lines (each with CRLF, or ""). */
void reply_body(struct connection *c, int status, const char *headers, const char *body);

/* 400 invalid_request_error. */
void reply_invalid(struct connection *c, const char *code, const char *param, const char *message);

/* The error object as OpenAI writes it: {"error": {...}}. */
void error_write(struct buffer *out, const struct api_error *error);

/* Starts a whole answer and leaves its body out, for answers that break off. */
void reply_head(struct connection *c, int status, const char *type, size_t length);

/* An event stream: the head, then bytes (chunked on HTTP/1.1), then the end. */
void reply_stream(struct connection *c);
void reply_chunk(struct connection *c, const char *bytes, size_t length);

/* A chunk of `length` bytes of which only `sent` come: for streams that break off. */
void reply_chunk_part(struct connection *c, const char *bytes, size_t sent, size_t length);
void reply_end(struct connection *c);
