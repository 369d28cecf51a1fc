/* api_match(): which operation a method and a path mean, and what the path's values are. */
#include <string.h>

#include "common/cleanup.h"
#include "proto/api.h"
#include "tests/unit/check_main.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define GET      (1U << METHOD_GET)
#define POST     (1U << METHOD_POST)
#define PUT      (1U << METHOD_PUT)
#define DELETE   (1U << METHOD_DELETE)

static char block[PARAMS_MAX];
static struct params params;

static struct match match(const char *method, const char *path)
{
    params = (struct params){.data = block, .capacity = sizeof block};
    return api_match(method, path, &params);
}

static const struct {
    const char *method, *path, *op, *name, *value; /* name NULL: no values */
} found[] = {
    {"GET", "/", "home", NULL, NULL},
    {"GET", "/health", "health", NULL, NULL},
    {"GET", "/health/live", "health_live", NULL, NULL},
    {"GET", "/openapi.json", "openapi", NULL, NULL},
    {"POST", "/users/login", "user_login", NULL, NULL},
    {"GET", "/projects", "project_list", NULL, NULL},
    {"POST", "/projects", "project_create", NULL, NULL},
    {"GET", "/projects/7", "project_get", "project_id", "7"},
    {"PUT", "/projects/7", "project_update", "project_id", "7"},
    {"GET", "/projects/x y", "project_get", "project_id", "x y"},
    {"POST", "/projects/7/prompts", "prompt_create", "project_id", "7"},
    /* a literal segment beats a placeholder, an earlier one a later one */
    {"PUT", "/projects/prompts/7", "prompt_update", "prompt_id", "7"},
    {"DELETE", "/projects/prompts/prompts", "prompt_delete", "prompt_id", "prompts"},
    {"GET", "/projects/prompts", "project_get", "project_id", "prompts"},
    {"GET", "/projects/{project_id}", "project_get", "project_id", "{project_id}"},
    {"GET", "/chat/turns/12", "turn_get", "turn_id", "12"},
    {"GET", "/chat", "chat_page", NULL, NULL},
    {"POST", "/chat", "chat_create", NULL, NULL},
};

START_TEST(paths_that_are_there)
{
    for (size_t i = 0; i < COUNT(found); i++) {
        struct match m = match(found[i].method, found[i].path);
        ck_assert_msg(m.op != NULL, "%s", found[i].path);
        ck_assert_str_eq(m.op->name, found[i].op);
        ck_assert_uint_eq(params.count, found[i].name ? 1 : 0);
        if (found[i].name)
            ck_assert_str_eq(params_get(params.data, params.size, found[i].name), found[i].value);
    }
}
END_TEST

START_TEST(paths_that_are_not_there)
{
    static const char *const paths[] = {
        "",
        "x",
        "projects",
        "//",
        "///",
        "/nope",
        "/projects/",
        "/projects//",
        "/projects//prompts",
        "/projects/1/",
        "/projects/1/prompts/",
        "/projects/1//prompts",
        "//projects",
        "/Projects",
        "/projects/1/nope",
        "/projects/1/prompts/2/3",
        "/health/",
        "/health/live/x",
        "/chat/turns",
        "/chat/turns/",
        "/.",
        "/..",
        "/projects/1/..",
        "/{project_id}",
        "*",
        "http://x/projects",
        "/projects?x",
        "/users",
        "/session_check",
        "/project_context",
    };

    for (size_t i = 0; i < COUNT(paths); i++) {
        struct match m = match("GET", paths[i]);
        ck_assert_msg(m.op == NULL && m.allowed == 0, "%s", paths[i]);
        ck_assert_uint_eq(params.count, 0);
    }
}
END_TEST

START_TEST(methods_that_a_path_does_not_know)
{
    static const struct {
        const char *method, *path;
        unsigned allowed;
    } rows[] = {
        {"PATCH", "/projects", GET | POST},
        {"DELETE", "/projects", GET | POST},
        {"get", "/projects", GET | POST},
        {"", "/projects", GET | POST},
        {"HEAD", "/projects/1", GET | PUT | DELETE},
        {"POST", "/projects/1", GET | PUT | DELETE},
        {"OPTIONS", "/projects/1/prompts", GET | POST},
        {"DELETE", "/chat", GET | POST},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct match m = match(rows[i].method, rows[i].path);
        ck_assert_ptr_null(m.op);
        ck_assert_msg((m.allowed & rows[i].allowed) == rows[i].allowed, "%s", rows[i].path);
        ck_assert_uint_eq(m.allowed >> METHOD_NONE, 0);
        ck_assert_uint_eq(params.count, 0);
    }
    ck_assert_uint_eq(match("GET", "/projects").allowed & (GET | POST), GET | POST);
    /* of the template that fits best only, not of /projects/{project_id}/prompts */
    ck_assert_uint_eq(match("GET", "/projects/prompts/prompts").allowed & (GET | POST), 0);
}
END_TEST

/* Every public operation is found by its own template, with the names of its placeholders. */
START_TEST(every_operation_is_found)
{
    for (int i = 0; i < OP_COUNT; i++) {
        const struct op *op = api_op(i);
        char path[256] = "";
        size_t at = 0, names = 0;
        struct match m;
        if (op->method == METHOD_NONE)
            continue;
        for (const char *p = op->path; *p; p++) {
            if (*p == '{') {
                p = strchr(p, '}');
                path[at++] = '7';
                names++;
            } else {
                path[at++] = *p;
            }
        }
        m = match(api_method_name(op->method), path);
        ck_assert_ptr_eq(m.op, op);
        ck_assert(m.allowed & 1U << op->method);
        ck_assert_uint_eq(params.count, names);
        for (const struct field *f = op->in; f->name; f++)
            if (f->place == AT_PATH)
                ck_assert_str_eq(params_get(params.data, params.size, f->name), "7");
    }
}
END_TEST

/* A value of any length is no id, and nothing is written past a buffer. */
START_TEST(long_values)
{
    for (size_t n = 200; n < 9000; n += n < 300 ? 1 : 577) {
        cleanup(free_drop) char *path = malloc(n + 32);
        const char *field, *why;
        struct project_get_in in = {0};
        struct match m;
        memcpy(path, "/projects/", 10);
        memset(path + 10, '1', n);
        path[10 + n] = '\0';
        m = match("GET", path);
        ck_assert_ptr_eq(m.op, api_op(OP_project_get));
        ck_assert_uint_le(params.size, sizeof "project_id" + 256);
        ck_assert_int_eq(api_decode(m.op, params.data, params.size, NULL, &in, &field, &why),
                         NOT_FOUND);
    }
}
END_TEST

START_TEST(many_segments)
{
    char path[8192];

    for (size_t i = 0; i < sizeof path - 1; i++)
        path[i] = i % 2 ? 'a' : '/';
    path[sizeof path - 1] = '\0';
    ck_assert_uint_eq(match("GET", path).allowed, 0);
    memset(path, '/', sizeof path - 1);
    ck_assert_uint_eq(match("GET", path).allowed, 0);
}
END_TEST

START_TEST(no_room_for_values)
{
    char small[4];
    const char *field, *why;
    struct project_get_in in = {0};
    struct params p = {.data = small, .capacity = sizeof small};
    struct match m = api_match("GET", "/projects/7", &p);

    ck_assert_ptr_eq(m.op, api_op(OP_project_get));
    ck_assert_uint_eq(p.count, 0);
    ck_assert_int_eq(api_decode(m.op, p.data, p.size, NULL, &in, &field, &why), NOT_FOUND);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("route");

    tcase_add_test(t, paths_that_are_there);
    tcase_add_test(t, paths_that_are_not_there);
    tcase_add_test(t, methods_that_a_path_does_not_know);
    tcase_add_test(t, every_operation_is_found);
    tcase_add_test(t, long_values);
    tcase_add_test(t, many_segments);
    tcase_add_test(t, no_room_for_values);
    return check_run("route", t);
}
