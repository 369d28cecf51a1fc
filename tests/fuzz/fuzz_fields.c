/*
 * Header fields that the gateway itself reads, the first byte picks which: hosts and origins, with
 * the lists that allow some, Accept and Content-Type, cookies, traceparent and request ids.
 */
#include "gateway/facts.c"
#include "gateway/pipeline.c"

#include "common/cleanup.h"
#include "common/trace.h"
#include "gateway/cors.h"
#include "gateway/hosts.h"
#include "gateway/media.h"
#include "tests/fuzz/fuzz.h"

static void hosts_try(const char *list, const char *host)
{
    cleanup(hosts_drop) struct hosts *h = NULL;
    const char *wrong = NULL;

    if (hosts_new(list, &h, &wrong) != DONE) {
        must(wrong >= list && wrong <= list + strlen(list));
        return;
    }
    must(!hosts_allow(h, host, false) || hosts_allow(h, host, true));
    hosts_allow(h, NULL, false);
}

static void cors_try(const char *list, const char *origin)
{
    cleanup(cors_drop) struct cors *c = NULL;
    struct cors *next;
    const char *wrong = NULL, *allowed;

    if (cors_new(list, &c, &wrong) != DONE) {
        must(wrong >= list && wrong <= list + strlen(list));
        return;
    }
    allowed = cors_allow(c, origin);
    must(!allowed || strcmp(allowed, origin) == 0 || strcmp(allowed, "*") == 0);
    must(!allowed || cors_on(c));
    if (cors_new(origin, &next, &wrong) == DONE) {
        cors_replace(next, c);
        c = next;
    }
}

static void media_try(const char *type)
{
    must(!media_accepts(type, "text/event-stream") || strcasestr(type, "text/event-stream"));
    must(!media_is_json(type) || strncasecmp(type, "application/json", 16) == 0);
    must(!media_is_json(NULL) && !media_accepts(NULL, type));
}

static void cookies_try(const char *name, const char *list)
{
    char value[VALUE_MAX + 1];

    if (!cookie_find(list, name, value))
        return;
    must(*value && !strchr(value, ';') && strstr(list, value));
}

/* What is written for others is read as the same trace. */
static void trace_same(const struct trace *t, bool sampled)
{
    struct trace on_bus, told = {0};
    char bus[TRACE_SIZE], line[TRACEPARENT_SIZE], id[TRACE_ID_SIZE], again[TRACE_ID_SIZE];
    bool too;

    trace_print(t, bus);
    must(strlen(bus) < TRACE_SIZE);
    trace_read(&on_bus, bus);
    must(strcmp(on_bus.id, t->id) == 0 && strcmp(on_bus.span, t->span) == 0);
    trace_id(t, id);
    trace_id(&on_bus, again);
    must(strlen(id) == TRACE_ID_SIZE - 1 && strcmp(id, again) == 0);
    span_id_make(on_bus.span);
    traceparent_print(&on_bus, sampled, line);
    must(traceparent_read(line, &told, &too) && too == sampled);
    must(strcmp(told.client, id) == 0 && strcmp(told.span, on_bus.span) == 0);
}

static void traces_try(const char *id, const char *parent)
{
    struct trace t;
    bool sampled = false;

    must(!is_trace(id) || (strlen(id) >= 1 && strlen(id) <= TRACE_MAX));
    trace_read(&t, id);
    trace_same(&t, sampled);
    if (traceparent_read(parent, &t, &sampled)) {
        must(strncmp(parent + 3, t.client, 32) == 0 && strncmp(parent + 36, t.span, 16) == 0);
        trace_same(&t, sampled);
    }
}

/* Both halves of the text, which a NUL parts. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cleanup(free_drop) char *text = NULL;
    const char *other;

    if (size < 1 || size > 4096)
        return 0;
    text = fuzz_texts(data, size, &other);
    switch (data[0] % 5) {
    case 0:
        hosts_try(text, other);
        break;
    case 1:
        cors_try(text, other);
        break;
    case 2:
        media_try(text);
        http_list_has(text, other);
        break;
    case 3:
        cookies_try("chatbot", text);
        host_is_loopback(text);
        break;
    default:
        traces_try(text, other);
        break;
    }
    return 0;
}
