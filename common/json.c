/* JSON from strangers, parsed once it was found to be strict; and members of trusted objects. */
#include "common/json.h"

#include <errno.h>
#include <json-c/json.h>
#include <limits.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "proto/api.h"

static void tokener_drop(struct json_tokener **t)
{
    if (*t)
        json_tokener_free(*t);
    *t = NULL;
}

int json_parse(const char *text, size_t size, struct json_object **ret, const char **reterr_why)
{
    cleanup(tokener_drop) struct json_tokener *t = NULL;
    cleanup(json_drop) struct json_object *o = NULL;

    *ret = NULL;
    *reterr_why = "too large";
    if (size > INT_MAX || !json_check(text, size, reterr_why))
        return BAD_JSON;
    /* Not JSON_TOKENER_STRICT: it refuses numbers that only do not fit.  json-c counts scalars
     * and the end as levels too. */
    t = json_tokener_new_ex(JSON_DEPTH_MAX + 2);
    if (!t)
        abort();
    errno = 0;
    o = json_tokener_parse_ex(t, text, (int)size);
    if (json_tokener_get_error(t) == json_tokener_continue)
        o = json_tokener_parse_ex(t, "", 1); /* a number ends only with what follows it */
    if (errno == ENOMEM)
        abort(); /* it would leave out what it had no room for, and call that a success */
    if (json_tokener_get_error(t) != json_tokener_success) {
        *reterr_why = "not a JSON text";
        return BAD_JSON;
    }
    *ret = TAKE(o);
    return DONE;
}

struct json_object *json_member(struct json_object *o, const char *name)
{
    struct json_object *v = NULL;

    return json_object_object_get_ex(o, name, &v) ? v : NULL;
}

/* The member if it has the type; NULL otherwise. */
static struct json_object *member_of_type(struct json_object *o, const char *name, json_type type)
{
    struct json_object *v = json_member(o, name);

    return json_object_is_type(v, type) ? v : NULL;
}

const char *json_str(struct json_object *o, const char *name, const char *otherwise)
{
    struct json_object *v = member_of_type(o, name, json_type_string);

    return v ? json_object_get_string(v) : otherwise;
}

int64_t json_i64(struct json_object *o, const char *name, int64_t otherwise)
{
    struct json_object *v = member_of_type(o, name, json_type_int);

    return v ? json_object_get_int64(v) : otherwise;
}

bool json_flag(struct json_object *o, const char *name, bool otherwise)
{
    struct json_object *v = member_of_type(o, name, json_type_boolean);

    return v ? json_object_get_boolean(v) : otherwise;
}
