#pragma once
/*
 * One request on its way through the pipeline, and what is found out about it.  It lives in its
 * thread's scratch memory and dies with the reply.
 */
#include <stdbool.h>
#include <stdint.h>

#include "common/text.h"
#include "common/trace.h"
#include "gateway/gateway.h"
#include "gateway/http/addresses.h"
#include "gateway/http/http.h"
#include "gateway/proxies.h"
#include "gateway/sessions.h"
#include "proto/api.h"

/* What a problem document says beyond its status; strings are copied, and cut to fit. */
struct problem {
    char field[256], detail[256];
    uint32_t retry_after; /* seconds, 0: none */
    uint64_t turn_id;     /* 0: none */
};

struct exchange {
    struct gateway *gateway;
    struct http_request *request;
    struct http_reply *reply; /* a status other than 0: answered */

    struct trace trace;             /* its span is the gateway's own, where it makes any */
    char asks[TRACE_SIZE];          /* the same, for the bus */
    char parent[SPAN_ID_SIZE];      /* span of the client that asks, "": none */
    char address[ADDRESS_TEXT_MAX]; /* of the client, behind our proxies */
    bool tls;                       /* it speaks TLS with them */
    bool by_proxy;                  /* one of them has sent the request */
    struct address_place place;     /* of a request that came through them */
    char path[TARGET_MAX + 1];      /* decoded */
    const char *method;             /* "GET" for HEAD */
    const struct op *op;            /* NULL: none was found */
    bool admitted;                  /* holds a place, see admit.c */
    bool is_chat;                   /* and one among the chats */
    bool is_transfer;               /* and one among the uploads and downloads */
    struct params params;
    char params_data[PARAMS_MAX];
    char pair[TARGET_MAX + 2]; /* a decoded pair of the query */

    int64_t caller, session; /* 0: nobody; session below 0: an API key's id, negated */
    bool admin, limited;
    struct key_rights rights; /* of the API key */
    struct text body;         /* kept by the thread */
    char key[256];            /* idempotency key, "": none */
    uint32_t key_ttl;         /* seconds */
    bool key_made;            /* by us */
    struct problem problem;
    int status; /* of the answer, for the log */
};

/*
 * A step of the pipeline or a part of one: DONE (go on, or answered), an enum status that becomes
 * a problem document with x->problem, or a fault.
 */
typedef int step_fn(struct exchange *x);

/* Notes what the problem is about; field and detail may be NULL.  Returns status. */
int problem(struct exchange *x, int status, const char *field, const char *detail);

/* Turns a status (or a fault) into the reply. */
void problem_reply(struct exchange *x, int status);

/* Headers of all that the API answers. */
void api_headers(struct exchange *x);

/* A successful reply with a JSON body in reply->text; http is its status. */
void json_reply(struct exchange *x, int http);

/* Headers of every reply, whatever it is: nosniff, no referrer, no powers of the browser, and under
 * TLS that it stays with TLS. */
void safe_headers(struct exchange *x);

/* Milliseconds left of the request's deadline, at least 1. */
uint32_t exchange_left_ms(const struct exchange *x);
