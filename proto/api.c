/* The tables made from api.def and the small functions that read them. */
#include "proto/api.h"

#include <string.h>

/* Shapes may hold shapes: declare all, then fill. */
#define SHAPE(name) static const struct shape shape_##name;
#include "proto/shapes.def"

#define SHAPE(name)           static const struct field shape_##name##_fields[] = {
#define FIELD(T, field, text) {.name = #field, .type = T_##T, .place = AT_BODY, .doc = text},
#define NULLABLE(T, field, text) \
    {.name = #field, .type = T_##T, .place = AT_BODY, .nullable = true, .doc = text},
#define OBJECT(s, field, text) \
    {.name = #field,           \
     .type = T_OBJECT,         \
     .place = AT_BODY,         \
     .nullable = true,         \
     .shape = &shape_##s,      \
     .doc = text},
#define ENDSHAPE \
    {            \
        0        \
    }            \
    }            \
    ;
#include "proto/shapes.def"

#define SHAPE(name) static const struct shape shape_##name = {#name, shape_##name##_fields};
#include "proto/shapes.def"

static struct op ops[OP_COUNT];

__attribute__((constructor)) static void api_fill(void)
{
#define OP(n, service, m, p, sc, r, l, ph, k, oe, status, text) \
    {                                                           \
        typedef struct n##_in in_t;                             \
        struct op *op = &ops[OP_##n];                           \
        *op = (struct op){.id = OP_##n,                         \
                          .name = #n,                           \
                          .path = p,                            \
                          .summary = text,                      \
                          .svc = SVC_##service,                 \
                          .method = METHOD_##m,                 \
                          .scope = SCOPE_##sc,                  \
                          .rate = RATE_##r,                     \
                          .lane = LANE_##l,                     \
                          .phases = PHASES_##ph,                \
                          .keep = KEEP_##k,                     \
                          .onerror = ONERROR_##oe,              \
                          .ok = status,                         \
                          .in_size = sizeof(in_t)};             \
        static const struct field fields[] = {
#define IN(T, w, f, lo, hi, text) \
    {.name = #f,                  \
     .type = T_##T,               \
     .place = AT_##w,             \
     .offset = offsetof(in_t, f), \
     .min = lo,                   \
     .max = hi,                   \
     .doc = text},
#define OPT(T, w, f, lo, hi, text)          \
    {.name = #f,                            \
     .type = T_##T,                         \
     .place = AT_##w,                       \
     .optional = true,                      \
     .offset = offsetof(in_t, f),           \
     .has_offset = offsetof(in_t, has_##f), \
     .min = lo,                             \
     .max = hi,                             \
     .doc = text},
#define OPT_NULL(T, w, f, lo, hi, text)       \
    {.name = #f,                              \
     .type = T_##T,                           \
     .place = AT_##w,                         \
     .optional = true,                        \
     .nullable = true,                        \
     .offset = offsetof(in_t, f),             \
     .has_offset = offsetof(in_t, has_##f),   \
     .null_offset = offsetof(in_t, null_##f), \
     .min = lo,                               \
     .max = hi,                               \
     .doc = text},
#define LOCATION(template) {.name = NULL, .doc = template},
#define REPLIES(kind) \
    {                 \
        0             \
    }                 \
    }                 \
    ;                 \
    op->in = fields;  \
    op->reply = kind;
#define UPLOAD()      op->stream = STREAM_UPLOAD;
#define DOWNLOAD()    op->stream = STREAM_DOWNLOAD;
#define THEN(next)    op->then[op->then_count++] = OP_##next;
#define ALSO(status)  op->also = status;
#define EVENTS()      op->stream = STREAM_EVENTS;
#define NOTHING()     REPLIES(REPLY_NOTHING)
#define OUT(s)        REPLIES(REPLY_ONE) op->out = &shape_##s;
#define LIST(s)       REPLIES(REPLY_LIST) op->out = &shape_##s;
#define LIST_UNDER(s) REPLIES(REPLY_LIST_UNDER) op->out = &shape_##s;
#define END                            \
    const struct field *last = op->in; \
    while (last->name)                 \
        last++;                        \
    op->location = last->doc;          \
    }
#include "proto/api.def"
}

const struct op *api_op(int id)
{
    return id >= 0 && id < OP_COUNT ? &ops[id] : NULL;
}

const struct op *api_op_named(const char *name)
{
    for (size_t i = 0; i < OP_COUNT; i++)
        if (strcmp(ops[i].name, name) == 0)
            return &ops[i];
    return NULL;
}

static const char *const svc_names[SVC_COUNT] = {"auth", "project", "chat", "file", "gateway"};
static const char *const method_names[] = {"GET", "POST", "PUT", "DELETE", NULL};

const char *api_svc_name(enum svc svc)
{
    return svc_names[svc];
}

int api_svc_named(const char *name)
{
    for (int i = 0; i < SVC_COUNT; i++)
        if (strcmp(svc_names[i], name) == 0)
            return i;
    return -1;
}

const char *api_method_name(enum method m)
{
    return method_names[m];
}

bool api_peer_may_call(const struct op *op, enum svc from)
{
    switch (op->scope) {
    case SCOPE_FOR_GATEWAY:
        return from == SVC_GATEWAY;
    case SCOPE_FOR_CHAT:
        return from == SVC_CHAT;
    case SCOPE_FOR_AUTH:
        return from == SVC_AUTH;
    case SCOPE_FOR_AUDIT:
        return from == SVC_PROJECT || from == SVC_CHAT || from == SVC_FILE;
    case SCOPE_FOR_PROJECT:
        return from == SVC_PROJECT;
    case SCOPE_FOR_FILE:
        return from == SVC_FILE;
    case SCOPE_FOR_CHAT_FILE:
        return from == SVC_CHAT || from == SVC_FILE;
    case SCOPE_ANYONE:
    case SCOPE_USER:
    case SCOPE_SESSION:
    case SCOPE_ADMIN:
        return from == SVC_GATEWAY;
    }
    return false;
}

bool api_has_ranges(const struct op *op)
{
    for (const struct field *f = op->in; f->name; f++)
        if (f->place == AT_HEADER && strcmp(f->name, "range") == 0)
            return true;
    return false;
}

unsigned api_key_scopes(const struct op *op)
{
    unsigned own = op->svc == SVC_CHAT ? KEY_CHAT : op->svc == SVC_FILE ? KEY_FILES : 0;

    if (op->scope == SCOPE_ADMIN)
        return KEY_ADMIN;
    if (op->scope != SCOPE_USER)
        return 0;
    if (op->method == METHOD_GET)
        return KEY_READ | own;
    return own ? own : KEY_ADMIN;
}

unsigned api_key_scopes_named(const char *names)
{
    static const char *const known[] = {"read", "chat", "files", "admin"};
    unsigned all = 0;

    while (*names) {
        size_t n = strcspn(names, " ");
        unsigned bit = 0;
        for (unsigned i = 0; i < sizeof known / sizeof *known; i++)
            if (strlen(known[i]) == n && strncmp(known[i], names, n) == 0)
                bit = 1U << i;
        if (!bit || all & bit)
            return 0;
        all |= bit;
        names += n;
        if (*names && !*++names)
            return 0;
    }
    return all;
}

static const struct {
    int per_minute;
    enum rate_key by;
} rates[RATE_COUNT] = {
#define RATE(name, per_minute, by) [RATE_##name] = {per_minute, RATE_BY_##by},
#include "proto/rates.def"
};

int api_rate_per_minute(enum rate r)
{
    return rates[r].per_minute;
}

enum rate_key api_rate_key(enum rate r)
{
    return rates[r].by;
}

bool api_has_body(const struct op *op)
{
    for (const struct field *f = op->in; f->name; f++)
        if (f->place == AT_BODY)
            return true;
    return false;
}

bool api_needs_body(const struct op *op)
{
    if (op->keep != KEEP_TURN)
        return api_has_body(op);
    for (const struct field *f = op->in; f->name; f++)
        if (f->place == AT_BODY && !f->optional)
            return true;
    return false;
}

int api_http(int status)
{
    switch (status) {
    case DONE:
        return 200;
#define STATUS(name, number, http, text) \
    case name:                           \
        return http;
#include "proto/status.def"
    }
    return 500;
}

const char *api_text(int status)
{
    switch (status) {
#define STATUS(name, number, http, text) \
    case name:                           \
        return text;
#include "proto/status.def"
    }
    return "internal error; the log has the request id";
}

static const struct {
    int number;
    const char *upper;
} status_names[] = {
#define STATUS(name, number, http, text) {number, #name},
#include "proto/status.def"
};
static char codes[sizeof status_names / sizeof *status_names][32];

__attribute__((constructor)) static void codes_fill(void)
{
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        for (size_t k = 0; k < sizeof codes[i] - 1 && status_names[i].upper[k]; k++)
            codes[i][k] =
                status_names[i].upper[k] == '_' ? '_' : (char)(status_names[i].upper[k] | 0x20);
}

const char *api_code(int status)
{
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (status_names[i].number == status)
            return codes[i];
    return "internal";
}

int api_status_coded(const char *code)
{
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (strcmp(codes[i], code) == 0)
            return status_names[i].number;
    return -1;
}
