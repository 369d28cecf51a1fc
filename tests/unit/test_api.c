/* The tables of the API: rows that the compiler takes and that still make no sense. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "proto/api.h"
#include "tests/unit/check_main.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

/* The row that is looked at, for messages. */
#define sane(op, rule) ck_assert_msg(rule, "%s", (op)->name)

static bool is_snake(const char *s)
{
    if (!islower((unsigned char)*s))
        return false;
    for (; *s; s++)
        if (!islower((unsigned char)*s) && !isdigit((unsigned char)*s) &&
            (*s != '_' || s[1] == '_' || !s[1]))
            return false;
    return true;
}

static const struct field *input(const struct op *op, const char *name)
{
    for (const struct field *f = op->in; f->name; f++)
        if (strcmp(f->name, name) == 0)
            return f;
    return NULL;
}

static const struct field *output(const struct shape *shape, const char *name)
{
    for (const struct field *f = shape ? shape->fields : NULL; f && f->name; f++)
        if (strcmp(f->name, name) == 0)
            return f;
    return NULL;
}

static bool is_public(const struct op *op)
{
    return op->method != METHOD_NONE;
}

/* Two templates of the same form: equal but for the names of placeholders. */
static bool same_template(const char *a, const char *b)
{
    while (*a && *b) {
        if (*a == '{' && *b == '{') {
            a += strcspn(a, "}");
            b += strcspn(b, "}");
        }
        if (*a != *b)
            return false;
        a++;
        b++;
    }
    return *a == *b;
}

START_TEST(names)
{
    for (int i = 0; i < OP_COUNT; i++) {
        const struct op *op = api_op(i);
        sane(op, is_snake(op->name));
        sane(op, strlen(op->name) < 64);
        sane(op, *op->summary);
        sane(op, api_op_named(op->name) == op);
        sane(op, op->id == i);
    }
    ck_assert_ptr_null(api_op_named("nope"));
    ck_assert_ptr_null(api_op_named(""));
    ck_assert_ptr_null(api_op(-1));
    ck_assert_ptr_null(api_op(OP_COUNT));
}
END_TEST

START_TEST(routes_are_unique)
{
    for (int i = 0; i < OP_COUNT; i++)
        for (int k = 0; k < i; k++) {
            const struct op *a = api_op(i), *b = api_op(k);
            if (is_public(a) && a->method == b->method)
                ck_assert_msg(!same_template(a->path, b->path), "%s and %s have one route", a->name,
                              b->name);
        }
}
END_TEST

/* Whether every segment is a word or one {placeholder} that is an input in the path. */
static void template_check(const struct op *op)
{
    size_t segments = 0;

    sane(op, op->path[0] == '/');
    for (const char *p = op->path; *p; segments++) {
        size_t n = strcspn(++p, "/");
        char name[64] = "";
        const struct field *f;
        sane(op, n > 0 || strcmp(op->path, "/") == 0);
        sane(op, n < sizeof name);
        if (*p == '{') {
            sane(op, p[n - 1] == '}');
            memcpy(name, p + 1, n - 2);
            f = input(op, name);
            sane(op, f && f->place == AT_PATH);
        } else {
            sane(op, strcspn(p, "{}%?#") >= n);
        }
        p += n;
    }
    sane(op, segments <= 16);
}

START_TEST(placeholders_and_path_inputs)
{
    for (int i = 0; i < OP_COUNT; i++) {
        const struct op *op = api_op(i);
        if (is_public(op))
            template_check(op);
        for (const struct field *f = op->in; f->name; f++) {
            char placeholder[80];
            snprintf(placeholder, sizeof placeholder, "{%s}", f->name);
            sane(op, (f->place == AT_PATH) == (strstr(op->path, placeholder) != NULL));
        }
    }
}
END_TEST

static void input_check(const struct op *op, const struct field *f)
{
    bool text = f->type == T_STR || f->type == T_SECRET;

    sane(op, is_snake(f->name) && *f->doc && strlen(f->name) < 64);
    sane(op, input(op, f->name) == f); /* once */
    sane(op, f->type == T_I64 || f->type == T_F64 || f->type == T_BOOL || f->type == T_IDS ||
                 f->type == T_JSON || text);
    sane(op, f->min <= f->max);
    sane(op, f->type != T_IDS || (f->min >= 0 && f->max >= 1 && f->max <= IDS_MAX));
    sane(op, f->type != T_IDS || f->place == AT_BODY || f->place == AT_QUERY);
    sane(op, f->type != T_JSON || (f->place == AT_BODY && f->min == 2));
    sane(op, !(text || f->type == T_JSON) || (f->min >= 0 && f->max >= 1 && f->max <= 200000));
    sane(op, f->type != T_BOOL || (f->min == 0 && f->max == 0));
    sane(op, f->offset < op->in_size);
    sane(op, !f->nullable || f->optional);
    /* null and numbers with a point are JSON's */
    sane(op, f->place == AT_BODY || (!f->nullable && f->type != T_F64));
    sane(op, f->place == AT_BODY || f->place == AT_FACT || f->type != T_SECRET);
    sane(op, f->place != AT_FACT || (f->optional && is_public(op)));
    if (f->place != AT_PATH)
        return;
    sane(op, !f->optional);
    /* the router cuts longer values */
    sane(op, f->type == T_I64 ? f->min >= 1 : text && f->max < 255);
}

START_TEST(inputs)
{
    for (int i = 0; i < OP_COUNT; i++) {
        const struct op *op = api_op(i);
        size_t count = 0;
        for (const struct field *f = op->in; f->name; f++, count++) {
            input_check(op, f);
            if (!is_public(op))
                sane(op, f->place == AT_QUERY);
            if (op->method == METHOD_GET) /* DELETE has one where it asks for a password */
                sane(op, f->place != AT_BODY);
        }
        sane(op, count < 64); /* api_decode() has a bit for each */
        sane(op, op->in_size < 4096);
    }
}
END_TEST

START_TEST(internal_and_public)
{
    for (int i = 0; i < OP_COUNT; i++) {
        const struct op *op = api_op(i);
        bool internal = op->scope == SCOPE_FOR_GATEWAY || op->scope == SCOPE_FOR_CHAT ||
                        op->scope == SCOPE_FOR_PROJECT || op->scope == SCOPE_FOR_CHAT_FILE ||
                        op->scope == SCOPE_FOR_FILE || op->scope == SCOPE_FOR_AUTH ||
                        op->scope == SCOPE_FOR_AUDIT;
        sane(op, internal != is_public(op));
        sane(op, internal == (*op->path == '\0'));
        sane(op, !internal || op->rate == RATE_NONE);
        sane(op, internal || op->svc == SVC_GATEWAY || op->rate != RATE_NONE);
        /* a bucket per user needs a user */
        sane(op, op->rate == RATE_NONE || op->scope != SCOPE_ANYONE ||
                     api_rate_key(op->rate) == RATE_BY_ADDRESS);
        sane(op, api_peer_may_call(op, SVC_AUTH) == (op->scope == SCOPE_FOR_AUTH));
        sane(op, api_peer_may_call(op, SVC_PROJECT) ==
                     (op->scope == SCOPE_FOR_PROJECT || op->scope == SCOPE_FOR_AUDIT));
        sane(op, api_peer_may_call(op, SVC_GATEWAY) ==
                     (op->scope != SCOPE_FOR_CHAT && op->scope != SCOPE_FOR_PROJECT &&
                      op->scope != SCOPE_FOR_AUTH && op->scope != SCOPE_FOR_AUDIT &&
                      op->scope != SCOPE_FOR_CHAT_FILE && op->scope != SCOPE_FOR_FILE));
        sane(op,
             internal || (!api_peer_may_call(op, SVC_CHAT) && !api_peer_may_call(op, SVC_FILE)));
    }
}
END_TEST

static bool has_input(const struct op *op, const char *name)
{
    const struct field *f = op->in;

    while (f->name && strcmp(f->name, name))
        f++;
    return f->name;
}

/* The gateway calls it with the same inputs, so it must be one that it may call, and want no other.
 */
START_TEST(what_comes_after_fits)
{
    for (int i = 0; i < OP_COUNT; i++) {
        const struct op *op = api_op(i);
        sane(op, op->then_count <= THEN_MAX);
        sane(op, !op->then_count || (is_public(op) && op->method != METHOD_GET));
        for (unsigned k = 0; k < op->then_count; k++) {
            const struct op *then = api_op(op->then[k]);
            sane(then, then->scope == SCOPE_FOR_GATEWAY && then->svc != op->svc);
            for (const struct field *f = then->in; f->name; f++)
                sane(then, has_input(op, f->name));
            for (const struct field *f = op->in; f->name; f++)
                sane(then, f->place == AT_BODY || has_input(then, f->name));
        }
    }
    ck_assert_uint_eq(api_op(OP_project_delete)->then_count, 2);
}
END_TEST

START_TEST(lanes_phases_and_keeping)
{
    for (int i = 0; i < OP_COUNT; i++) {
        const struct op *op = api_op(i);
        bool reads = op->method == METHOD_GET || op->lane == LANE_FAST;
        sane(op, op->svc != SVC_GATEWAY || op->lane == LANE_LOCAL);
        sane(op, op->lane != LANE_LOCAL || op->svc == SVC_GATEWAY || op->stream == STREAM_EVENTS);
        sane(op, op->lane != LANE_COUNT);
        if (op->lane == LANE_FAST)
            sane(op, (op->method == METHOD_GET || !is_public(op)) && op->phases != PHASES_BARE &&
                         op->reply != REPLY_NOTHING);
        if (op->lane == LANE_LOCAL)
            sane(op, op->phases == PHASES_BARE && op->method == METHOD_GET);
        if (op->lane == LANE_RUNTIME)
            sane(op, op->phases == PHASES_BARE && op->scope == SCOPE_FOR_GATEWAY && !op->in->name);
        if (op->lane == LANE_SLOW)
            sane(op, op->method == METHOD_GET || !is_public(op));
        if (op->lane == LANE_WRITE)
            sane(op, op->method != METHOD_GET);
        if (op->lane == LANE_HASH)
            sane(op, op->svc == SVC_AUTH && op->phases == PHASES_PREPARE);
        sane(op, (op->lane == LANE_BULK) ==
                     (op->stream == STREAM_UPLOAD || op->stream == STREAM_DOWNLOAD));
        if (op->stream == STREAM_EVENTS)
            sane(op, op->lane == LANE_LOCAL || op->keep == KEEP_TURN);
        if (op->stream == STREAM_UPLOAD)
            sane(op,
                 op->method == METHOD_POST && op->phases == PHASES_PREPARE && !api_has_body(op));
        if (op->stream == STREAM_DOWNLOAD)
            sane(op, op->method == METHOD_GET && op->phases == PHASES_BARE && op->out &&
                         strcmp(op->out->name, "download") == 0);
        /* what is kept, and what is committed in spite of an error, needs a transaction */
        if (reads || op->phases == PHASES_BARE)
            sane(op, op->keep == KEEP_NOTHING && op->onerror == ONERROR_ROLLBACK);
        if (op->keep == KEEP_TURN)
            sane(op, op->svc == SVC_CHAT && op->method == METHOD_POST);
    }
}
END_TEST

START_TEST(successes)
{
    for (int i = 0; i < OP_COUNT; i++) {
        const struct op *op = api_op(i);
        sane(op, op->ok == 200 || op->ok == 201 || op->ok == 202 || op->ok == 204);
        sane(op, !op->also || (op->also == 200 && (op->ok == 201 || op->ok == 202)));
        sane(op, op->ok != 201 || op->location);
        sane(op, !op->location || op->ok == 201 || op->ok == 202);
        sane(op, op->ok != 201 || (op->method == METHOD_POST && op->reply == REPLY_ONE));
        sane(op, op->ok != 204 || op->reply == REPLY_NOTHING);
        sane(op, op->reply != REPLY_NOTHING || op->ok == 204 || op->ok == 202 ||
                     op->lane == LANE_LOCAL);
        sane(op, op->method != METHOD_DELETE || op->ok == 204 || op->ok == 202);
        sane(op, (op->reply == REPLY_NOTHING) == (op->out == NULL));
        if (op->location) {
            sane(op, op->location[0] == '/');
            sane(op, !strchr(op->location, '{') || strstr(op->location, "{id}"));
            sane(op, !strstr(op->location, "{id}") || output(op->out, "id"));
        }
    }
}
END_TEST

/* Rows with a numeric id are listed by it, page by page; other lists are short by nature. */
START_TEST(lists_have_pages)
{
    for (int i = 0; i < OP_COUNT; i++) {
        const struct op *op = api_op(i);
        const struct field *after = input(op, "after"), *limit = input(op, "limit"), *id;
        if (op->reply != REPLY_LIST && op->reply != REPLY_LIST_UNDER)
            continue;
        sane(op, op->method == METHOD_GET || !is_public(op));
        id = output(op->out, "id");
        if (!id || id->type != T_I64) {
            sane(op, op->lane != LANE_FAST);
            continue;
        }
        sane(op, after && after->optional && after->place == AT_QUERY);
        sane(op, limit && limit->optional && limit->place == AT_QUERY && limit->type == T_I64);
        sane(op, limit->min == 1 && limit->max >= LIST_LIMIT && limit->max <= 200);
        sane(op, op->reply == REPLY_LIST || op->in != after);
    }
}
END_TEST

static void shape_check(const struct shape *shape, int depth)
{
    ck_assert_msg(is_snake(shape->name), "%s", shape->name);
    ck_assert_msg(depth < 5, "%s holds itself", shape->name);
    ck_assert_msg(shape->fields && shape->fields->name, "%s is empty", shape->name);
    for (const struct field *f = shape->fields; f->name; f++) {
        ck_assert_msg(is_snake(f->name) && *f->doc, "%s.%s", shape->name, f->name);
        ck_assert_msg(output(shape, f->name) == f, "%s.%s is there twice", shape->name, f->name);
        /* secrets are inputs */
        ck_assert_msg(f->type == T_I64 || f->type == T_F64 || f->type == T_STR ||
                          f->type == T_BOOL || f->type == T_TIME || f->type == T_JSON ||
                          f->type == T_OBJECT || f->type == T_IDS,
                      "%s.%s has no type that a reply can hold", shape->name, f->name);
        ck_assert_msg((f->type == T_OBJECT) == (f->shape != NULL), "%s.%s", shape->name, f->name);
        if (f->shape)
            shape_check(f->shape, depth + 1);
    }
}

START_TEST(shapes)
{
    for (int i = 0; i < OP_COUNT; i++)
        if (api_op(i)->out)
            shape_check(api_op(i)->out, 0);
}
END_TEST

static const struct {
    const char *name;
    int number, http;
    const char *text;
} statuses[] = {
#define STATUS(name, number, http, text) {#name, number, http, text},
#include "proto/status.def"
};

START_TEST(status_rows)
{
    static const int sane_http[] = {400, 401, 403, 404, 405, 408, 409, 410, 411, 413, 414,
                                    415, 416, 421, 422, 429, 431, 500, 502, 503, 504, 507};

    for (size_t i = 0; i < COUNT(statuses); i++) {
        const char *code = api_code(statuses[i].number), *name = statuses[i].name;
        bool found = false;
        for (size_t k = 0; k < COUNT(sane_http); k++)
            found |= sane_http[k] == statuses[i].http;
        ck_assert_msg(found, "%s", name);
        ck_assert_msg(statuses[i].number > 0 && statuses[i].number < 1000, "%s", name);
        for (size_t k = 0; k < i; k++)
            ck_assert_msg(statuses[k].number != statuses[i].number, "%s and %s have one number",
                          name, statuses[k].name);
        ck_assert_msg(is_snake(code) && strlen(code) == strlen(name) && strcasecmp(code, name) == 0,
                      "%s: %s", name, code);
        ck_assert_int_eq(api_status_coded(code), statuses[i].number);
        ck_assert_int_eq(api_http(statuses[i].number), statuses[i].http);
        ck_assert_str_eq(api_text(statuses[i].number), statuses[i].text);
        ck_assert_msg(*statuses[i].text && strlen(statuses[i].text) <= 255, "%s", name);
    }
}
END_TEST

START_TEST(status_numbers_that_are_none)
{
    ck_assert_int_eq(api_http(DONE), 200);
    ck_assert_int_eq(api_http(-1), 500);
    ck_assert_int_eq(api_http(9999), 500);
    ck_assert_str_eq(api_code(-1), "internal");
    ck_assert_str_eq(api_code(9999), "internal");
    ck_assert_str_eq(api_text(9999), api_text(INTERNAL));
    ck_assert_int_eq(api_status_coded("nope"), -1);
    ck_assert_int_eq(api_status_coded(""), -1);
}
END_TEST

START_TEST(small_tables)
{
    for (int s = 0; s < SVC_COUNT; s++)
        ck_assert_int_eq(api_svc_named(api_svc_name((enum svc)s)), s);
    ck_assert_int_eq(api_svc_named("nope"), -1);
    ck_assert_str_eq(api_method_name(METHOD_DELETE), "DELETE");
    ck_assert_ptr_null(api_method_name(METHOD_NONE));
    ck_assert_int_eq(api_rate_per_minute(RATE_NONE), 0);
    for (int r = RATE_NONE + 1; r < RATE_COUNT; r++)
        ck_assert_int_gt(api_rate_per_minute((enum rate)r), 0);
    ck_assert_int_eq(api_rate_key(RATE_LOGIN), RATE_BY_ADDRESS);
    ck_assert_int_eq(api_rate_key(RATE_CHAT), RATE_BY_USER);
}
END_TEST

/* What a key may do follows from the row; no key reaches the account's own affairs. */
START_TEST(scopes_of_keys)
{
    for (int i = 0; i < OP_COUNT; i++) {
        const struct op *op = api_op(i);
        unsigned scopes = api_key_scopes(op);
        sane(op, (scopes != 0) == (op->scope == SCOPE_USER || op->scope == SCOPE_ADMIN));
        sane(op, !(scopes & KEY_READ) || op->method == METHOD_GET);
        sane(op, !(scopes & KEY_CHAT) || op->svc == SVC_CHAT);
        sane(op, !(scopes & KEY_FILES) || op->svc == SVC_FILE);
        sane(op, op->scope != SCOPE_ADMIN || scopes == KEY_ADMIN);
        /* what begins with /users/me and is more than looking at it */
        sane(op, strncmp(op->path, "/users/me/", 10) != 0 || op->scope == SCOPE_SESSION);
    }
    ck_assert_uint_eq(api_key_scopes(api_op(OP_chat_create)), KEY_CHAT);
    ck_assert_uint_eq(api_key_scopes(api_op(OP_turn_get)), KEY_READ | KEY_CHAT);
    ck_assert_uint_eq(api_key_scopes(api_op(OP_file_create)), KEY_FILES);
    ck_assert_uint_eq(api_key_scopes(api_op(OP_project_create)), KEY_ADMIN);
    ck_assert_uint_eq(api_key_scopes(api_op(OP_password_change)), 0);
    ck_assert_uint_eq(api_key_scopes_named("read"), KEY_READ);
    ck_assert_uint_eq(api_key_scopes_named("files chat"), KEY_FILES | KEY_CHAT);
    ck_assert_uint_eq(api_key_scopes_named("read chat files admin"), 15);
    ck_assert_uint_eq(api_key_scopes_named(""), 0);
    ck_assert_uint_eq(api_key_scopes_named("read "), 0);
    ck_assert_uint_eq(api_key_scopes_named("read  chat"), 0);
    ck_assert_uint_eq(api_key_scopes_named("read read"), 0);
    ck_assert_uint_eq(api_key_scopes_named("READ"), 0);
    ck_assert_uint_eq(api_key_scopes_named("reader"), 0);
    ck_assert_uint_eq(api_key_scopes_named("read,chat"), 0);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("api");

    tcase_add_test(t, names);
    tcase_add_test(t, routes_are_unique);
    tcase_add_test(t, placeholders_and_path_inputs);
    tcase_add_test(t, inputs);
    tcase_add_test(t, internal_and_public);
    tcase_add_test(t, what_comes_after_fits);
    tcase_add_test(t, lanes_phases_and_keeping);
    tcase_add_test(t, successes);
    tcase_add_test(t, lists_have_pages);
    tcase_add_test(t, shapes);
    tcase_add_test(t, status_rows);
    tcase_add_test(t, status_numbers_that_are_none);
    tcase_add_test(t, small_tables);
    tcase_add_test(t, scopes_of_keys);
    return check_run("api", t);
}
