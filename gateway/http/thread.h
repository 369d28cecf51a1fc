#pragma once
/* What one HTTP thread keeps from request to request; inside of gateway/http only. */
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "gateway/http/addresses.h"
#include "gateway/http/http.h"
#include "gateway/http/slots.h"

struct mg_connection;
struct mg_request_info;

/* civetweb's buffer for a request's head and the first of its body, in bytes, per thread */
#define REQUEST_BUFFER 65536

struct http_thread {
    struct http_server *server;
    struct slots *slots; /* of the server */
    struct slot *slot;
    struct address_place place; /* of the connection among those of its address */
    bool refused;               /* there was none */
    bool is_ready;              /* waits for a connection, see parking.h */
    struct mg_connection *conn; /* of the request being served */
    char *buffer;               /* where civetweb's buffer of this thread begins, NULL: not known */
    struct http_request request;
    struct http_reply reply;
    struct text out;   /* the reply as it is sent */
    int64_t body_read; /* bytes of the request's body */
    bool body_failed;  /* it cannot be read to its end */
    bool streams;      /* the reply's head was sent by http_stream_begin() */
    bool open_end;     /* the reply ends with the connection */
    bool chunked;      /* its body goes in chunks, ... */
    bool chunks_ended; /* ... and the last one was sent */
    int64_t streamed;  /* bytes of its body that were sent */
    time_t date_second;
    char date[32]; /* of that second, as HTTP writes it */
};

/*
 * Sends the thread's reply in one write and sees to the body that nobody read.
 * head_only: without the body.  Returns the bytes sent, or -1.
 */
int64_t reply_send(struct http_thread *t, bool head_only);

/* The end of a reply in pieces.  Returns the bytes sent, or -1 when some are missing. */
int64_t stream_end(struct http_thread *t, bool head_only);

/* Reads and drops what is left of the body, at most `most` bytes and LINGER_MAX_MS.
 * Whether nothing is left. */
bool body_discard(struct http_thread *t, int64_t most);

/*
 * Fills t->request from civetweb's parse and says what was not taken in (see head.c).
 * version and the sizes of ret are set; the fields are t->request.headers.
 */
void head_read(struct http_thread *t, const struct mg_request_info *ri, struct http_head *ret);

/* Whether civetweb gave up on a request because its head did not fit into the buffer. */
bool head_was_too_large(const struct http_thread *t);
