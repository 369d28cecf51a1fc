#pragma once
/*
 * The API as C sees it: request structs, handler prototypes and a table of operations, all
 * expanded from api.def, shapes.def, status.def and rates.def.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct call;
struct json_object;

/* DONE, or why not; numbers travel on the bus. */
enum status {
    DONE = 0,
#define STATUS(name, number, http, text) name = number,
#include "proto/status.def"
};

enum svc { SVC_AUTH, SVC_PROJECT, SVC_CHAT, SVC_FILE, SVC_GATEWAY, SVC_COUNT };
enum method { METHOD_GET, METHOD_POST, METHOD_PUT, METHOD_DELETE, METHOD_NONE };
enum scope {
    SCOPE_ANYONE,
    SCOPE_USER,
    SCOPE_SESSION, /* the account's own affairs: never with an API key */
    SCOPE_ADMIN,
    SCOPE_FOR_GATEWAY,   /* internal: gateways only */
    SCOPE_FOR_CHAT,      /* internal: chatd */
    SCOPE_FOR_AUTH,      /* internal: authd's outbox */
    SCOPE_FOR_AUDIT,     /* internal: the outbox of projectd, chatd and filed */
    SCOPE_FOR_PROJECT,   /* internal: projectd's outbox */
    SCOPE_FOR_CHAT_FILE, /* internal: chatd and filed */
    SCOPE_FOR_FILE,      /* internal: filed */
};
enum rate {
#define RATE(name, per_minute, by) RATE_##name,
#include "proto/rates.def"
    RATE_COUNT
};
/* What an API key may be allowed to do, as bits. */
enum key_scope { KEY_READ = 1, KEY_CHAT = 2, KEY_FILES = 4, KEY_ADMIN = 8 };
enum rate_key { RATE_BY_USER, RATE_BY_ADDRESS };
enum lane {
    LANE_FAST,
    LANE_SLOW,
    LANE_WRITE,
    LANE_HASH,
    LANE_BULK,
    LANE_COUNT,
    LANE_LOCAL,   /* the gateway itself */
    LANE_RUNTIME, /* a daemon's bus thread; on the bus it counts as FAST */
};
enum stream { STREAM_NONE, STREAM_UPLOAD, STREAM_DOWNLOAD, STREAM_EVENTS };
enum phases { PHASES_APPLY, PHASES_PREPARE, PHASES_BARE };
enum keep { KEEP_NOTHING, KEEP_REPLY, KEEP_IDS, KEEP_TURN };
enum onerror { ONERROR_ROLLBACK, ONERROR_COMMIT };
enum place { AT_PATH, AT_QUERY, AT_BODY, AT_HEADER, AT_PART, AT_FACT };
enum type { T_END, T_I64, T_F64, T_STR, T_SECRET, T_BOOL, T_IDS, T_TIME, T_JSON, T_OBJECT };
enum reply_kind { REPLY_NOTHING, REPLY_ONE, REPLY_LIST, REPLY_LIST_UNDER };

#define LIST_LIMIT 100 /* rows of a list when no limit is asked for */
#define IDS_MAX    64  /* ids of one input; the bounds of its row are within it */

/* Bytes of a file whose text a model can be given. */
#define FILE_TEXT_MAX (256 << 10)

/* Distinct ids, in the order in which they were given. */
struct ids {
    size_t count;
    int64_t list[IDS_MAX];
};

typedef int64_t type_I64;
typedef double type_F64;
typedef const char *type_STR;
typedef const char *type_SECRET; /* never logged, never echoed */
typedef bool type_BOOL;
typedef struct ids type_IDS;
typedef const char *type_JSON; /* an object as text */

struct field {
    const char *name;
    enum type type;
    enum place place;
    bool optional, nullable;
    size_t offset;             /* of the value in the request struct */
    size_t has_offset;         /* of has_<field>, for optional ones */
    size_t null_offset;        /* of null_<field>, for nullable ones */
    int64_t min, max;          /* value of numbers, bytes of strings and objects, count of ids */
    const struct shape *shape; /* of T_OBJECT */
    const char *doc;
};

struct shape {
    const char *name;
    const struct field *fields; /* ends with a NULL name */
};

#define THEN_MAX 2 /* lines of an operation */

struct op {
    int id; /* index in the dispatch table; the wire carries the name */
    const char *name, *path, *summary;
    enum svc svc;
    enum method method;
    enum scope scope;
    enum rate rate;
    enum lane lane;
    enum phases phases;
    enum keep keep;
    enum onerror onerror;
    enum stream stream;
    int ok, also;           /* HTTP statuses of success; also: 0 if there is one only */
    const char *location;   /* Location template, or NULL */
    size_t in_size;         /* of the request struct */
    const struct field *in; /* ends with a NULL name */
    enum reply_kind reply;
    const struct shape *out; /* NULL for REPLY_NOTHING */
    int then[THEN_MAX];      /* ids of what the gateway calls after it */
    unsigned then_count;
};

enum op_id {
#define OP(name, ...) OP_##name,
#include "proto/api.def"
    OP_COUNT
};

/* Request structs.  For every optional field x there are has_x and, if nullable, null_x; an
 * explicit null sets both has_x and null_x and leaves x zero. */
#define OP(name, ...)            struct name##_in {
#define IN(T, place, field, ...) type_##T field;
#define OPT(T, place, field, ...) \
    type_##T field;               \
    bool has_##field;
#define OPT_NULL(T, place, field, ...) \
    type_##T field;                    \
    bool has_##field, null_##field;
#define END \
    }       \
    ;
#include "proto/api.def"

/* Handler prototypes: one function per operation that is not FAST; see handlers.h. */
#define API_HANDLER_FAST(name)
#define API_HANDLER_LOCAL(name)
#define API_HANDLER_RUNTIME(name)
#define API_HANDLER_SLOW(name)  int name(struct call *c, const struct name##_in *in);
#define API_HANDLER_WRITE(name) API_HANDLER_SLOW(name)
#define API_HANDLER_HASH(name)  API_HANDLER_SLOW(name)
#define API_HANDLER_BULK(name)  API_HANDLER_SLOW(name)
#define API_PREPARE_APPLY(name)
#define API_PREPARE_BARE(name)
#define API_PREPARE_PREPARE(name) int name##_prepare(struct call *c, const struct name##_in *in);
#define OP(name, svc, method, path, scope, rate, lane, phases, ...) \
    API_HANDLER_##lane(name) API_PREPARE_##phases(name)
#include "proto/api.def"

/* A handler with its input type erased: `in` is the operation's request struct. */
typedef int op_fn(struct call *c, const void *in);

/* How a daemon serves one operation; all NULL/-1 where it is not its own. */
struct handler {
    op_fn *apply;   /* NULL for FAST */
    op_fn *prepare; /* NULL unless the row says PREPARE */
    int query;      /* FAST: index into the daemon's queries; else -1 */
    bool mine;
};

/* Looks an operation up by id (0..OP_COUNT-1).  NULL if there is none. */
const struct op *api_op(int id);

/* Looks an operation up by its name on the wire.  NULL if there is none. */
const struct op *api_op_named(const char *name);

/* The service's lower-case name: "auth", "project", "chat", "file", "gateway". */
const char *api_svc_name(enum svc svc);

/* The service with that name, or -1. */
int api_svc_named(const char *name);

/* "GET", "POST", ...; NULL for METHOD_NONE. */
const char *api_method_name(enum method m);

/* Whether a process of service `from` may call the internal operation `op`. */
bool api_peer_may_call(const struct op *op, enum svc from);

/* Requests per minute of a rate class; 0 means unlimited. */
int api_rate_per_minute(enum rate r);
enum rate_key api_rate_key(enum rate r);

/*
 * A request's path and query values on the bus: name NUL value NUL ... (see proto/README.md).
 * Values hold no NUL.
 */
struct params {
    char *data;
    size_t size, capacity;
    size_t count;
};

#define PARAMS_MAX 12288 /* bytes, names and NULs included */

/* Appends one pair.  False when it would pass the capacity, or a name or value holds a NUL. */
bool params_add(struct params *p, const char *name, const char *value, size_t value_size);

/* The value of `name` in an encoded block, or NULL.  A block that is not well formed has none. */
const char *params_get(const char *data, size_t size, const char *name);

/* What api_match() found. */
struct match {
    const struct op *op; /* NULL: no such path, or none with this method */
    unsigned allowed;    /* bit per enum method that the path knows; 0: unknown path */
};

/*
 * Finds the operation for a method and a decoded path, and appends the path's values to
 * ret_params.  Where two templates fit, the one with the earlier literal segment wins.
 */
struct match api_match(const char *method, const char *path, struct params *ret_params);

/*
 * Decodes a request into its struct.
 * params, size: encoded block.  body: parsed JSON object or NULL.  ret_in: op->in_size bytes,
 * zeroed by the caller; its strings point into params and body, which must outlive it.
 * Results: DONE; NOT_FOUND for a path value that is no id; BAD_INPUT, with reterr_field the first
 * offending or unknown field (at most 255 bytes; points into op, params or body, or is "body" when
 * that is no object, "" when the name is longer) and reterr_why a short reason.
 */
int api_decode(const struct op *op, const char *params, size_t size, struct json_object *body,
               void *ret_in, const char **reterr_field, const char **reterr_why)
    __attribute__((warn_unused_result));

/*
 * The scopes of which a key needs one for this operation; 0: no key may call it.  Reading takes
 * "read", of conversations also "chat", of files also "files"; changing them takes "chat" or
 * "files", everything else "admin".
 */
unsigned api_key_scopes(const struct op *op);

/* Scopes from their names, separated by blanks: "read chat".  0 when one is unknown or twice. */
unsigned api_key_scopes_named(const char *names);

/* Whether it is a download that is there before it is asked for, so that it has an entity tag, and
 * parts of it can be asked for. */
bool api_has_ranges(const struct op *op);

/* Whether any input of the operation is in the body. */
bool api_has_body(const struct op *op);

/* Whether it cannot do without: only what starts a turn can, when all that the body may have is
 * optional. */
bool api_needs_body(const struct op *op);

/* The HTTP status, code ("not_found") and default text of a status; unknown numbers are INTERNAL.
 */
int api_http(int status);
const char *api_code(int status);
const char *api_text(int status);

/* The status with that code, or -1. */
int api_status_coded(const char *code);
