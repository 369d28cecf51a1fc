/* The OpenAPI 3.1 document of this build, made from the tables. */
#include "proto/openapi.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/openapi_schema.h"

#ifndef VERSION
#define VERSION "0"
#endif

#define add    json_object_object_add
#define string json_object_new_string
#define array  json_object_new_array
#define object json_object_new_object

static const struct {
    const char *name, *text;
} tags[SVC_COUNT] = {
    [SVC_AUTH] = {"users", "Accounts and sessions"},
    [SVC_PROJECT] = {"projects", "Projects and their prompts"},
    [SVC_CHAT] = {"chat", "Talking to the model"},
    [SVC_FILE] = {"files", "Files of projects"},
    [SVC_GATEWAY] = {"system", "About the platform itself"},
};

/* What operations answer with that is no JSON of a shape. */
static const char *media_of(const struct op *op)
{
    bool is_page = op->id == OP_home || op->id == OP_dashboard_page || op->id == OP_chat_page ||
                   op->id == OP_settings_page || op->id == OP_docs;

    if (op->stream == STREAM_DOWNLOAD)
        return "*/*";
    if (op->id == OP_metrics)
        return "text/plain";
    return is_page ? "text/html" : "application/json";
}

static struct json_object *content(const char *media, struct json_object *schema)
{
    return schema_of_one(media, schema_of_one("schema", schema));
}

static struct json_object *header(const char *type, const char *text)
{
    struct json_object *o = object();

    add(o, "description", string(text));
    add(o, "schema", schema_of_one("type", string(type)));
    return o;
}

static const struct {
    const char *name, *type, *text;
} headers[] = {
    {"X-Request-Id", "string",
     "The request's own id, or the one we gave it; it is in every log line"},
    {"Location", "string", "Where the new object is"},
    {"Link", "string", "<...>; rel=\"next\": the next page, while there may be one"},
    {"Retry-After", "integer", "Seconds to wait before another try"},
    {"RateLimit-Limit", "integer", "Requests a minute"},
    {"RateLimit-Remaining", "integer", "Requests that are left"},
    {"RateLimit-Reset", "integer", "Seconds until all are there again"},
    {"Content-Disposition", "string", "attachment, with the file's name (RFC 6266)"},
    {"Content-Range", "string", "Which bytes of the whole these are"},
    {"ETag", "string", "SHA-256 of the whole content"},
    {"Idempotent-Replayed", "string", "true: this is the first answer to this Idempotency-Key"},
};

static void header_use(struct json_object *to, const char *name)
{
    add(to, name, schema_ref("headers", name));
}

static void rate_headers(struct json_object *to)
{
    header_use(to, "RateLimit-Limit");
    header_use(to, "RateLimit-Remaining");
    header_use(to, "RateLimit-Reset");
}

static bool is_keyed(const struct op *op)
{
    return op->method != METHOD_GET && op->keep != KEEP_NOTHING;
}

static struct json_object *success_headers(const struct op *op)
{
    struct json_object *o = object();

    header_use(o, "X-Request-Id");
    if (api_rate_per_minute(op->rate))
        rate_headers(o);
    if (op->location)
        header_use(o, "Location");
    if (op->reply == REPLY_LIST || op->reply == REPLY_LIST_UNDER)
        header_use(o, "Link");
    if (is_keyed(op))
        header_use(o, "Idempotent-Replayed");
    if (op->stream == STREAM_DOWNLOAD) {
        header_use(o, "Content-Disposition");
        if (api_has_ranges(op))
            header_use(o, "ETag");
    }
    return o;
}

static struct json_object *reply_schema(const struct op *op)
{
    struct json_object *o;

    if (op->stream == STREAM_DOWNLOAD)
        return schema_bytes("The bytes; their media type is the content's own");
    if (op->reply == REPLY_NOTHING)
        return schema_of_one("type", string(op->id == OP_openapi ? "object" : "string"));
    if (op->reply == REPLY_ONE)
        return schema_ref("schemas", op->out->name);
    o = object();
    add(o, "type", string("array"));
    add(o, "items", schema_ref("schemas", op->out->name));
    return o;
}

#define EVENTS_TYPE "text/event-stream"

static const char *events_text(const struct op *op)
{
    if (op->id == OP_account_events)
        return "Server-sent events, for as long as you listen; nothing is sent again. `hello` {} "
               "at first; then "
               "`turn` {turn_id, conversation_id, project_id, state} at each change of a turn's "
               "state, and `conversation` {conversation_id, project_id, what} with what `created` "
               "(by its first message, or an import), `changed` (renamed, titled, pinned, "
               "archived, another branch is shown: read it again) or `deleted` (by you, with its "
               "project, or by age). A comment every 10 s.";
    return "Server-sent events; the data are JSON. `accepted` {turn_id, conversation_id, "
           "message_id}; `queued` "
           "{position}; `started` {attempt, model}; `delta` {text}; `restarted` {attempt}: forget "
           "the "
           "text so far, it begins anew; `usage`, as in the turn; and at the end one of "
           "`completed` "
           "{message_id, finish_reason}, `failed` {code, detail, retryable}, `cancelled` "
           "{message_id}. A "
           "comment every 10 s. An id says how much of the text you have: after a cut, GET "
           "/chat/turns/{turn_id}/events with Last-Event-ID, at any gateway, goes on behind it. "
           "Codes of "
           "`failed`: upstream_auth, upstream_refused, upstream_rate, upstream_cut, "
           "timeout_connect, "
           "timeout_first_token, timeout_idle, timeout_total, too_long, interrupted, internal.";
}

/* Server-sent events, if the operation answers with nothing else or is asked to. */
static struct json_object *reply_content(const struct op *op)
{
    struct json_object *o, *schema;

    if (op->stream != STREAM_EVENTS)
        return content(media_of(op), reply_schema(op));
    schema = schema_of_one("type", string("string"));
    add(schema, "description", string(events_text(op)));
    if (op->reply == REPLY_NOTHING)
        return content(EVENTS_TYPE, schema);
    o = content(media_of(op), reply_schema(op));
    add(o, EVENTS_TYPE, schema_of_one("schema", schema));
    return o;
}

static struct json_object *success(const struct op *op, const char *text)
{
    struct json_object *o = object();

    add(o, "description", string(text));
    add(o, "headers", success_headers(op));
    if (op->ok != 204 &&
        (op->reply != REPLY_NOTHING || op->stream == STREAM_EVENTS || op->svc == SVC_GATEWAY))
        add(o, "content", reply_content(op));
    return o;
}

static bool needs_object(const struct op *op)
{
    for (const struct field *f = op->in; f->name; f++)
        if (f->place == AT_PATH ||
            (strlen(f->name) > 3 && strcmp(f->name + strlen(f->name) - 3, "_id") == 0))
            return true;
    return false;
}

/* Which HTTP statuses an operation may answer with when it fails. */
static bool may_fail(const struct op *op, int http)
{
    switch (http) {
    case 401:
        return op->scope != SCOPE_ANYONE || op->onerror == ONERROR_COMMIT;
    case 403:
        return op->scope == SCOPE_ADMIN || op->scope == SCOPE_USER || op->scope == SCOPE_SESSION ||
               op->svc == SVC_AUTH || op->id == OP_metrics;
    case 404:
        return needs_object(op);
    case 408:
    case 411:
    case 413:
    case 415:
        return api_has_body(op) || op->stream == STREAM_UPLOAD;
    case 416:
        return api_has_ranges(op);
    case 409:
        return is_keyed(op) || op->id == OP_account_export_content;
    case 422: /* a query that names what it does not know, too */
        return op->lane != LANE_LOCAL || op->in->name;
    case 502:
        return op->keep == KEEP_TURN;
    case 503:
    case 504:
        return op->svc != SVC_GATEWAY || op->id == OP_jwks;
    case 410:
        return op->id == OP_turn_events;
    case 405: /* another method would be another operation */
        return false;
    default:
        return true;
    }
}

static void status_name(int http, char *ret, size_t capacity)
{
    snprintf(ret, capacity, "%d", http);
}

static struct json_object *responses(const struct op *op)
{
    static const int failures[] = {
#define STATUS(name, number, http, text) http,
#include "proto/status.def"
    };
    struct json_object *o = object();
    char name[12];

    status_name(op->ok, name, sizeof name);
    add(o, name, success(op, "Done"));
    if (op->also) {
        status_name(op->also, name, sizeof name);
        add(o, name, success(op, "There was nothing left to do"));
    }
    for (size_t i = 0; i < sizeof failures / sizeof *failures; i++) {
        status_name(failures[i], name, sizeof name);
        if (may_fail(op, failures[i]) && !json_object_object_get_ex(o, name, NULL))
            add(o, name, schema_ref("responses", name));
    }
    if (api_has_ranges(op)) {
        struct json_object *part = success(op, "The range that was asked for"), *to;
        if (json_object_object_get_ex(part, "headers", &to))
            header_use(to, "Content-Range");
        add(o, "206", part);
        add(o, "304", schema_of_one("description", string("If-None-Match names this version")));
    }
    if (op->id == OP_turn_events)
        add(o, "204", schema_of_one("description", string("You have all of its events")));
    if (op->id == OP_health)
        add(o, "503", success(op, "Something that is needed is down"));
    return o;
}

/* "if_range" is the header If-Range. */
static void parameter_name(const struct field *f, char *ret, size_t capacity)
{
    snprintf(ret, capacity, "%s", f->name);
    for (char *p = ret; *p && f->place == AT_HEADER; p++) {
        if (*p == '_')
            *p = '-';
        else if (p == ret || p[-1] == '-' || strcmp(p - 1, "Id") == 0)
            *p = (char)(*p & ~0x20);
    }
}

static struct json_object *parameters(const struct op *op)
{
    struct json_object *list = array(), *p;

    for (const struct field *f = op->in; f->name; f++) {
        static const char *const places[] = {
            [AT_PATH] = "path", [AT_QUERY] = "query", [AT_HEADER] = "header"};
        char name[32];
        if (f->place == AT_BODY || f->place == AT_PART || f->place == AT_FACT)
            continue;
        p = object();
        parameter_name(f, name, sizeof name);
        add(p, "name", string(name));
        add(p, "in", string(places[f->place]));
        add(p, "required", json_object_new_boolean(!f->optional));
        add(p, "description", string(f->doc));
        add(p, "schema", schema_input(f));
        if (f->type == T_IDS) /* "1,2,3" */
            add(p, "explode", json_object_new_boolean(0));
        json_object_array_add(list, p);
    }
    if (is_keyed(op))
        json_object_array_add(list, schema_ref("parameters", "Idempotency-Key"));
    return list;
}

static struct json_object *security_of(const struct op *op)
{
    struct json_object *list = array();

    if (op->scope != SCOPE_ANYONE)
        json_object_array_add(list, schema_of_one("bearer", array()));
    return list;
}

static struct json_object *operation(const struct op *op)
{
    struct json_object *o = object(), *tag = array(), *p = parameters(op), *body;

    json_object_array_add(tag, string(tags[op->svc].name));
    add(o, "operationId", string(op->name));
    add(o, "tags", tag);
    add(o, "summary", string(op->summary));
    add(o, "security", security_of(op));
    if (json_object_array_length(p))
        add(o, "parameters", p);
    else
        json_object_put(p);
    if (api_has_body(op) || op->stream == STREAM_UPLOAD) {
        body = object();
        add(body, "required",
            json_object_new_boolean(api_needs_body(op) || op->stream == STREAM_UPLOAD));
        add(body, "content",
            op->stream == STREAM_UPLOAD ? content("multipart/form-data", schema_form())
                                        : content("application/json", schema_body(op)));
        add(o, "requestBody", body);
    }
    add(o, "responses", responses(op));
    return o;
}

static struct json_object *paths(void)
{
    struct json_object *o = object(), *item;

    for (int i = 0; i < OP_COUNT; i++) {
        const struct op *op = api_op(i);
        char method[8] = {0};
        if (op->method == METHOD_NONE)
            continue;
        for (size_t k = 0; api_method_name(op->method)[k] && k < sizeof method - 1; k++)
            method[k] = (char)(api_method_name(op->method)[k] | 0x20);
        if (!json_object_object_get_ex(o, op->path, &item))
            add(o, op->path, item = object());
        add(item, method, operation(op));
    }
    return o;
}

static bool is_used(int http)
{
    for (int i = 0; i < OP_COUNT; i++)
        if (api_op(i)->method != METHOD_NONE && may_fail(api_op(i), http))
            return true;
    return false;
}

/* One response per HTTP status; its text lists the codes that it may carry. */
static struct json_object *problem_responses(void)
{
    static const struct {
        int number, http;
        const char *text;
    } statuses[] = {
#define STATUS(name, number, http, text) {number, http, text},
#include "proto/status.def"
    };
    struct json_object *o = object(), *r, *h;
    char name[12], text[2048];

    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        size_t n = 0;
        status_name(statuses[i].http, name, sizeof name);
        if (json_object_object_get_ex(o, name, NULL) || !is_used(statuses[i].http))
            continue;
        for (size_t k = i; k < sizeof statuses / sizeof *statuses; k++)
            if (statuses[k].http == statuses[i].http && n < sizeof text)
                n += (size_t)snprintf(text + n, sizeof text - n, "%s`%s`: %s", n ? "; " : "",
                                      api_code(statuses[k].number), statuses[k].text);
        r = object();
        h = object();
        header_use(h, "X-Request-Id");
        if (statuses[i].http == 429 || statuses[i].http == 503 || statuses[i].http == 409)
            header_use(h, "Retry-After");
        add(r, "description", string(text));
        add(r, "headers", h);
        add(r, "content", content("application/problem+json", schema_ref("schemas", "problem")));
        add(o, name, r);
    }
    return o;
}

static struct json_object *key_parameter(void)
{
    struct json_object *p = object(), *s = object();

    add(s, "type", string("string"));
    add(s, "minLength", json_object_new_int(1));
    add(s, "maxLength", json_object_new_int(255));
    add(p, "name", string("Idempotency-Key"));
    add(p, "in", string("header"));
    add(p, "required", json_object_new_boolean(0));
    add(p, "description",
        string("A value of your own for this change: repeats with the same key within 24 hours get "
               "the first one's result, and change nothing"));
    add(p, "schema", s);
    return schema_of_one("Idempotency-Key", p);
}

static struct json_object *bearer_scheme(void)
{
    struct json_object *o = object();

    add(o, "type", string("http"));
    add(o, "scheme", string("bearer"));
    add(o, "description", string("The access_token of POST /users/login, or an API key (cbk_...)"));
    return schema_of_one("bearer", o);
}

static struct json_object *components(void)
{
    struct json_object *o = object(), *h = object();

    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
        add(h, headers[i].name, header(headers[i].type, headers[i].text));
    add(o, "schemas", schema_all());
    add(o, "responses", problem_responses());
    add(o, "parameters", key_parameter());
    add(o, "headers", h);
    add(o, "securitySchemes", bearer_scheme());
    return o;
}

static struct json_object *info(void)
{
    struct json_object *o = object(), *license = object();

    add(license, "name", string("MIT"));
    add(license, "identifier", string("MIT"));
    add(o, "title", string("Chatbot platform"));
    add(o, "version", string(VERSION));
    add(o, "license", license);
    add(o, "description",
        string("Lengths of strings are limited in bytes of UTF-8; minLength and maxLength give the "
               "same numbers, which JSON Schema counts in characters. JSON bodies have at most "
               "262144 bytes. Errors are application/problem+json; their `code` is for programs. "
               "Lists are arrays by ascending id where nothing else is said, at most `limit` long; "
               "while there may be more, "
               "`Link` has the next page."));
    return o;
}

static struct json_object *tag_list(void)
{
    struct json_object *list = array(), *t;
    bool used[SVC_COUNT] = {false};

    for (int i = 0; i < OP_COUNT; i++)
        used[api_op(i)->svc] |= api_op(i)->method != METHOD_NONE;
    for (int i = 0; i < SVC_COUNT; i++) {
        if (!used[i])
            continue;
        t = object();
        add(t, "name", string(tags[i].name));
        add(t, "description", string(tags[i].text));
        json_object_array_add(list, t);
    }
    return list;
}

char *openapi_text(size_t *ret_size)
{
    struct json_object *o = object(), *servers = array();
    char *text;

    json_object_array_add(servers, schema_of_one("url", string("/")));
    add(o, "openapi", string("3.1.0"));
    add(o, "info", info());
    add(o, "servers", servers);
    add(o, "tags", tag_list());
    add(o, "paths", paths());
    add(o, "components", components());
    text = strdup(
        json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
    json_object_put(o);
    if (!text)
        abort();
    *ret_size = strlen(text);
    return text;
}
