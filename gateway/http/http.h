#pragma once
/*
 * HTTP/1.1 over civetweb: one handler for every request, called with a head that is known to be
 * sound, on a thread that is its own until it returns.  What civetweb leaves to its user is done
 * here: framing, limits of size and time, admission to threads and descriptors, draining.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/text.h"
#include "gateway/http/pace.h"
#include "gateway/http/strict.h"
#include "gateway/http/target.h"

struct address_place;
struct http_thread;

struct http_request {
    const char *method; /* as sent; "HEAD" included */
    const char *path;   /* not decoded, without the query */
    const char *query;  /* not decoded, NULL: none */
    struct http_header headers[HEADERS_MAX];
    size_t header_count;
    struct http_framing framing;
    const char *address; /* the client's, dotted */
    int64_t started_us;  /* clock_us() */
    void *scratch;       /* scratch_size bytes of this thread: zeroed once, then kept */
    struct http_thread *thread;
};

struct http_reply {
    int status;
    const char *type; /* Content-Type; NULL: no body */
    const char *body; /* text.data or memory that outlives the reply */
    size_t size;
    struct text headers; /* further lines, each with CRLF; kept by the thread */
    struct text text;    /* for bodies that are made; kept by the thread */
    bool close;          /* end the connection after this reply */
};

struct http_config {
    const char *listen; /* IPv4 address */
    int port;
    unsigned threads;
    size_t scratch_size;
    void (*scratch_drop)(void *scratch); /* frees what it holds, not itself */
    void *state;
    /* Takes a place for a connection from that address, and gives it back at its end.  False: there
     * is none; what has come of its request is answered RATE_LIMITED, and no more is waited for. */
    bool (*enter)(void *state, const char *address, struct address_place *place);
    void (*leave)(void *state, struct address_place *place);
    /* Fills the reply.  status says what was wrong with the head (DONE: nothing), detail more
     * about it or NULL. */
    void (*handle)(void *state, struct http_request *r, int status, const char *detail,
                   struct http_reply *reply);
    /* Fills the reply to bytes that are no request; nothing is known but the client's address. */
    void (*refuse)(void *state, const char *address, int status, struct http_reply *reply);
    /* What became of the reply: bytes sent, or -1. */
    void (*done)(void *state, struct http_request *r, const struct http_reply *reply,
                 int64_t bytes);
};

struct http_server;

/*
 * Raises the limit of descriptors, listens and starts all threads; fewer threads than asked for
 * are a fault.  config is copied.  ret is set before the first request is served.  DONE, or a
 * fault.
 */
int http_start(const struct http_config *config, struct http_server **ret)
    __attribute__((warn_unused_result));

/* Accepts nothing more; what is in flight is answered with Connection: close. */
void http_close(struct http_server *s);

/*
 * Drains: accepts nothing more, closes what waits, answers what is in flight with Connection:
 * close, for at most max_ms.  Returns the connections that were still open then.
 */
unsigned http_drain(struct http_server *s, int64_t max_ms);

/* Stops all threads; accepts NULL. */
void http_drop(struct http_server **s);

/* Descriptors that a server with so many threads needs, those of the rest of the process included.
 */
int http_descriptors(unsigned threads);

unsigned http_busy(const struct http_server *s);
bool http_draining(const struct http_server *s);
uint64_t http_cut_count(const struct http_server *s);
/* Nothing is accepted just now, for want of descriptors. */
bool http_paused(const struct http_server *s);

/* The first request header with that name, or NULL. */
const char *http_header(const struct http_request *r, const char *name);

/*
 * Reads the body, framing.length bytes, into ret.  Answers Expect: 100-continue first.
 * DONE; BODY_TIMEOUT when it came too slowly; BAD_REQUEST when it ended early.  After either the
 * connection is closed with the reply.
 */
int http_body_read(struct http_request *r, struct text *ret) __attribute__((warn_unused_result));

/*
 * The same in pieces: the next bytes of the body, at most size; *ret_size 0: the end.  Results as
 * above; the pace bounds the time, and starts full.
 */
int http_body_piece(struct http_request *r, struct pace *pace, void *buf, size_t size,
                    size_t *ret_size) __attribute__((warn_unused_result));

/*
 * A reply in pieces.  begin: sends the head of the thread's reply (status, type, headers, and size
 * as its Content-Length) at once; write: more of the body.  False: the client is gone or too slow.
 * A body that stays shorter than size ends with the connection.  With HTTP_SIZE_UNKNOWN it goes in
 * chunks (RFC 9112, section 7.1; an HTTP/1.0 client reads to the connection's end), and whole says
 * that it is complete: without that the client sees that something is missing.
 */
#define HTTP_SIZE_UNKNOWN SIZE_MAX
bool http_stream_begin(struct http_request *r);
bool http_stream_write(struct http_request *r, struct pace *pace, const void *data, size_t size);
bool http_stream_whole(struct http_request *r, struct pace *pace);

/*
 * A reply that ends with its connection, whose body another thread writes.  lend: sends the head of
 * the thread's reply and returns the connection's descriptor, which stays open until the handler
 * returns; -1: the client is gone.  returned: so many bytes were written.
 */
#define HTTP_LENT_BUFFER 65536 /* bytes that the kernel holds for a client that does not read */
int http_stream_lend(struct http_request *r);
void http_stream_returned(struct http_request *r, uint64_t bytes);

/* Appends one header line to a reply. */
void http_reply_header(struct http_reply *reply, const char *name, const char *value);
