/* JSON Schemas (2020-12, as OpenAPI 3.1 has them) of the tables' shapes and inputs. */
#include "proto/openapi_schema.h"

#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#define add    json_object_object_add
#define string json_object_new_string
#define number json_object_new_int64
#define array  json_object_new_array
#define object json_object_new_object

struct json_object *schema_of_one(const char *name, struct json_object *value)
{
    struct json_object *o = object();

    add(o, name, value);
    return o;
}

struct json_object *schema_ref(const char *kind, const char *name)
{
    char ref[128];

    snprintf(ref, sizeof ref, "#/components/%s/%s", kind, name);
    return schema_of_one("$ref", string(ref));
}

static void type_add(struct json_object *to, const char *type, bool nullable)
{
    struct json_object *types;

    if (!nullable) {
        add(to, "type", string(type));
        return;
    }
    types = array();
    json_object_array_add(types, string(type));
    json_object_array_add(types, string("null"));
    add(to, "type", types);
}

static bool is_text(const struct field *f)
{
    return f->type == T_STR || f->type == T_SECRET;
}

static struct json_object *id_schema(void)
{
    struct json_object *o = object();

    type_add(o, "integer", false);
    add(o, "format", string("int64"));
    add(o, "minimum", number(1));
    return o;
}

/* type, format and description; objects are handled by their caller. */
static struct json_object *field_schema(const struct field *f)
{
    struct json_object *o = object();

    switch (f->type) {
    case T_I64:
        type_add(o, "integer", f->nullable);
        add(o, "format", string("int64"));
        break;
    case T_F64:
        type_add(o, "number", f->nullable);
        add(o, "format", string("double"));
        break;
    case T_BOOL:
        type_add(o, "boolean", f->nullable);
        break;
    case T_IDS:
        type_add(o, "array", f->nullable);
        add(o, "items", id_schema());
        break;
    case T_STR:
        type_add(o, "string", f->nullable);
        break;
    case T_SECRET:
        type_add(o, "string", f->nullable);
        add(o, "format", string("password"));
        add(o, "writeOnly", json_object_new_boolean(1));
        break;
    case T_TIME:
        type_add(o, "string", f->nullable);
        add(o, "format", string("date-time"));
        break;
    case T_JSON:
    case T_OBJECT:
    case T_END:
        break;
    }
    return o;
}

static void limits_add(struct json_object *o, const struct field *f)
{
    char text[512];

    snprintf(text, sizeof text, "%s", f->doc);
    if (is_text(f)) {
        add(o, "minLength", number(f->min));
        add(o, "maxLength", number(f->max));
        snprintf(text, sizeof text, "%s (%lld to %lld bytes of UTF-8)", f->doc, (long long)f->min,
                 (long long)f->max);
    } else if (f->type == T_JSON) {
        snprintf(text, sizeof text, "%s (at most %lld bytes of JSON)", f->doc, (long long)f->max);
    } else if (f->type == T_IDS) {
        add(o, "uniqueItems", json_object_new_boolean(1));
        add(o, "minItems", number(f->min));
        add(o, "maxItems", number(f->max));
    } else if (f->type != T_BOOL) {
        add(o, "minimum", number(f->min));
        if (f->max != INT64_MAX)
            add(o, "maximum", number(f->max));
    }
    add(o, "description", string(text));
}

struct json_object *schema_input(const struct field *f)
{
    struct json_object *o = field_schema(f);

    if (f->type == T_JSON)
        type_add(o, "object", f->nullable);
    limits_add(o, f);
    return o;
}

struct json_object *schema_body(const struct op *op)
{
    struct json_object *o = object(), *members = object(), *required = array();

    for (const struct field *f = op->in; f->name; f++) {
        if (f->place != AT_BODY)
            continue;
        add(members, f->name, schema_input(f));
        if (!f->optional)
            json_object_array_add(required, string(f->name));
    }
    type_add(o, "object", false);
    add(o, "properties", members);
    if (json_object_array_length(required))
        add(o, "required", required);
    else
        json_object_put(required);
    add(o, "additionalProperties", json_object_new_boolean(0));
    return o;
}

struct json_object *schema_bytes(const char *text)
{
    struct json_object *o = object();

    type_add(o, "string", false);
    add(o, "format", string("binary"));
    add(o, "description", string(text));
    return o;
}

struct json_object *schema_form(void)
{
    struct json_object *o = object(), *members = object(), *required = array();

    add(members, "file",
        schema_bytes("The file, with its name in the part's filename: 1 to 255 bytes of UTF-8"));
    json_object_array_add(required, string("file"));
    type_add(o, "object", false);
    add(o, "properties", members);
    add(o, "required", required);
    add(o, "additionalProperties", json_object_new_boolean(0));
    return o;
}

/* A nested object, which may be null. */
static struct json_object *nested_schema(const struct field *f)
{
    struct json_object *o = object(), *either = array();

    json_object_array_add(either, schema_ref("schemas", f->shape->name));
    json_object_array_add(either, schema_of_one("type", string("null")));
    add(o, "oneOf", either);
    return o;
}

static struct json_object *shape_schema(const struct shape *s)
{
    struct json_object *o = object(), *members = object(), *required = array(), *m;

    for (const struct field *f = s->fields; f->name; f++) {
        m = f->type == T_OBJECT ? nested_schema(f) : field_schema(f);
        add(m, "description", string(f->doc));
        add(members, f->name, m);
        json_object_array_add(required, string(f->name));
    }
    type_add(o, "object", false);
    add(o, "properties", members);
    add(o, "required", required);
    return o;
}

static void shape_add(struct json_object *to, const struct shape *s)
{
    if (json_object_object_get_ex(to, s->name, NULL))
        return;
    add(to, s->name, shape_schema(s));
    for (const struct field *f = s->fields; f->name; f++)
        if (f->type == T_OBJECT)
            shape_add(to, f->shape);
}

static void member_add(struct json_object *members, const char *name, const char *type,
                       const char *doc)
{
    struct json_object *m = object();

    type_add(m, type, false);
    add(m, "description", string(doc));
    add(members, name, m);
}

/* RFC 9457, with the members that ours have. */
static struct json_object *problem_schema(void)
{
    static const int statuses[] = {
#define STATUS(name, number, http, text) number,
#include "proto/status.def"
    };
    static const char *const required[] = {"type",   "title", "status",
                                           "detail", "code",  "request_id"};
    struct json_object *o = object(), *members = object(), *names = array(), *codes = array();

    member_add(members, "type", "string", "Always about:blank");
    member_add(members, "title", "string", "The HTTP status in words");
    member_add(members, "status", "integer", "The HTTP status");
    member_add(members, "detail", "string", "What went wrong, for people");
    member_add(members, "code", "string", "What went wrong, for programs");
    member_add(members, "field", "string", "The input that it is about");
    member_add(members, "request_id", "string",
               "As in X-Request-Id; name it when you ask for help");
    member_add(members, "turn_id", "integer", "The turn that it is about");
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++)
        json_object_array_add(codes, string(api_code(statuses[i])));
    add(json_object_object_get(members, "code"), "enum", codes);
    for (size_t i = 0; i < sizeof required / sizeof *required; i++)
        json_object_array_add(names, string(required[i]));
    type_add(o, "object", false);
    add(o, "properties", members);
    add(o, "required", names);
    return o;
}

struct json_object *schema_all(void)
{
    struct json_object *o = object();

    for (int i = 0; i < OP_COUNT; i++)
        if (api_op(i)->method != METHOD_NONE && api_op(i)->out)
            shape_add(o, api_op(i)->out);
    add(o, "problem", problem_schema());
    return o;
}
