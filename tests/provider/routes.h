#pragma once
/* Routes: which handler serves a request, and what stands before it (key, size limits). */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct connection;

enum body_kind { BODY_JSON, BODY_UPLOAD };

struct route {
    const char *method;
    const char *path;
    void (*serve)(struct connection *c);
    enum body_kind body;
};

/* The key that /v1 asks for; NULL: none. */
void routes_key(const char *key);

/* Finds the connection's route from its parsed head and sets the body limit. */
void route_find(struct connection *c);

/* Takes a piece of the request body. */
void route_body(struct connection *c, const char *bytes, size_t length);

/* Answers the complete request. */
void route_serve(struct connection *c);

/* Handlers, by routes.def; each answers with reply_*() or starts a call that does. */
#define ROUTE(method, path, serve, body) void serve(struct connection *c);
#include "routes.def"
