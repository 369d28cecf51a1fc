/* api_decode(): every error with the field it names, and what the struct holds when there is none.
 */
#include <json-c/json.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/json.h"
#include "common/text.h"
#include "proto/api.h"
#include "tests/unit/check_main.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

/* An operation that has a field of every kind. */
struct sample_in {
    int64_t id;
    int64_t after;
    bool has_after;
    const char *q;
    bool has_q;
    bool deep;
    bool has_deep;
    const char *name;
    int64_t low;
    bool has_low;
    int64_t high;
    bool has_high;
    double heat;
    bool has_heat, null_heat;
    const char *model;
    bool has_model, null_model;
    int64_t top;
    bool has_top, null_top;
    bool on;
    bool has_on;
    const char *password;
    bool has_password;
    struct ids some;
    bool has_some;
    struct ids files;
    bool has_files, null_files;
    const char *things;
    bool has_things, null_things;
};

#define AT(f)  .name = #f, .offset = offsetof(struct sample_in, f)
#define HAS(f) .optional = true, .has_offset = offsetof(struct sample_in, has_##f)
#define NUL(f) .nullable = true, .null_offset = offsetof(struct sample_in, null_##f)

static const struct field fields[] = {
    {AT(id), .type = T_I64, .place = AT_PATH, .min = 1, .max = INT64_MAX},
    {AT(after), HAS(after), .type = T_I64, .place = AT_QUERY, .min = 0, .max = 200},
    {AT(q), HAS(q), .type = T_STR, .place = AT_QUERY, .min = 2, .max = 4},
    {AT(deep), HAS(deep), .type = T_BOOL, .place = AT_QUERY},
    {AT(name), .type = T_STR, .place = AT_BODY, .min = 1, .max = 5},
    {AT(low), HAS(low), .type = T_I64, .place = AT_BODY, .min = INT64_MIN, .max = 0},
    {AT(high), HAS(high), .type = T_I64, .place = AT_BODY, .min = 0, .max = INT64_MAX},
    {AT(heat), HAS(heat), NUL(heat), .type = T_F64, .place = AT_BODY, .min = 0, .max = 2},
    {AT(model), HAS(model), NUL(model), .type = T_STR, .place = AT_BODY, .min = 1, .max = 9},
    {AT(top), HAS(top), NUL(top), .type = T_I64, .place = AT_BODY, .min = 1, .max = 9},
    {AT(on), HAS(on), .type = T_BOOL, .place = AT_BODY},
    {AT(some), HAS(some), .type = T_IDS, .place = AT_QUERY, .min = 1, .max = 3},
    {AT(files), HAS(files), NUL(files), .type = T_IDS, .place = AT_BODY, .min = 2, .max = 4},
    {AT(things), HAS(things), NUL(things), .type = T_JSON, .place = AT_BODY, .min = 2, .max = 32},
    {AT(password), HAS(password), .type = T_SECRET, .place = AT_BODY, .min = 3, .max = 9},
    {0},
};

static const struct op sample = {
    .name = "sample", .path = "/sample/{id}", .in = fields, .in_size = sizeof(struct sample_in)};

static struct sample_in in;
static const char *field, *why;
static struct json_object *body;
static char block[4096];
static struct params params;

/* Pairs "a=b&c=d" into the encoded block. */
static void params_make(const char *pairs)
{
    params = (struct params){.data = block, .capacity = sizeof block};
    while (*pairs) {
        size_t pair = strcspn(pairs, "&"), name_size = strcspn(pairs, "=");
        char name[600] = "";
        ck_assert(name_size < pair && name_size < sizeof name);
        memcpy(name, pairs, name_size);
        ck_assert(params_add(&params, name, pairs + name_size + 1, pair - name_size - 1));
        pairs += pair + (pairs[pair] == '&');
    }
}

/* What it gives for these params and this body (NULL: none). */
static int decode(const char *pairs, const char *json)
{
    const char *json_why;

    json_drop(&body);
    if (json)
        ck_assert_msg(json_parse(json, strlen(json), &body, &json_why) == DONE, "%s", json);
    params_make(pairs);
    memset(&in, 0, sizeof in);
    field = why = NULL;
    return api_decode(&sample, params.data, params.size, body, &in, &field, &why);
}

static void drop(void)
{
    json_drop(&body);
}

START_TEST(the_least)
{
    ck_assert_int_eq(decode("id=7", "{\"name\":\"x\"}"), DONE);
    ck_assert_int_eq(in.id, 7);
    ck_assert_str_eq(in.name, "x");
    ck_assert(!in.has_after && !in.has_q && !in.has_deep && !in.has_low && !in.has_high);
    ck_assert(!in.has_heat && !in.has_model && !in.has_top && !in.has_on && !in.has_password);
    ck_assert(!in.null_heat && !in.null_model && !in.null_top);
}
END_TEST

START_TEST(the_most)
{
    ck_assert_int_eq(
        decode("deep=true&q=a+b&after=200&id=9223372036854775807",
               "{\"password\":\"abc\",\"on\":true,\"top\":9,\"model\":\"m\",\"heat\":1.5,"
               "\"high\":9223372036854775807,\"low\":-9223372036854775807,"
               "\"name\":\"\xc3\xa4\xc3\xb6x\"}"),
        DONE);
    ck_assert_int_eq(in.id, INT64_MAX);
    ck_assert(in.has_after && in.after == 200);
    ck_assert(in.has_deep && in.deep);
    ck_assert(in.has_q);
    ck_assert_str_eq(in.q, "a+b");
    ck_assert_str_eq(in.name, "\xc3\xa4\xc3\xb6x");
    ck_assert(in.has_low && in.low == -INT64_MAX);
    ck_assert(in.has_high && in.high == INT64_MAX);
    ck_assert(in.has_heat && !in.null_heat && in.heat > 1.4 && in.heat < 1.6);
    ck_assert(in.has_model && !in.null_model);
    ck_assert_str_eq(in.model, "m");
    ck_assert(in.has_top && in.top == 9 && !in.null_top);
    ck_assert(in.has_on && in.on);
    ck_assert_str_eq(in.password, "abc");
}
END_TEST

START_TEST(nulls)
{
    ck_assert_int_eq(decode("id=1", "{\"name\":\"x\",\"heat\":null,\"model\":null,\"top\":null}"),
                     DONE);
    ck_assert(in.has_heat && in.null_heat && in.heat == 0.0);
    ck_assert(in.has_model && in.null_model && in.model == NULL);
    ck_assert(in.has_top && in.null_top && in.top == 0);
}
END_TEST

START_TEST(lists_of_ids)
{
    ck_assert_int_eq(decode("id=1&some=3,1,9223372036854775807",
                            "{\"name\":\"x\",\"files\":[7,9223372036854775807,2,1]}"),
                     DONE);
    ck_assert(in.has_some && in.has_files && !in.null_files);
    ck_assert_uint_eq(in.some.count, 3);
    ck_assert_int_eq(in.some.list[0], 3);
    ck_assert_int_eq(in.some.list[1], 1);
    ck_assert_int_eq(in.some.list[2], INT64_MAX);
    ck_assert_uint_eq(in.files.count, 4);
    ck_assert_int_eq(in.files.list[0], 7);
    ck_assert_int_eq(in.files.list[1], INT64_MAX);
    ck_assert_int_eq(in.files.list[3], 1);
    ck_assert_int_eq(decode("id=1", "{\"name\":\"x\",\"files\":null}"), DONE);
    ck_assert(in.has_files && in.null_files && in.files.count == 0 && !in.has_some);
}
END_TEST

/* As many as the type holds, and one more. */
START_TEST(ids_at_their_bound)
{
    static const struct field many[] = {
        {AT(files), .type = T_IDS, .place = AT_BODY, .min = 0, .max = IDS_MAX}, {0}};
    static const struct op op = {.name = "many", .in = many, .in_size = sizeof(struct sample_in)};

    for (int n = 0; n <= IDS_MAX + 1; n++) {
        cleanup(text_drop) struct text t = {0};
        const char *json_why;
        text_puts(&t, "{\"files\":[");
        for (int i = 1; i <= n; i++)
            text_printf(&t, "%s%d", i > 1 ? "," : "", i);
        text_puts(&t, "]}");
        json_drop(&body);
        ck_assert_int_eq(json_parse(t.data, t.size, &body, &json_why), DONE);
        memset(&in, 0, sizeof in);
        ck_assert_int_eq(api_decode(&op, "", 0, body, &in, &field, &why),
                         n <= IDS_MAX ? DONE : BAD_INPUT);
        ck_assert_uint_eq(in.files.count, n <= IDS_MAX ? n : IDS_MAX);
    }
    ck_assert_str_eq(field, "files");
}
END_TEST

/* As they came, but for blanks. */
START_TEST(objects)
{
    ck_assert_int_eq(
        decode("id=1", "{\"name\":\"x\",\"things\":{ \"b\":[1.50,null],\n\"a\":\"\\/\" }}"), DONE);
    ck_assert(in.has_things && !in.null_things);
    ck_assert_str_eq(in.things, "{\"b\":[1.50,null],\"a\":\"/\"}");
    ck_assert_int_eq(decode("id=1", "{\"name\":\"x\",\"things\":{\"n\":18446744073709551614}}"),
                     DONE);
    ck_assert_str_eq(in.things, "{\"n\":18446744073709551614}");
}
END_TEST

START_TEST(whole_numbers_for_fractions)
{
    ck_assert_int_eq(decode("id=1", "{\"name\":\"x\",\"heat\":2}"), DONE);
    ck_assert(in.heat == 2.0);
    ck_assert_int_eq(decode("id=1", "{\"name\":\"x\",\"heat\":-0}"), DONE);
    ck_assert_int_eq(decode("id=1&deep=false", "{\"name\":\"x\",\"on\":false}"), DONE);
    ck_assert(in.has_on && !in.on && in.has_deep && !in.deep);
}
END_TEST

static const char no_ids[] = "must be a list of positive integers";

static const struct {
    const char *pairs, *body;
    int status;
    const char *field, *why;
} errors[] = {
    /* path: what is no id is not there */
    {"", "{\"name\":\"x\"}", NOT_FOUND, "id", "is missing"},
    {"id=x", "{\"name\":\"x\"}", NOT_FOUND, "id", "must be an integer"},
    {"id=", "{\"name\":\"x\"}", NOT_FOUND, "id", "must be an integer"},
    {"id=0", "{\"name\":\"x\"}", NOT_FOUND, "id", "must be at least 1"},
    {"id=-1", "{\"name\":\"x\"}", NOT_FOUND, "id", "must be at least 1"},
    {"id=-0", "{\"name\":\"x\"}", NOT_FOUND, "id", "must be an integer"},
    {"id=01", "{\"name\":\"x\"}", NOT_FOUND, "id", "must be an integer"},
    {"id=+1", "{\"name\":\"x\"}", NOT_FOUND, "id", "must be an integer"},
    {"id= 1", "{\"name\":\"x\"}", NOT_FOUND, "id", "must be an integer"},
    {"id=1 ", "{\"name\":\"x\"}", NOT_FOUND, "id", "must be an integer"},
    {"id=1.0", "{\"name\":\"x\"}", NOT_FOUND, "id", "must be an integer"},
    {"id=1e3", "{\"name\":\"x\"}", NOT_FOUND, "id", "must be an integer"},
    {"id=0x1", "{\"name\":\"x\"}", NOT_FOUND, "id", "must be an integer"},
    {"id=9223372036854775808", "{\"name\":\"x\"}", NOT_FOUND, "id", "must be an integer"},
    /* query */
    {"id=1&after=201", "{\"name\":\"x\"}", BAD_INPUT, "after", "must be from 0 to 200"},
    {"id=1&after=-1", "{\"name\":\"x\"}", BAD_INPUT, "after", "must be from 0 to 200"},
    {"id=1&after=", "{\"name\":\"x\"}", BAD_INPUT, "after", "must be an integer"},
    {"id=1&after=1&after=1", "{\"name\":\"x\"}", BAD_INPUT, "after", "given twice"},
    {"id=1&id=1", "{\"name\":\"x\"}", BAD_INPUT, "id", "given twice"},
    {"id=1&q=a", "{\"name\":\"x\"}", BAD_INPUT, "q", "must have at least 2 bytes"},
    {"id=1&q=", "{\"name\":\"x\"}", BAD_INPUT, "q", "must not be empty"},
    {"id=1&q=abcde", "{\"name\":\"x\"}", BAD_INPUT, "q", "may have at most 4 bytes"},
    {"id=1&deep=1", "{\"name\":\"x\"}", BAD_INPUT, "deep", "must be true or false"},
    {"id=1&deep=TRUE", "{\"name\":\"x\"}", BAD_INPUT, "deep", "must be true or false"},
    {"id=1&deep=truee", "{\"name\":\"x\"}", BAD_INPUT, "deep", "must be true or false"},
    {"id=1&more=1", "{\"name\":\"x\"}", BAD_INPUT, "more", "unknown field"},
    {"id=1&name=x", "{\"name\":\"x\"}", BAD_INPUT, "name", "unknown field"},
    /* body */
    {"id=1", NULL, BAD_INPUT, "name", "is missing"},
    {"id=1", "null", BAD_INPUT, "name", "is missing"},
    {"id=1", "{}", BAD_INPUT, "name", "is missing"},
    {"id=1", "[]", BAD_INPUT, "body", "must be an object"},
    {"id=1", "\"name\"", BAD_INPUT, "body", "must be an object"},
    {"id=1", "5", BAD_INPUT, "body", "must be an object"},
    {"id=1", "{\"name\":null}", BAD_INPUT, "name", "must not be null"},
    {"id=1", "{\"name\":\"\"}", BAD_INPUT, "name", "must not be empty"},
    {"id=1", "{\"name\":\"abcdef\"}", BAD_INPUT, "name", "may have at most 5 bytes"},
    {"id=1", "{\"name\":\"\xc3\xa4\xc3\xa4\xc3\xa4\"}", BAD_INPUT, "name",
     "may have at most 5 bytes"},
    {"id=1", "{\"name\":\"a\\u0000b\"}", BAD_INPUT, "name", "holds a NUL character"},
    {"id=1", "{\"name\":\"\\u0000\"}", BAD_INPUT, "name", "holds a NUL character"},
    {"id=1", "{\"name\":5}", BAD_INPUT, "name", "must be a string"},
    {"id=1", "{\"name\":true}", BAD_INPUT, "name", "must be a string"},
    {"id=1", "{\"name\":[\"x\"]}", BAD_INPUT, "name", "must be a string"},
    {"id=1", "{\"name\":{}}", BAD_INPUT, "name", "must be a string"},
    {"id=1", "{\"name\":\"x\",\"high\":-1}", BAD_INPUT, "high", "must be at least 0"},
    {"id=1", "{\"name\":\"x\",\"high\":9223372036854775808}", BAD_INPUT, "high",
     "must be at least 0"},
    {"id=1", "{\"name\":\"x\",\"high\":18446744073709551616}", BAD_INPUT, "high",
     "must be at least 0"},
    {"id=1", "{\"name\":\"x\",\"high\":99999999999999999999999}", BAD_INPUT, "high",
     "must be at least 0"},
    {"id=1", "{\"name\":\"x\",\"low\":1}", BAD_INPUT, "low", "must be at most 0"},
    {"id=1", "{\"name\":\"x\",\"low\":-9223372036854775809}", BAD_INPUT, "low",
     "must be at most 0"},
    {"id=1", "{\"name\":\"x\",\"low\":-99999999999999999999}", BAD_INPUT, "low",
     "must be at most 0"},
    {"id=1", "{\"name\":\"x\",\"high\":1.0}", BAD_INPUT, "high", "must be an integer"},
    {"id=1", "{\"name\":\"x\",\"high\":1e3}", BAD_INPUT, "high", "must be an integer"},
    {"id=1", "{\"name\":\"x\",\"high\":\"1\"}", BAD_INPUT, "high", "must be an integer"},
    {"id=1", "{\"name\":\"x\",\"high\":true}", BAD_INPUT, "high", "must be an integer"},
    {"id=1", "{\"name\":\"x\",\"high\":null}", BAD_INPUT, "high", "must not be null"},
    {"id=1", "{\"name\":\"x\",\"heat\":2.0001}", BAD_INPUT, "heat", "must be from 0 to 2"},
    {"id=1", "{\"name\":\"x\",\"heat\":-0.0001}", BAD_INPUT, "heat", "must be from 0 to 2"},
    {"id=1", "{\"name\":\"x\",\"heat\":1e999}", BAD_INPUT, "heat", "must be from 0 to 2"},
    {"id=1", "{\"name\":\"x\",\"heat\":-1e999}", BAD_INPUT, "heat", "must be from 0 to 2"},
    {"id=1", "{\"name\":\"x\",\"heat\":99999999999999999999999}", BAD_INPUT, "heat",
     "must be from 0 to 2"},
    {"id=1", "{\"name\":\"x\",\"heat\":\"1\"}", BAD_INPUT, "heat", "must be a number"},
    {"id=1", "{\"name\":\"x\",\"heat\":false}", BAD_INPUT, "heat", "must be a number"},
    {"id=1", "{\"name\":\"x\",\"model\":\"\"}", BAD_INPUT, "model", "must not be empty"},
    {"id=1", "{\"name\":\"x\",\"top\":0}", BAD_INPUT, "top", "must be from 1 to 9"},
    {"id=1", "{\"name\":\"x\",\"top\":10}", BAD_INPUT, "top", "must be from 1 to 9"},
    {"id=1", "{\"name\":\"x\",\"on\":1}", BAD_INPUT, "on", "must be true or false"},
    {"id=1", "{\"name\":\"x\",\"on\":\"true\"}", BAD_INPUT, "on", "must be true or false"},
    {"id=1", "{\"name\":\"x\",\"on\":null}", BAD_INPUT, "on", "must not be null"},
    {"id=1", "{\"name\":\"x\",\"password\":\"ab\"}", BAD_INPUT, "password",
     "must have at least 3 bytes"},
    {"id=1", "{\"name\":\"x\",\"password\":\"abcdefghij\"}", BAD_INPUT, "password",
     "may have at most 9 bytes"},
    {"id=1", "{\"name\":\"x\",\"password\":1234}", BAD_INPUT, "password", "must be a string"},
    /* ids */
    {"id=1&some=", "{\"name\":\"x\"}", BAD_INPUT, "some", "must name at least 1"},
    {"id=1&some=0", "{\"name\":\"x\"}", BAD_INPUT, "some", no_ids},
    {"id=1&some=-1", "{\"name\":\"x\"}", BAD_INPUT, "some", no_ids},
    {"id=1&some=x", "{\"name\":\"x\"}", BAD_INPUT, "some", no_ids},
    {"id=1&some=1,", "{\"name\":\"x\"}", BAD_INPUT, "some", no_ids},
    {"id=1&some=1,,2", "{\"name\":\"x\"}", BAD_INPUT, "some", no_ids},
    {"id=1&some=,1", "{\"name\":\"x\"}", BAD_INPUT, "some", no_ids},
    {"id=1&some=1 ,2", "{\"name\":\"x\"}", BAD_INPUT, "some", no_ids},
    {"id=1&some=+1", "{\"name\":\"x\"}", BAD_INPUT, "some", no_ids},
    {"id=1&some=01", "{\"name\":\"x\"}", BAD_INPUT, "some", no_ids},
    {"id=1&some=1.0", "{\"name\":\"x\"}", BAD_INPUT, "some", no_ids},
    {"id=1&some=9223372036854775808", "{\"name\":\"x\"}", BAD_INPUT, "some", no_ids},
    {"id=1&some=11111111111111111111111111111", "{\"name\":\"x\"}", BAD_INPUT, "some", no_ids},
    {"id=1&some=1,2,1", "{\"name\":\"x\"}", BAD_INPUT, "some", "names an id twice"},
    {"id=1&some=1,2,3,4", "{\"name\":\"x\"}", BAD_INPUT, "some", "may name at most 3"},
    {"id=1&things={}", "{\"name\":\"x\"}", BAD_INPUT, "things", "unknown field"},
    {"id=1", "{\"name\":\"x\",\"things\":[]}", BAD_INPUT, "things", "must be an object"},
    {"id=1", "{\"name\":\"x\",\"things\":\"{}\"}", BAD_INPUT, "things", "must be an object"},
    {"id=1", "{\"name\":\"x\",\"things\":{\"a\":\"123456789012345678901234567\"}}", BAD_INPUT,
     "things", "may have at most 32 bytes"},
    {"id=1", "{\"name\":\"x\",\"things\":{\"a\":[{\"n\":18446744073709551616}]}}", BAD_INPUT,
     "things", "holds a number that is too large"},
    {"id=1", "{\"name\":\"x\",\"things\":{\"n\":-9223372036854775809}}", BAD_INPUT, "things",
     "holds a number that is too large"},
    {"id=1", "{\"name\":\"x\",\"files\":[]}", BAD_INPUT, "files", "must name at least 2"},
    {"id=1", "{\"name\":\"x\",\"files\":[1]}", BAD_INPUT, "files", "must name at least 2"},
    {"id=1", "{\"name\":\"x\",\"files\":[1,2,3,4,5]}", BAD_INPUT, "files", "may name at most 4"},
    {"id=1", "{\"name\":\"x\",\"files\":[1,2,1]}", BAD_INPUT, "files", "names an id twice"},
    {"id=1", "{\"name\":\"x\",\"files\":[1,0]}", BAD_INPUT, "files", no_ids},
    {"id=1", "{\"name\":\"x\",\"files\":[1,-2]}", BAD_INPUT, "files", no_ids},
    {"id=1", "{\"name\":\"x\",\"files\":[1,2.0]}", BAD_INPUT, "files", no_ids},
    {"id=1", "{\"name\":\"x\",\"files\":[1,\"2\"]}", BAD_INPUT, "files", no_ids},
    {"id=1", "{\"name\":\"x\",\"files\":[1,null]}", BAD_INPUT, "files", no_ids},
    {"id=1", "{\"name\":\"x\",\"files\":[1,true]}", BAD_INPUT, "files", no_ids},
    {"id=1", "{\"name\":\"x\",\"files\":[1,[2]]}", BAD_INPUT, "files", no_ids},
    {"id=1", "{\"name\":\"x\",\"files\":[1,{}]}", BAD_INPUT, "files", no_ids},
    {"id=1", "{\"name\":\"x\",\"files\":[1,9223372036854775808]}", BAD_INPUT, "files", no_ids},
    {"id=1", "{\"name\":\"x\",\"files\":[1,-9223372036854775808]}", BAD_INPUT, "files", no_ids},
    {"id=1", "{\"name\":\"x\",\"files\":5}", BAD_INPUT, "files", no_ids},
    {"id=1", "{\"name\":\"x\",\"files\":\"1,2\"}", BAD_INPUT, "files", no_ids},
    {"id=1", "{\"name\":\"x\",\"files\":{}}", BAD_INPUT, "files", no_ids},
    {"id=1", "{\"name\":\"x\",\"files\":true}", BAD_INPUT, "files", no_ids},
    {"id=1", "{\"name\":\"x\",\"more\":1}", BAD_INPUT, "more", "unknown field"},
    {"id=1", "{\"name\":\"x\",\"more\":null}", BAD_INPUT, "more", "unknown field"},
    {"id=1", "{\"name\":\"x\",\"NAME\":\"x\"}", BAD_INPUT, "NAME", "unknown field"},
    {"id=1", "{\"name\":\"x\",\"id\":1}", BAD_INPUT, "id", "unknown field"},
    {"id=1", "{\"name\":\"x\",\"\":1}", BAD_INPUT, "", "unknown field"},
};

START_TEST(errors_name_their_field)
{
    for (size_t i = 0; i < COUNT(errors); i++) {
        const char *row = errors[i].body ? errors[i].body : "(none)";
        int status = decode(errors[i].pairs, errors[i].body);
        ck_assert_msg(status == errors[i].status, "%s %s: %d", errors[i].pairs, row, status);
        ck_assert_msg(strcmp(field, errors[i].field) == 0, "%s %s: %s", errors[i].pairs, row,
                      field);
        ck_assert_msg(strcmp(why, errors[i].why) == 0, "%s %s: %s", errors[i].pairs, row, why);
    }
}
END_TEST

/* The name of an unknown field travels in a reply frame, whose strings end at 255 bytes. */
START_TEST(names_of_any_length)
{
    for (size_t n = 254; n <= 257; n++) {
        cleanup(text_drop) struct text pairs = {0}, json = {0};
        for (size_t i = 0; i < n; i++)
            text_putc(&pairs, 'n');
        text_printf(&json, "{\"name\":\"x\",\"%s\":1}", pairs.data);
        ck_assert_int_eq(decode("id=1", json.data), BAD_INPUT);
        ck_assert_uint_eq(strlen(field), n <= 255 ? n : 0);
        text_puts(&pairs, "=1&id=1");
        ck_assert_int_eq(decode(pairs.data, "{\"name\":\"x\"}"), BAD_INPUT);
        ck_assert_uint_eq(strlen(field), n <= 255 ? n : 0);
    }
}
END_TEST

/* Bytes of a string, counted on both sides of its bounds. */
START_TEST(strings_at_their_bounds)
{
    const struct op *op = api_op(OP_prompt_create);

    for (size_t n = 32767; n <= 32769; n++) {
        cleanup(text_drop) struct text t = {0};
        struct prompt_create_in prompt = {0};
        const char *json_why;
        text_puts(&t, "{\"name\":\"x\",\"content\":\"");
        memset(text_reserve(&t, n), 'c', n);
        t.size += n;
        text_puts(&t, "\"}");
        json_drop(&body);
        ck_assert_int_eq(json_parse(t.data, t.size, &body, &json_why), DONE);
        params_make("project_id=1");
        if (api_decode(op, params.data, params.size, body, &prompt, &field, &why) == DONE) {
            ck_assert_uint_le(n, 32768);
            ck_assert_uint_eq(strlen(prompt.content), n);
        } else {
            ck_assert_uint_gt(n, 32768);
            ck_assert_str_eq(field, "content");
        }
    }
}
END_TEST

START_TEST(operations_without_a_body)
{
    struct project_get_in get = {0};
    const struct op *op = api_op(OP_project_get);

    ck_assert_int_eq(decode("project_id=5", "{}"), NOT_FOUND); /* of the sample: no id */
    ck_assert_int_eq(api_decode(op, params.data, params.size, NULL, &get, &field, &why), DONE);
    ck_assert_int_eq(api_decode(op, params.data, params.size, body, &get, &field, &why), DONE);
    ck_assert_int_eq(get.project_id, 5);
    decode("project_id=5", "{\"x\":1}");
    ck_assert_int_eq(api_decode(op, params.data, params.size, body, &get, &field, &why), BAD_INPUT);
    ck_assert_str_eq(field, "x");
    ck_assert(!api_has_body(op));
    ck_assert(api_has_body(api_op(OP_prompt_create)));
}
END_TEST

START_TEST(params_are_bounded)
{
    char small[10];
    struct params p = {.data = small, .capacity = sizeof small};

    ck_assert(!params_add(&p, "name", "value", 5)); /* 11 bytes */
    ck_assert_uint_eq(p.size + p.count, 0);
    ck_assert(!params_add(&p, "n", "a\0b", 3));
    ck_assert(params_add(&p, "name", "valu", 4));
    ck_assert_uint_eq(p.size, 10);
    ck_assert_uint_eq(p.count, 1);
    ck_assert_mem_eq(small, "name\0valu", 10);
    ck_assert(!params_add(&p, "", "", 0));
    ck_assert_uint_eq(p.size, 10);
}
END_TEST

START_TEST(params_are_read)
{
    static const char good[] = "a\0001\0b\0\0a\0002"; /* and the literal's NUL */

    ck_assert_str_eq(params_get(good, sizeof good, "a"), "1");
    ck_assert_str_eq(params_get(good, sizeof good, "b"), "");
    ck_assert_ptr_null(params_get(good, sizeof good, "c"));
    ck_assert_ptr_null(params_get(good, sizeof good, "1"));
    ck_assert_ptr_null(params_get(NULL, 0, "a"));
    for (size_t n = 0; n < 4; n++) { /* "a" is whole from the fourth byte on */
        cleanup(free_drop) char *cut = malloc(n + 1);
        memcpy(cut, good, n);
        ck_assert_ptr_null(params_get(cut, n, "a"));
    }
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("decode");

    tcase_add_checked_fixture(t, NULL, drop);
    tcase_add_test(t, the_least);
    tcase_add_test(t, the_most);
    tcase_add_test(t, nulls);
    tcase_add_test(t, lists_of_ids);
    tcase_add_test(t, ids_at_their_bound);
    tcase_add_test(t, objects);
    tcase_add_test(t, whole_numbers_for_fractions);
    tcase_add_test(t, errors_name_their_field);
    tcase_add_test(t, names_of_any_length);
    tcase_add_test(t, strings_at_their_bounds);
    tcase_add_test(t, operations_without_a_body);
    tcase_add_test(t, params_are_bounded);
    tcase_add_test(t, params_are_read);
    return check_run("decode", t);
}
