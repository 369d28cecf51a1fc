/* Spans: encoded, kept in a buffer, handed to traced. */
#include "common/spans.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/conf.h"
#include "common/digest.h"
#include "common/fault.h"
#include "common/meters.h"
#include "common/text.h"

#define FLUSH_FILL  32768 /* bytes that the thread does not wait longer for */
#define FLUSH_MS    500
#define AGAIN_MS    200 /* until traced is tried again */
#define SEND_BUFFER (4 * SPANS_DATA_MAX)
#define NS          INT64_C(1000000000)

static struct {
    atomic_bool on;
    atomic_int_fast64_t dropped;
    char service[32], instance[40];
    struct sockaddr_un to;
    struct meters *meters;
    int fd;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t filled;
    struct text spans; /* under the lock, as the following */
    int64_t count;
    bool stop;
} my = {.fd = -1, .lock = PTHREAD_MUTEX_INITIALIZER, .filled = PTHREAD_COND_INITIALIZER};

/* ---- OTLP/JSON ---- */

/* {"key":"http.route","value":{"stringValue":"/chat"}}; numbers of 64 bit are strings there. */
static void fact_json(struct text *to, const struct span_fact *f)
{
    if (to->data[to->size - 1] != '[')
        text_putc(to, ',');
    text_puts(to, "{\"key\":");
    text_json(to, f->name, strlen(f->name));
    if (f->text) {
        text_puts(to, ",\"value\":{\"stringValue\":");
        text_json(to, f->text, strlen(f->text));
        text_puts(to, "}}");
    } else {
        text_printf(to, ",\"value\":{\"intValue\":\"%" PRId64 "\"}}", f->number);
    }
}

void span_json(struct text *to, const struct span *s, const struct span_fact *facts, size_t count,
               int64_t end_ns, int64_t length_us)
{
    char trace[TRACE_ID_SIZE];

    trace_id(s->trace, trace);
    text_printf(to, "{\"traceId\":\"%s\",\"spanId\":\"%s\"", trace, s->trace->span);
    if (s->parent[0])
        text_member_str(to, "parentSpanId", s->parent);
    text_member_str(to, "name", s->name);
    text_member_i64(to, "kind", s->kind);
    text_printf(to,
                ",\"startTimeUnixNano\":\"%" PRId64 "\",\"endTimeUnixNano\":\"%" PRId64
                "\",\"attributes\":[",
                end_ns - length_us * 1000, end_ns);
    fact_json(to, &(struct span_fact){.name = "chatbot.request_id", .text = s->trace->id});
    for (size_t i = 0; i < count; i++)
        if (facts[i].text || facts[i].number != -1)
            fact_json(to, &facts[i]);
    text_puts(to, s->failed ? "],\"status\":{\"code\":2}}" : "],\"status\":{}}");
}

void spans_resource_json(struct text *to, const char *service, const char *instance,
                         const struct text *spans)
{
    char host[65] = "";

    gethostname(host, sizeof host - 1);
    text_puts(to, "{\"resource\":{\"attributes\":[");
    fact_json(to, &(struct span_fact){.name = "service.name", .text = service});
    fact_json(to, &(struct span_fact){.name = "service.namespace", .text = "chatbot"});
    fact_json(to, &(struct span_fact){.name = "service.instance.id", .text = instance});
    fact_json(to, &(struct span_fact){.name = "service.version", .text = VERSION});
    fact_json(to, &(struct span_fact){.name = "host.name", .text = host});
    text_puts(to, "]},\"scopeSpans\":[{\"scope\":{\"name\":\"chatbot-platform\"},\"spans\":[");
    text_add(to, spans->data, spans->size);
    text_puts(to, "]}]}");
}

/* ---- the buffer ---- */

static void drop(int64_t n)
{
    atomic_fetch_add(&my.dropped, n);
    meter_add(my.meters, RM_spans_dropped_total, NULL, n);
}

void span_end(const struct span *s, const struct span_fact *facts, size_t count)
{
    cleanup(text_drop) struct text json = {0};
    struct timespec now;
    bool fits;

    if (!atomic_load(&my.on))
        return;
    clock_gettime(CLOCK_REALTIME, &now);
    span_json(&json, s, facts, count, (int64_t)now.tv_sec * NS + now.tv_nsec,
              clock_us() - s->begun_us);
    pthread_mutex_lock(&my.lock);
    fits = my.spans.size + json.size < SPANS_BUFFER_MAX;
    if (fits) {
        if (my.spans.size)
            text_putc(&my.spans, ',');
        text_add(&my.spans, json.data, json.size);
        my.count++;
        if (my.spans.size >= FLUSH_FILL)
            pthread_cond_signal(&my.filled);
    }
    pthread_mutex_unlock(&my.lock);
    if (!fits)
        drop(1);
}

bool spans_on(void)
{
    return atomic_load_explicit(&my.on, memory_order_relaxed);
}

/* ---- calls to somebody outside ---- */

void span_call_begin(struct span_call *ret, const char *asks)
{
    unsigned char id[(TRACE_ID_SIZE - 1) / 2];

    *ret = (struct span_call){.begun_us = clock_us()};
    trace_read(&ret->trace, asks);
    if (!asks) {
        random_bytes(id, sizeof id);
        hex_encode(id, sizeof id, ret->trace.id);
    }
    ret->sampled = asks ? ret->trace.span[0] != '\0' : spans_on();
    memcpy(ret->parent, ret->trace.span, sizeof ret->parent);
    if (spans_on() || !ret->sampled)
        span_id_make(ret->trace.span);
}

void span_call_header(const struct span_call *c, char ret[TRACEPARENT_SIZE])
{
    traceparent_print(&c->trace, c->sampled, ret);
}

void span_call_end(const struct span_call *c, const char *name, bool failed,
                   const struct span_fact *facts, size_t count)
{
    if (c->sampled)
        span_end(&(struct span){.name = name,
                                .kind = SPAN_CLIENT,
                                .trace = &c->trace,
                                .parent = c->parent,
                                .begun_us = c->begun_us,
                                .failed = failed},
                 facts, count);
}

int64_t spans_dropped(void)
{
    return atomic_load(&my.dropped);
}

/* ---- the thread ---- */

static struct timespec from_now(int64_t ms)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    t.tv_nsec += ms % 1000 * 1000000;
    t.tv_sec += ms / 1000 + t.tv_nsec / NS;
    t.tv_nsec %= NS;
    return t;
}

/* False: traced is away, or has no room; it is tried again later. */
static bool hand_over(const struct text *data)
{
    ssize_t n = sendto(my.fd, data->data, data->size, MSG_DONTWAIT | MSG_NOSIGNAL,
                       (const struct sockaddr *)&my.to, sizeof my.to);

    return n == (ssize_t)data->size;
}

/* Waits for spans, and takes them.  False: the process ends, and none are left. */
static bool take(struct text *ret_data, int64_t *ret_count)
{
    struct timespec until = from_now(FLUSH_MS);
    bool some;

    pthread_mutex_lock(&my.lock);
    while (!my.stop && my.spans.size < FLUSH_FILL &&
           pthread_cond_timedwait(&my.filled, &my.lock, &until) != ETIMEDOUT)
        ;
    *ret_count = my.count;
    some = my.count > 0;
    if (some)
        spans_resource_json(ret_data, my.service, my.instance, &my.spans);
    text_clear(&my.spans);
    my.count = 0;
    some = some || !my.stop;
    pthread_mutex_unlock(&my.lock);
    return some;
}

/* Until traced takes it; false: the process ends first. */
static bool hand_over_patiently(const struct text *data)
{
    bool stop = false;

    while (!hand_over(data)) {
        struct timespec until = from_now(AGAIN_MS);
        pthread_mutex_lock(&my.lock);
        while (!my.stop && pthread_cond_timedwait(&my.filled, &my.lock, &until) != ETIMEDOUT)
            ;
        stop = my.stop;
        pthread_mutex_unlock(&my.lock);
        if (stop)
            return false;
    }
    return true;
}

static void *spans_run(void *unused)
{
    cleanup(text_drop) struct text data = {0};
    int64_t count = 0;

    (void)unused;
    while (take(&data, &count)) {
        if (count && !hand_over_patiently(&data))
            drop(count);
        text_clear(&data);
    }
    return NULL;
}

void spans_start(const struct conf *conf, const char *service, const char *instance,
                 struct meters *meters)
{
    const char *path = conf_str(conf, SET_TRACE_SOCKET);
    int size = SEND_BUFFER, error;

    if (!conf_str(conf, SET_OTEL_EXPORTER_OTLP_ENDPOINT)[0])
        return;
    snprintf(my.service, sizeof my.service, "chatbot-%s", service);
    snprintf(my.instance, sizeof my.instance, "%s", instance);
    my.to.sun_family = AF_UNIX;
    snprintf(my.to.sun_path, sizeof my.to.sun_path, "%s", path);
    my.meters = meters;
    my.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (my.fd < 0) {
        FAULT("socket: %m");
        return;
    }
    setsockopt(my.fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    error = pthread_create(&my.thread, NULL, spans_run, NULL);
    if (error)
        FAULT("thread: %s", strerror(error));
    else
        atomic_store(&my.on, true);
}

void spans_stop(void)
{
    if (!atomic_exchange(&my.on, false))
        return;
    pthread_mutex_lock(&my.lock);
    my.stop = true;
    pthread_cond_signal(&my.filled);
    pthread_mutex_unlock(&my.lock);
    pthread_join(my.thread, NULL);
    text_drop(&my.spans);
    close(my.fd);
}
