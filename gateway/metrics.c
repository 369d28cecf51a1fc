/* Counters of this gateway, in Prometheus' text format. */
#include "gateway/metrics.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "common/spans.h"
#include "common/text.h"
#include "gateway/auth.h"
#include "gateway/broker/broker.h"
#include "gateway/gateway.h"
#include "gateway/http/http.h"
#include "gateway/stream/streams.h"
#include "proto/api.h"

#define PREFIX  "chatbot_gateway_"
#define CLASSES 6 /* hundreds of the status */

/* Upper bounds in microseconds; a blocking chat takes minutes. */
static const int64_t bounds[] = {500,    1000,   2500,    5000,    10000,    25000,    50000,
                                 100000, 250000, 1000000, 2500000, 10000000, 60000000, 300000000};
#define BOUNDS (sizeof bounds / sizeof *bounds)

struct of_op {
    atomic_ullong by_class[CLASSES], by_time[BOUNDS + 1], usec;
};

struct metrics {
    struct of_op ops[OP_COUNT + 1]; /* the last: no operation */
    atomic_ullong rate_limited;
};

struct metrics *metrics_new(void)
{
    struct metrics *m = calloc(1, sizeof *m);

    if (!m)
        abort();
    return m;
}

void metrics_drop(struct metrics **m)
{
    free(*m);
    *m = NULL;
}

static void add(atomic_ullong *to, unsigned long long n)
{
    atomic_fetch_add_explicit(to, n, memory_order_relaxed);
}

void metrics_count(struct metrics *m, const struct op *op, int http, int64_t usec)
{
    struct of_op *o = &m->ops[op ? op->id : OP_COUNT];
    size_t i = 0;

    while (i < BOUNDS && usec > bounds[i])
        i++;
    add(&o->by_class[http / 100 % CLASSES], 1);
    add(&o->by_time[i], 1);
    add(&o->usec, (unsigned long long)usec);
    if (http == 429)
        add(&m->rate_limited, 1);
}

/* What the writers read: one look at everything. */
struct look {
    struct gateway *gateway;
    struct text *to;
    const char *name; /* of the metric being written */
    struct service_state services[SVC_GATEWAY];
    struct broker_stats bus;
    struct sessions_stats sessions;
    struct streams_stats streams;
};

static void sample(const struct look *l, const char *labels, unsigned long long v)
{
    text_printf(l->to, PREFIX "%s%s %llu\n", l->name, labels, v);
}

static const char *op_name(size_t i)
{
    return i == OP_COUNT ? "none" : api_op((int)i)->name;
}

static bool is_public(size_t i)
{
    return i == OP_COUNT || api_op((int)i)->method != METHOD_NONE;
}

static void build_info_write(const struct look *l)
{
    sample(l, "{version=\"" VERSION "\"}", 1);
}

static void http_requests_total_write(const struct look *l)
{
    for (size_t i = 0; i <= OP_COUNT; i++)
        for (int c = 1; c < CLASSES && is_public(i); c++) {
            unsigned long long n = atomic_load(&l->gateway->metrics->ops[i].by_class[c]);
            if (n)
                text_printf(l->to, PREFIX "%s{op=\"%s\",class=\"%dxx\"} %llu\n", l->name,
                            op_name(i), c, n);
        }
}

static void histogram_write(const struct look *l, const struct of_op *o, const char *op)
{
    unsigned long long sum = 0;

    for (size_t b = 0; b < BOUNDS; b++) {
        sum += atomic_load(&o->by_time[b]);
        text_printf(l->to, PREFIX "%s_bucket{op=\"%s\",le=\"%g\"} %llu\n", l->name, op,
                    (double)bounds[b] / 1e6, sum);
    }
    sum += atomic_load(&o->by_time[BOUNDS]);
    text_printf(l->to, PREFIX "%s_bucket{op=\"%s\",le=\"+Inf\"} %llu\n", l->name, op, sum);
    text_printf(l->to, PREFIX "%s_sum{op=\"%s\"} %.6f\n", l->name, op,
                (double)atomic_load(&o->usec) / 1e6);
    text_printf(l->to, PREFIX "%s_count{op=\"%s\"} %llu\n", l->name, op, sum);
}

/* Operations that nobody has called yet are left out. */
static void http_request_seconds_write(const struct look *l)
{
    for (size_t i = 0; i <= OP_COUNT; i++) {
        const struct of_op *o = &l->gateway->metrics->ops[i];
        unsigned long long n = 0;
        for (int c = 0; c < CLASSES; c++)
            n += atomic_load(&o->by_class[c]);
        if (n)
            histogram_write(l, o, op_name(i));
    }
}

static void http_rate_limited_total_write(const struct look *l)
{
    sample(l, "", atomic_load(&l->gateway->metrics->rate_limited));
}

static void http_connections_write(const struct look *l)
{
    sample(l, "", http_busy(l->gateway->http));
}

static void http_cut_total_write(const struct look *l)
{
    sample(l, "", http_cut_count(l->gateway->http));
}

static void http_refused_total_write(const struct look *l)
{
    sample(l, "", addresses_refused(l->gateway->addresses));
}

static void http_threads_write(const struct look *l)
{
    sample(l, "", l->gateway->threads);
}

static void http_admitted_write(const struct look *l)
{
    sample(l, "{kind=\"request\"}", atomic_load(&l->gateway->requests));
    sample(l, "{kind=\"chat\"}", atomic_load(&l->gateway->chats));
}

#define OF_STREAMS(metric, member)                   \
    static void metric##_write(const struct look *l) \
    {                                                \
        sample(l, "", l->streams.member);            \
    }
OF_STREAMS(streams, open)
OF_STREAMS(streams_max, max)
OF_STREAMS(streams_total, begun)
OF_STREAMS(streams_resumed_total, resumes)
OF_STREAMS(streams_refused_total, refused)
OF_STREAMS(stream_events_total, events)
OF_STREAMS(stream_bytes_total, bytes)
OF_STREAMS(stream_asks_total, asks)

static void spans_dropped_total_write(const struct look *l)
{
    sample(l, "", (uint64_t)spans_dropped());
}

static void streams_dropped_total_write(const struct look *l)
{
    sample(l, "{reason=\"slow\"}", l->streams.slow);
    sample(l, "{reason=\"session\"}", l->streams.revoked);
}

static void auth_tokens_total_write(const struct look *l)
{
    sample(l, "{result=\"trusted\"}", l->sessions.trusted);
    sample(l, "{result=\"doubted\"}", l->sessions.doubted);
    sample(l, "{result=\"unknown\"}", l->sessions.unknown);
}

static void auth_gaps_total_write(const struct look *l)
{
    sample(l, "", l->sessions.gaps);
}

#define BY_SERVICE(metric, member)                                                             \
    static void metric##_write(const struct look *l)                                           \
    {                                                                                          \
        for (int i = 0; i < SVC_GATEWAY; i++)                                                  \
            text_printf(l->to, PREFIX "%s{service=\"%s\"} %llu\n", l->name,                    \
                        api_svc_name((enum svc)i), (unsigned long long)l->services[i].member); \
    }
BY_SERVICE(bus_instances, instances)
BY_SERVICE(bus_requests_total, requests)
BY_SERVICE(bus_replies_total, replies)
BY_SERVICE(bus_busy_total, busy)
BY_SERVICE(bus_late_total, late)
BY_SERVICE(bus_retried_total, retried)
BY_SERVICE(bus_lost_total, lost)

#define BY_LANE(metric, member)                                                                 \
    static void metric##_write(const struct look *l)                                            \
    {                                                                                           \
        static const char *const lanes[LANE_COUNT] = {"fast", "slow", "write", "hash", "bulk"}; \
        for (int i = 0; i < SVC_GATEWAY; i++)                                                   \
            for (int k = 0; k < LANE_COUNT; k++)                                                \
                text_printf(l->to, PREFIX "%s{service=\"%s\",lane=\"%s\"} %u\n", l->name,       \
                            api_svc_name((enum svc)i), lanes[k], l->services[i].member[k]);     \
    }
BY_LANE(bus_queued, queued)
BY_LANE(bus_in_flight, in_flight)
BY_LANE(bus_credit, credit)

static void bus_frames_total_write(const struct look *l)
{
    sample(l, "{direction=\"in\"}", l->bus.frames_in);
    sample(l, "{direction=\"out\"}", l->bus.frames_out);
}

#define OF_BUS(metric, member)                       \
    static void metric##_write(const struct look *l) \
    {                                                \
        sample(l, "", l->bus.member);                \
    }
OF_BUS(bus_bad_frames_total, bad_frames)
OF_BUS(bus_refused_peers_total, refused_peers)
OF_BUS(bus_refused_keys_total, refused_keys)
OF_BUS(bus_refused_handshakes_total, strangers)
OF_BUS(bus_events_total, events_in)
OF_BUS(bus_events_dropped_total, events_dropped)
OF_BUS(bus_pending, pending)
OF_BUS(bus_followers, followers)

static const struct {
    const char *name, *type, *help;
    void (*write)(const struct look *l);
} table[] = {
#define METRIC(name, type, text) {#name, #type, text, name##_write},
#include "gateway/metrics.def"
};

void metrics_write(struct gateway *g, struct text *to)
{
    struct look l = {.gateway = g, .to = to};

    for (int i = 0; i < SVC_GATEWAY; i++)
        broker_service_state(g->broker, (enum svc)i, &l.services[i]);
    broker_stats(g->broker, &l.bus);
    auth_stats(g->auth, &l.sessions);
    streams_stats(g->streams, &l.streams);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        l.name = table[i].name;
        text_printf(to, "# HELP " PREFIX "%s %s\n# TYPE " PREFIX "%s %s\n", l.name, table[i].help,
                    l.name, table[i].type);
        table[i].write(&l);
    }
}
