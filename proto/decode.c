/* From a request's bytes to the operation's typed, bounded struct. */
#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/api.h"

#define FIELD_NAME_MAX 255 /* bytes of a name in a reply, see STR in frames.def */

bool params_add(struct params *p, const char *name, const char *value, size_t value_size)
{
    size_t name_size = strlen(name), size = name_size + value_size + 2;

    if (size > p->capacity - p->size || memchr(value, '\0', value_size))
        return false;
    memcpy(p->data + p->size, name, name_size + 1);
    memcpy(p->data + p->size + name_size + 1, value, value_size);
    p->data[p->size + size - 1] = '\0';
    p->size += size;
    p->count++;
    return true;
}

/* Steps over one pair at *at.  False at the end or where the block is not well formed. */
static bool params_next(const char *data, size_t size, size_t *at, const char **ret_name,
                        const char **ret_value)
{
    const char *name_end = *at < size ? memchr(data + *at, '\0', size - *at) : NULL;
    size_t value_at = name_end ? (size_t)(name_end - data) + 1 : size;
    const char *value_end = value_at < size ? memchr(data + value_at, '\0', size - value_at) : NULL;

    if (!value_end)
        return false;
    *ret_name = data + *at;
    *ret_value = data + value_at;
    *at = (size_t)(value_end - data) + 1;
    return true;
}

const char *params_get(const char *data, size_t size, const char *name)
{
    const char *n, *v;

    for (size_t at = 0; params_next(data, size, &at, &n, &v);)
        if (strcmp(n, name) == 0)
            return v;
    return NULL;
}

/* A whole decimal number without sign tricks, spaces or leading zeros. */
static bool text_i64(const char *s, int64_t *ret)
{
    char *end;

    if (!(s[0] == '-' ? s[1] >= '1' && s[1] <= '9' : s[0] >= '0' && s[0] <= '9') ||
        (s[0] == '0' && s[1]))
        return false;
    errno = 0;
    *ret = strtoll(s, &end, 10);
    return errno == 0 && *end == '\0';
}

/* A reason with its limits in numbers; until this thread's next one. */
static const char *limit_why(const char *what, int64_t limit, const char *unit)
{
    static _Thread_local char why[80];

    snprintf(why, sizeof why, "%s %" PRId64 "%s", what, limit, unit);
    return why;
}

static const char *range_why(const struct field *f)
{
    char unit[32];

    if (f->max == INT64_MAX)
        return limit_why("must be at least", f->min, "");
    if (f->min == INT64_MIN)
        return limit_why("must be at most", f->max, "");
    snprintf(unit, sizeof unit, " to %" PRId64, f->max);
    return limit_why("must be from", f->min, unit);
}

static const char *i64_read(const struct field *f, int64_t n, char *in)
{
    if (n < f->min || n > f->max)
        return range_why(f);
    *(int64_t *)(in + f->offset) = n;
    return NULL;
}

static const char *f64_read(const struct field *f, double d, char *in)
{
    if (!isfinite(d) || d < (double)f->min || d > (double)f->max)
        return range_why(f);
    *(double *)(in + f->offset) = d;
    return NULL;
}

static const char *str_read(const struct field *f, const char *s, size_t size, char *in)
{
    if (strlen(s) != size)
        return "holds a NUL character";
    if ((int64_t)size < f->min)
        return size == 0 ? "must not be empty" : limit_why("must have at least", f->min, " bytes");
    if ((int64_t)size > f->max)
        return limit_why("may have at most", f->max, " bytes");
    *(const char **)(in + f->offset) = s;
    return NULL;
}

static const char *const ids_why = "must be a list of positive integers";

/* One more id of a list. */
static const char *id_add(const struct field *f, int64_t id, struct ids *ids)
{
    if (id < 1)
        return ids_why;
    if ((int64_t)ids->count >= f->max || ids->count >= IDS_MAX)
        return limit_why("may name at most", f->max < IDS_MAX ? f->max : IDS_MAX, "");
    for (size_t i = 0; i < ids->count; i++)
        if (ids->list[i] == id)
            return "names an id twice";
    ids->list[ids->count++] = id;
    return NULL;
}

static const char *ids_end(const struct field *f, const struct ids *ids)
{
    return (int64_t)ids->count < f->min ? limit_why("must name at least", f->min, "") : NULL;
}

/* "1,2,3" */
static const char *ids_text(const struct field *f, const char *s, char *in)
{
    struct ids *ids = (struct ids *)(in + f->offset);
    const char *why = NULL;

    while (*s && !why) {
        char number[24] = "";
        size_t n = strcspn(s, ",");
        int64_t id;
        if (n >= sizeof number || (s[n] && !s[n + 1]))
            return ids_why;
        memcpy(number, s, n);
        if (!text_i64(number, &id))
            return ids_why;
        why = id_add(f, id, ids);
        s += n + (s[n] == ',');
    }
    return why ? why : ids_end(f, ids);
}

/* A JSON number as it was written; json-c clamps what does not fit, and of INT64_MIN one cannot
 * tell. */
static bool json_whole(struct json_object *v, int64_t *ret)
{
    *ret = json_object_get_int64(v);
    return !(*ret == INT64_MAX && json_object_get_uint64(v) > INT64_MAX) && *ret != INT64_MIN;
}

static const char *ids_json(const struct field *f, struct json_object *v, char *in)
{
    struct ids *ids = (struct ids *)(in + f->offset);
    const char *why = NULL;
    int64_t id;

    if (!json_object_is_type(v, json_type_array))
        return ids_why;
    for (size_t i = 0; i < json_object_array_length(v) && !why; i++) {
        struct json_object *one = json_object_array_get_idx(v, i);
        if (!json_object_is_type(one, json_type_int) || !json_whole(one, &id))
            return ids_why;
        why = id_add(f, id, ids);
    }
    return why ? why : ids_end(f, ids);
}

static bool has_large_number(struct json_object *v);

static bool member_is_large(struct json_object *o)
{
    json_object_object_foreach(o, key, v)
    {
        (void)key;
        if (has_large_number(v))
            return true;
    }
    return false;
}

/* Whether a whole number in it does not fit into json-c, so that it would become another one. */
static bool has_large_number(struct json_object *v)
{
    switch (json_object_get_type(v)) {
    case json_type_int:
        return json_object_get_int64(v) == INT64_MIN || json_object_get_uint64(v) == UINT64_MAX;
    case json_type_array:
        for (size_t i = 0; i < json_object_array_length(v); i++)
            if (has_large_number(json_object_array_get_idx(v, i)))
                return true;
        return false;
    case json_type_object:
        return member_is_large(v);
    default:
        return false;
    }
}

/* The text is json-c's and lives as long as the body. */
static const char *object_read(const struct field *f, struct json_object *v, char *in)
{
    size_t size;
    const char *text;

    if (!json_object_is_type(v, json_type_object))
        return "must be an object";
    if (has_large_number(v))
        return "holds a number that is too large";
    text = json_object_to_json_string_length(
        v, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &size);
    return str_read(f, text, size, in);
}

/* Reads a path or query value.  NULL, or why not. */
static const char *text_read(const struct field *f, const char *s, char *in)
{
    int64_t n;

    switch (f->type) {
    case T_I64:
        return text_i64(s, &n) ? i64_read(f, n, in) : "must be an integer";
    case T_STR:
    case T_SECRET:
        return str_read(f, s, strlen(s), in);
    case T_BOOL:
        if (strcmp(s, "true") != 0 && strcmp(s, "false") != 0)
            return "must be true or false";
        *(bool *)(in + f->offset) = s[0] == 't';
        return NULL;
    case T_IDS:
        return ids_text(f, s, in);
    default:
        return "cannot be given here";
    }
}

/* Reads a value of the JSON body.  NULL, or why not. */
static const char *json_read(const struct field *f, struct json_object *v, char *in)
{
    enum json_type type = json_object_get_type(v);
    int64_t n;

    switch (f->type) {
    case T_I64:
        if (type != json_type_int)
            return "must be an integer";
        return json_whole(v, &n) ? i64_read(f, n, in) : range_why(f);
    case T_F64:
        if (type != json_type_int && type != json_type_double)
            return "must be a number";
        return f64_read(f, json_object_get_double(v), in);
    case T_STR:
    case T_SECRET:
        if (type != json_type_string)
            return "must be a string";
        return str_read(f, json_object_get_string(v), (size_t)json_object_get_string_len(v), in);
    case T_BOOL:
        if (type != json_type_boolean)
            return "must be true or false";
        *(bool *)(in + f->offset) = json_object_get_boolean(v);
        return NULL;
    case T_IDS:
        return ids_json(f, v, in);
    case T_JSON:
        return object_read(f, v, in);
    default:
        return "cannot be given here";
    }
}

static const struct field *field_named(const struct op *op, const char *name, bool in_body)
{
    for (const struct field *f = op->in; f->name; f++)
        if ((f->place == AT_BODY) == in_body && strcmp(f->name, name) == 0)
            return f;
    return NULL;
}

/* The first name that the operation does not know, or that is given twice; NULL if none. */
static const char *unknown_name(const struct op *op, const char *params, size_t size,
                                struct json_object *body, const char **ret_why)
{
    const char *name, *value;
    uint64_t seen = 0;

    for (size_t at = 0; params_next(params, size, &at, &name, &value);) {
        const struct field *f = field_named(op, name, false);
        uint64_t bit = f ? UINT64_C(1) << (f - op->in) : 0;
        *ret_why = f ? "given twice" : "unknown field";
        if (!f || seen & bit)
            return name;
        seen |= bit;
    }
    if (!body)
        return NULL;
    *ret_why = "unknown field";
    json_object_object_foreach(body, key, v)
    {
        (void)v;
        if (!field_named(op, key, true))
            return key;
    }
    return NULL;
}

static const char *field_read(const struct field *f, const char *params, size_t size,
                              struct json_object *body, char *in)
{
    struct json_object *v = NULL;
    const char *text = NULL, *why = NULL;
    bool given;

    if (f->place == AT_BODY)
        given = body && json_object_object_get_ex(body, f->name, &v);
    else
        given = (text = params_get(params, size, f->name)) != NULL;
    if (!given)
        return f->optional ? NULL : "is missing";
    if (f->place == AT_BODY && !v) {
        if (!f->nullable)
            return "must not be null";
        *(bool *)(in + f->null_offset) = true;
    } else {
        why = text ? text_read(f, text, in) : json_read(f, v, in);
    }
    if (!why && f->optional)
        *(bool *)(in + f->has_offset) = true;
    return why;
}

int api_decode(const struct op *op, const char *params, size_t size, struct json_object *body,
               void *ret_in, const char **reterr_field, const char **reterr_why)
{
    const char *unknown;

    if (body && !json_object_is_type(body, json_type_object)) {
        *reterr_field = "body";
        *reterr_why = "must be an object";
        return BAD_INPUT;
    }
    for (const struct field *f = op->in; f->name; f++) {
        const char *why = field_read(f, params, size, body, ret_in);
        if (!why)
            continue;
        *reterr_field = f->name;
        *reterr_why = why;
        return f->place == AT_PATH ? NOT_FOUND : BAD_INPUT;
    }
    unknown = unknown_name(op, params, size, body, reterr_why);
    if (!unknown)
        return DONE;
    *reterr_field = unknown;
    if (strlen(unknown) > FIELD_NAME_MAX) {
        *reterr_field = "";
        *reterr_why = "unknown field with a very long name";
    }
    return BAD_INPUT;
}
