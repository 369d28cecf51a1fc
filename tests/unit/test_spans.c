/* common/spans.h: OTLP/JSON, and a buffer that never waits.  traced's batch for the collector. */
#include "common/spans.h"

#include <json-c/json.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/json.h"
#include "common/text.h"
#include "tests/unit/check_main.h"
#include "traced/collector.h"

#define PARENT "00f067aa0ba902b7"
#define OWN    "b7ad6b7169203331"
#define CLIENT "4bf92f3577b34da6a3ce929d0e0e4736"

static struct json_object *parsed(const struct text *t)
{
    struct json_object *o = NULL;
    const char *why = "";

    ck_assert_msg(json_parse(t->data, t->size, &o, &why) == 0, "%s: %s", why, t->data);
    return o;
}

/* The value of an attribute, as text; NULL: it is not there. */
static const char *fact(struct json_object *of, const char *name)
{
    struct json_object *list = json_member(of, "attributes");

    for (size_t i = 0; i < json_object_array_length(list); i++) {
        struct json_object *one = json_object_array_get_idx(list, i);
        struct json_object *value = json_member(one, "value");
        if (strcmp(json_str(one, "key", ""), name) == 0)
            return json_str(value, "stringValue", json_str(value, "intValue", NULL));
    }
    return NULL;
}

static struct trace trace_of(const char *s)
{
    struct trace t;

    trace_read(&t, s);
    return t;
}

START_TEST(a_span)
{
    cleanup(text_drop) struct text out = {0};
    cleanup(json_drop) struct json_object *o = NULL;
    struct trace t = trace_of(CLIENT "/" OWN);
    struct span s = {.name = "chat \"x\"", .kind = SPAN_CLIENT, .trace = &t, .parent = PARENT};
    const struct span_fact facts[] = {{.name = "model", .text = "a\"b"},
                                      {.name = "tokens", .number = 12},
                                      {.name = "unknown", .number = -1}};

    span_json(&out, &s, facts, 3, 1700000000000000000, 2500);
    o = parsed(&out);
    ck_assert_str_eq(json_str(o, "traceId", ""), CLIENT);
    ck_assert_str_eq(json_str(o, "spanId", ""), OWN);
    ck_assert_str_eq(json_str(o, "parentSpanId", ""), PARENT);
    ck_assert_str_eq(json_str(o, "name", ""), "chat \"x\"");
    ck_assert_int_eq(json_i64(o, "kind", 0), 3);
    ck_assert_str_eq(json_str(o, "startTimeUnixNano", ""), "1699999999997500000");
    ck_assert_str_eq(json_str(o, "endTimeUnixNano", ""), "1700000000000000000");
    ck_assert_str_eq(fact(o, "chatbot.request_id"), CLIENT);
    ck_assert_str_eq(fact(o, "model"), "a\"b");
    ck_assert_str_eq(fact(o, "tokens"), "12");
    ck_assert_ptr_null(fact(o, "unknown"));
    ck_assert_int_eq(json_i64(json_member(o, "status"), "code", 0), 0);
}
END_TEST

START_TEST(a_failed_root)
{
    cleanup(text_drop) struct text out = {0};
    cleanup(json_drop) struct json_object *o = NULL;
    struct trace t = trace_of("mine/" OWN);
    struct span s = {.name = "x", .kind = SPAN_SERVER, .trace = &t, .parent = "", .failed = true};

    span_json(&out, &s, NULL, 0, 1700000000000000000, 0);
    o = parsed(&out);
    ck_assert_ptr_null(json_member(o, "parentSpanId"));
    ck_assert_int_eq((int)strlen(json_str(o, "traceId", "")), 32);
    ck_assert_str_eq(fact(o, "chatbot.request_id"), "mine");
    ck_assert_int_eq(json_i64(json_member(o, "status"), "code", 0), 2);
}
END_TEST

START_TEST(a_resource)
{
    cleanup(text_drop) struct text spans = {0}, out = {0};
    cleanup(json_drop) struct json_object *o = NULL;
    struct json_object *scope, *list;
    struct trace t = trace_of(CLIENT "/" OWN);
    struct span s = {.name = "x", .kind = SPAN_SERVER, .trace = &t, .parent = ""};

    span_json(&spans, &s, NULL, 0, 1, 0);
    text_putc(&spans, ',');
    span_json(&spans, &s, NULL, 0, 2, 0);
    spans_resource_json(&out, "chatbot-chatd", "0123", &spans);
    o = parsed(&out);
    ck_assert_str_eq(fact(json_member(o, "resource"), "service.name"), "chatbot-chatd");
    ck_assert_str_eq(fact(json_member(o, "resource"), "service.instance.id"), "0123");
    ck_assert_str_eq(fact(json_member(o, "resource"), "service.version"), VERSION);
    list = json_member(o, "scopeSpans");
    ck_assert_int_eq((int)json_object_array_length(list), 1);
    scope = json_object_array_get_idx(list, 0);
    ck_assert_int_eq((int)json_object_array_length(json_member(scope, "spans")), 2);
}
END_TEST

/* What is not wanted costs nothing, and is no drop. */
START_TEST(off)
{
    struct trace t = trace_of(CLIENT "/" OWN);

    ck_assert(!spans_on());
    span_end(&(struct span){.name = "x", .kind = SPAN_SERVER, .trace = &t, .parent = ""}, NULL, 0);
    ck_assert_int_eq(spans_dropped(), 0);
    spans_stop();
}
END_TEST

/* Where nothing is traced here, a client's span is passed on as it came, and others get one that
 * nobody has recorded. */
START_TEST(outside)
{
    char header[TRACEPARENT_SIZE];
    struct span_call call;

    span_call_begin(&call, CLIENT "/" OWN);
    span_call_header(&call, header);
    ck_assert_str_eq(header, "00-" CLIENT "-" OWN "-01");
    span_call_begin(&call, CLIENT);
    span_call_header(&call, header);
    ck_assert_mem_eq(header, "00-" CLIENT "-", 36);
    ck_assert_str_eq(header + 52, "-00");
    span_call_begin(&call, NULL);
    span_call_header(&call, header);
    ck_assert_uint_eq(strlen(call.trace.id), TRACE_ID_SIZE - 1);
    ck_assert_mem_eq(header + 3, call.trace.id, TRACE_ID_SIZE - 1);
    ck_assert_str_eq(header + 52, "-00");
    span_call_end(&call, "x", false, NULL, 0);
}
END_TEST

START_TEST(endpoints)
{
    const char *why;

    ck_assert(collector_check("", &why));
    ck_assert(collector_check("http://127.0.0.1:4318", &why));
    ck_assert(collector_check("https://otel.example.org/base/", &why));
    ck_assert(!collector_check("127.0.0.1:4318", &why));
    ck_assert(!collector_check("ftp://example.org", &why));
    ck_assert(!collector_check("http://", &why));
    ck_assert(!collector_check("http://user@example.org", &why));
    ck_assert(!collector_check("http://example.org/?x", &why));
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("spans");

    tcase_add_test(t, a_span);
    tcase_add_test(t, a_failed_root);
    tcase_add_test(t, a_resource);
    tcase_add_test(t, off);
    tcase_add_test(t, outside);
    tcase_add_test(t, endpoints);
    return check_run("spans", t);
}
