/* The OpenAPI document: every public operation, with what its row says. */
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/cleanup.h"
#include "common/json.h"
#include "proto/api.h"
#include "proto/openapi.h"
#include "tests/unit/check_main.h"

static struct json_object *document(void)
{
    cleanup(free_drop) char *text = NULL;
    struct json_object *o = NULL;
    const char *why = "";
    size_t size;

    text = openapi_text(&size);
    ck_assert_uint_eq(size, strlen(text));
    ck_assert_msg(json_parse(text, size, &o, &why) == DONE, "%s", why);
    return o;
}

/* Steps into members named by a path like "paths|/chat|post". */
static struct json_object *at(struct json_object *o, const char *path)
{
    char name[128];

    while (o && *path) {
        size_t n = strcspn(path, "|");
        ck_assert_uint_lt(n, sizeof name);
        memcpy(name, path, n);
        name[n] = '\0';
        o = json_member(o, name);
        path += n + (path[n] == '|');
    }
    return o;
}

START_TEST(each_public_operation_once)
{
    cleanup(json_drop) struct json_object *doc = document();
    size_t documented = 0, public = 0;

    json_object_object_foreach(at(doc, "paths"), path, item)
    {
        json_object_object_foreach(item, method, op)
        {
            const struct op *row = api_op_named(json_str(op, "operationId", ""));
            ck_assert_ptr_nonnull(row);
            ck_assert_str_eq(row->path, path);
            ck_assert_int_eq(strcasecmp(method, api_method_name(row->method)), 0);
            ck_assert_str_eq(json_str(op, "summary", ""), row->summary);
            documented++;
        }
    }
    for (int i = 0; i < OP_COUNT; i++)
    public += api_op(i)->method != METHOD_NONE;
    ck_assert_uint_eq(documented, public);
}
END_TEST

/* Every $ref leads to something. */
static void refs_check(struct json_object *doc, struct json_object *o)
{
    const char *ref = json_object_is_type(o, json_type_object) ? json_str(o, "$ref", NULL) : NULL;
    char path[128];

    if (ref) {
        ck_assert_int_eq(strncmp(ref, "#/", 2), 0);
        snprintf(path, sizeof path, "%s", ref + 2);
        for (char *c = path; (c = strchr(c, '/')) != NULL;)
            *c = '|';
        ck_assert_msg(at(doc, path) != NULL, "%s", ref);
    }
    if (json_object_is_type(o, json_type_array))
        for (size_t i = 0; i < json_object_array_length(o); i++)
            refs_check(doc, json_object_array_get_idx(o, i));
    if (json_object_is_type(o, json_type_object)) {
        json_object_object_foreach(o, name, member)
        {
            (void)name;
            refs_check(doc, member);
        }
    }
}

START_TEST(references)
{
    cleanup(json_drop) struct json_object *doc = document();

    refs_check(doc, doc);
}
END_TEST

START_TEST(an_operation_in_full)
{
    cleanup(json_drop) struct json_object *doc = document();
    struct json_object *op = at(doc, "paths|/projects/{project_id}/prompts|post");
    struct json_object *body = at(op, "requestBody|content|application/json|schema");

    ck_assert_str_eq(json_str(doc, "openapi", ""), "3.1.0");
    ck_assert_str_eq(json_str(op, "operationId", ""), "prompt_create");
    ck_assert(!json_flag(body, "additionalProperties", true));
    ck_assert_int_eq(json_i64(at(body, "properties|content"), "maxLength", 0), 32768);
    ck_assert_ptr_null(at(body, "properties|project_id"));
    ck_assert_int_eq(json_object_array_length(at(body, "required")), 2);
    ck_assert_ptr_nonnull(at(op, "responses|201|headers|Location"));
    ck_assert_ptr_nonnull(at(op, "responses|404"));
    ck_assert_ptr_nonnull(at(op, "responses|409"));
    ck_assert_ptr_nonnull(at(op, "responses|422"));
    ck_assert_ptr_null(at(op, "responses|502"));
    ck_assert_int_eq(json_object_array_length(at(op, "security")), 1);
    ck_assert_int_eq(json_object_array_length(at(op, "parameters")), 2);
}
END_TEST

START_TEST(secrets_and_nulls)
{
    cleanup(json_drop) struct json_object *doc = document();
    struct json_object *password =
        at(doc, "paths|/users/login|post|requestBody|content|application/json|schema|properties|"
                "password");
    struct json_object *model = at(doc, "components|schemas|project|properties|model|type");
    struct json_object *usage = at(doc, "components|schemas|turn|properties|usage|oneOf");

    ck_assert_str_eq(json_str(password, "format", ""), "password");
    ck_assert(json_flag(password, "writeOnly", false));
    ck_assert(json_object_is_type(model, json_type_array));
    ck_assert_uint_eq(json_object_array_length(model), 2);
    ck_assert_uint_eq(json_object_array_length(usage), 2);
    ck_assert_ptr_nonnull(at(doc, "paths|/health|get|responses|503|content|application/json"));
    ck_assert_ptr_nonnull(at(doc, "paths|/metrics|get|responses|200|content|text/plain"));
    ck_assert_ptr_null(at(doc, "components|schemas|verify_key"));
}
END_TEST

START_TEST(lists_of_ids)
{
    cleanup(json_drop) struct json_object *doc = document();
    struct json_object *files =
        at(doc, "paths|/chat|post|requestBody|content|application/json|schema|properties|file_ids");
    struct json_object *siblings = at(doc, "components|schemas|message|properties|siblings");

    ck_assert_uint_eq(json_object_array_length(at(files, "type")), 2); /* or null */
    ck_assert_str_eq(json_str(at(files, "items"), "type", ""), "integer");
    ck_assert_int_eq(json_i64(at(files, "items"), "minimum", 0), 1);
    ck_assert_int_eq(json_i64(files, "maxItems", 0), 10);
    ck_assert_int_eq(json_i64(files, "minItems", -1), 0);
    ck_assert(json_flag(files, "uniqueItems", false));
    ck_assert_str_eq(json_str(siblings, "type", ""), "array");
    ck_assert_str_eq(json_str(at(siblings, "items"), "format", ""), "int64");
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("openapi");

    tcase_add_test(tests, each_public_operation_once);
    tcase_add_test(tests, references);
    tcase_add_test(tests, an_operation_in_full);
    tcase_add_test(tests, secrets_and_nulls);
    tcase_add_test(tests, lists_of_ids);
    return check_run("openapi", tests);
}
