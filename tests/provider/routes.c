/* Routes: finds the handler of a request and checks the key. */
#include "routes.h"

#include <stdio.h>
#include <string.h>

#include "connection.h"
#include "multipart.h"
#include "reply.h"

static const uint64_t body_max[] = {
    [BODY_JSON] = 16 << 20,
    [BODY_UPLOAD] = 128 << 20,
};

static const struct route routes[] = {
#define ROUTE(method, path, serve, body) {method, path, serve, BODY_##body},
#include "routes.def"
};

static const char *api_key;

void routes_key(const char *key)
{
    api_key = key;
}

/* Compares with a pattern in which "{id}" stands for one path segment. */
static bool path_matches(const char *pattern, const char *path, char *ret_id, size_t room)
{
    size_t before = strcspn(pattern, "{");
    size_t id;

    if (strncmp(pattern, path, before) != 0)
        return false;
    if (!pattern[before])
        return !path[before];
    id = strcspn(path + before, "/");
    if (!id || id >= room || strcmp(pattern + before + strlen("{id}"), path + before + id) != 0)
        return false;
    memcpy(ret_id, path + before, id);
    ret_id[id] = 0;
    return true;
}

void route_find(struct connection *c)
{
    c->route = NULL;
    c->path_known = false;
    for (size_t i = 0; i < sizeof routes / sizeof *routes && !c->route; i++) {
        if (!path_matches(routes[i].path, c->http.target, c->id, sizeof c->id))
            continue;
        c->path_known = true;
        if (!strcmp(routes[i].method, c->http.method))
            c->route = &routes[i];
    }
    c->http.body_max = body_max[c->route ? c->route->body : BODY_JSON];
    if (c->route && c->route->body == BODY_UPLOAD)
        c->upload = upload_new(c->http.type);
}

void route_body(struct connection *c, const char *bytes, size_t length)
{
    if (c->upload)
        upload_feed(c->upload, bytes, length);
    else if (c->route)
        buffer_add(&c->body, bytes, length);
}

static bool key_missing(const struct connection *c)
{
    return api_key && !strncmp(c->http.target, "/v1/", 4) && strcmp(c->http.bearer, api_key) != 0;
}

static void key_refuse(struct connection *c)
{
    reply_error(c, &(struct api_error){
                       .status = 401,
                       .type = "invalid_request_error",
                       .code = *c->http.bearer ? "invalid_api_key" : NULL,
                       .message = *c->http.bearer
                                      ? "Incorrect API key provided. You can find your API key at "
                                        "https://platform.openai.com/account/api-keys."
                                      : "You didn't provide an API key. You need to provide your "
                                        "API key in an Authorization header using Bearer auth "
                                        "(i.e. Authorization: Bearer YOUR_KEY).",
                   });
}

void route_serve(struct connection *c)
{
    char message[HTTP_TARGET_MAX + 64];

    if (key_missing(c)) {
        key_refuse(c);
    } else if (c->route) {
        c->route->serve(c);
    } else {
        snprintf(message, sizeof message, "Invalid URL (%s %s)", c->http.method, c->http.target);
        reply_error(c, &(struct api_error){.status = c->path_known ? 405 : 404,
                                           .type = "invalid_request_error",
                                           .message = message});
    }
}
