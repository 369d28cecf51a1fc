/* gateway/broker: many threads at once. */
#include <stdatomic.h>

#include "common/cleanup.h"
#include "common/events.h"
#include "common/text.h"
#include "tests/unit/broker_fixture.h"

#define THREADS 64
#define CALLS   200

static atomic_bool stop;

/* Answers each REQUEST with its own body, some of them late; publishes turn:0..7 all the time. */
struct echo {
    pthread_t thread;
    enum svc svc;
    const char *instance;
    bool publishes;
};

static void echo_publish(struct peer *p)
{
    cleanup(text_drop) struct text t = {0};
    struct envelope head = {.kind = FRAME_EVENT, .instance = p->instance, .count = 8};
    char topic[32];

    for (int i = 0; i < 8; i++) {
        struct event e = {.topic = topic, .what = EVENT_STATE, .data = "running", .size = 7};
        snprintf(topic, sizeof topic, "turn:%d", i);
        event_append(&t, &e);
    }
    peer_send(p, &head, t.data, t.size);
}

static void echo_answer(struct peer *p, struct peer_message *m)
{
    struct envelope e = {.kind = FRAME_REPLY, .id = m->e.id, .http = 200, .detail = m->e.trace};

    if (m->e.kind == FRAME_REQUEST)
        peer_send(p, &e, zmq_msg_data(&m->payload), zmq_msg_size(&m->payload));
    peer_message_drop(m);
}

static void *echo_run(void *state)
{
    const struct echo *s = state;
    struct peer_message m;
    struct peer p;

    peer_open(&p, fixture_dir, s->svc, s->instance);
    peer_ready(&p, 8);
    while (!atomic_load(&stop)) {
        if (s->publishes)
            echo_publish(&p);
        /* all that has come: who does not read is taken for silent, and not heard */
        for (int wait = s->publishes ? 1 : 100; peer_receive(&p, wait, &m); wait = 0)
            echo_answer(&p, &m);
    }
    peer_close(&p);
    return NULL;
}

static void echo_begin(struct echo *s, enum svc svc, const char *instance, bool publishes)
{
    *s = (struct echo){.svc = svc, .instance = instance, .publishes = publishes};
    ck_assert_int_eq(pthread_create(&s->thread, NULL, echo_run, s), 0);
}

static void threads_run(int n, void *(*run)(void *))
{
    pthread_t thread[THREADS];

    for (intptr_t i = 0; i < n; i++)
        ck_assert_int_eq(pthread_create(&thread[i], NULL, run, (void *)i), 0);
    for (int i = 0; i < n; i++)
        pthread_join(thread[i], NULL);
}

/* Whether the answer is the one to this question. */
static void call_check(intptr_t thread, int i)
{
    struct bus_request req = request_of(i % 3 ? OP_project_get : OP_project_create);
    struct bus_reply reply;
    char body[6000], trace[32];
    size_t n = (size_t)(i % 7 == 0 ? 5000 : i % 50 + 20);

    memset(body, 'a' + (int)thread % 26, sizeof body);
    snprintf(body, 20, "%d:%d", (int)thread, i);
    snprintf(trace, sizeof trace, "%d-%d", (int)thread, i);
    req.caller = thread % 5;
    req.trace = trace;
    req.body = body;
    req.body_size = n;
    broker_call(broker, &req, &reply);
    ck_assert_int_eq(reply.status, DONE);
    ck_assert_str_eq(reply.detail, trace);
    ck_assert_uint_eq(reply.body_size, n);
    ck_assert_mem_eq(reply.body, body, n);
    bus_reply_drop(&reply);
}

static void *caller_run(void *state)
{
    for (int i = 0; i < CALLS; i++)
        call_check((intptr_t)state, i);
    return NULL;
}

START_TEST(answers_match)
{
    struct echo one, two;

    echo_begin(&one, SVC_PROJECT, "p1", false);
    echo_begin(&two, SVC_PROJECT, "p2", false);
    threads_run(THREADS, caller_run);
    ck_assert_uint_eq(state_of(SVC_PROJECT).requests, THREADS * CALLS);
    ck_assert_uint_eq(state_of(SVC_PROJECT).replies, THREADS * CALLS);
    ck_assert_uint_eq(stats_now().pending, 0);
    atomic_store(&stop, true);
    pthread_join(one.thread, NULL);
    pthread_join(two.thread, NULL);
}
END_TEST

static void count(void *state, const struct event *e)
{
    int *n = state; /* freed right after broker_unfollow() */

    (void)e;
    __atomic_add_fetch(n, 1, __ATOMIC_RELAXED);
}

static void *follower_run(void *state)
{
    char topic[32];

    snprintf(topic, sizeof topic, "turn:%d", (int)((intptr_t)state % 4));
    for (int i = 0; i < 100; i++) {
        int *n = calloc(1, sizeof *n);
        struct follower *f = broker_follow(broker, SVC_CHAT, topic, i % 2, count, n);
        if (i % 3 == 0)
            usleep(1000);
        broker_unfollow(broker, &f);
        free(n);
    }
    return NULL;
}

/* After broker_unfollow() the callback runs no more, under a constant stream of events. */
START_TEST(unfollow_under_fire)
{
    struct follower *last;
    struct echo s;
    int seen = 0;

    echo_begin(&s, SVC_CHAT, "c1", true);
    threads_run(32, follower_run);
    ck_assert_uint_eq(stats_now().followers, 0);
    last = broker_follow(broker, SVC_CHAT, "turn:7", false, count, &seen);
    for (int i = 0; i < 300 && !__atomic_load_n(&seen, __ATOMIC_RELAXED); i++)
        usleep(100000);
    broker_unfollow(broker, &last);
    ck_assert_int_gt(seen, 0);
    atomic_store(&stop, true);
    pthread_join(s.thread, NULL);
}
END_TEST

/* A callback may end its own follower, and its neighbour. */
struct pair {
    struct follower *self, *other;
    pthread_mutex_t lock;
    int calls;
};

static void end_both(void *state, const struct event *e)
{
    struct pair *p = state;

    (void)e;
    pthread_mutex_lock(&p->lock);
    p->calls++;
    broker_unfollow(broker, &p->self);
    broker_unfollow(broker, &p->other);
    pthread_mutex_unlock(&p->lock);
}

START_TEST(unfollow_in_callback)
{
    struct pair p = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct echo s;

    echo_begin(&s, SVC_CHAT, "c1", true);
    pthread_mutex_lock(&p.lock);
    p.self = broker_follow(broker, SVC_CHAT, "turn:1", false, end_both, &p);
    p.other = broker_follow(broker, SVC_CHAT, "turn:1", false, end_both, &p);
    pthread_mutex_unlock(&p.lock);
    EVENTUALLY(stats_now().followers == 0);
    usleep(50000);
    ck_assert_int_eq(p.calls, 1);
    atomic_store(&stop, true);
    pthread_join(s.thread, NULL);
}
END_TEST

static atomic_int began, unavailable;

static void *doomed_run(void *state)
{
    struct bus_request req = request_of((intptr_t)state % 2 ? OP_project_get : OP_project_create);
    struct bus_reply reply;

    req.caller = (intptr_t)state;
    atomic_fetch_add(&began, 1);
    broker_call(broker, &req, &reply);
    atomic_fetch_add(&unavailable, reply.status == UNAVAILABLE);
    return NULL;
}

/* Whoever waits when the broker ends is told, be it queued or sent. */
START_TEST(drop_with_waiting)
{
    struct broker *b = broker;
    pthread_t thread[THREADS];
    struct peer p;

    peer_join(&p, SVC_PROJECT, "p1", 4);
    for (intptr_t i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&thread[i], NULL, doomed_run, (void *)i), 0);
    EVENTUALLY(stats_now().pending == THREADS);
    broker_drop(&b);
    ck_assert_ptr_null(b);
    broker = NULL;
    for (int i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);
    ck_assert_int_eq(atomic_load(&unavailable), THREADS);
    peer_close(&p);
}
END_TEST

START_TEST(drop_at_any_time)
{
    for (int i = 0; i < 30; i++) {
        pthread_t thread[8];
        atomic_store(&began, 0);
        for (intptr_t k = 0; k < 8; k++)
            ck_assert_int_eq(pthread_create(&thread[k], NULL, doomed_run, (void *)k), 0);
        while (atomic_load(&began) < 8)
            usleep(100);
        usleep(2000); /* so that all are inside */
        broker_drop(&broker);
        for (int k = 0; k < 8; k++)
            pthread_join(thread[k], NULL);
        fixture_broker();
    }
    ck_assert_int_eq(atomic_load(&unavailable), 240);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("threads");

    tcase_set_timeout(tests, 90);
    tcase_add_checked_fixture(tests, fixture_begin, fixture_end);
    tcase_add_test(tests, answers_match);
    tcase_add_test(tests, unfollow_under_fire);
    tcase_add_test(tests, unfollow_in_callback);
    tcase_add_test(tests, drop_with_waiting);
    tcase_add_test(tests, drop_at_any_time);
    return check_run("threads", tests);
}
