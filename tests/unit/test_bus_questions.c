/* common/bus_questions.c: calls of a daemon's workers to other services, through any gateway. */
#include <pthread.h>

#include "tests/unit/bus_fixture.h"

/* A worker of the daemon that asks another service. */
static struct {
    pthread_t thread;
    int ms, status;
    struct arena arena;
} asker;

static void *ask(void *state)
{
    struct envelope e = {
        .kind = FRAME_REQUEST, .op = "project_context", .trace = "test", .address = ""};
    const char *body;
    size_t size;

    (void)state;
    asker.status =
        bus_ask(d.bus, &e, clock_us() + asker.ms * INT64_C(1000), &asker.arena, &body, &size);
    return NULL;
}

static void ask_begin(int ms)
{
    asker.ms = ms;
    ck_assert_int_eq(pthread_create(&asker.thread, NULL, ask, NULL), 0);
}

static int ask_end(void)
{
    pthread_join(asker.thread, NULL);
    arena_drop(&asker.arena);
    return asker.status;
}

static void reply(struct gateway *g, uint64_t id, int status)
{
    answer(g, &(struct envelope){.kind = FRAME_REPLY, .id = id, .status = (uint16_t)status});
}

START_TEST(who_asks_before_the_thread_runs_is_answered)
{
    struct gateway g;
    struct envelope e;

    gateway_open(&g, "one");
    ask_begin(WAIT_MS);
    usleep(20000);
    ck_assert_int_eq(bus_start(d.bus), DONE);
    greet(&g);
    ck_assert(expect(&g, FRAME_REQUEST, WAIT_MS, &e));
    ck_assert_str_eq(e.op, "project_context");
    ck_assert_uint_le(e.deadline_ms, WAIT_MS);
    reply(&g, e.id, NOT_FOUND);
    ck_assert_int_eq(ask_end(), NOT_FOUND);
    gateway_close(&g);
}
END_TEST

/* Without any READY between them: the gateway took the question and forgot it. */
START_TEST(a_question_that_was_forgotten_is_asked_again)
{
    struct gateway g;
    struct envelope e;
    uint64_t id;

    gateway_open(&g, "one");
    ck_assert_int_eq(bus_start(d.bus), DONE);
    greet(&g);
    ask_begin(WAIT_MS);
    ck_assert(expect(&g, FRAME_REQUEST, WAIT_MS, &e));
    id = e.id;
    for (int i = 0; i < 10; i++) {
        answer(&g, &(struct envelope){.kind = FRAME_PONG, .generation = 1, .known = 0});
        ck_assert(expect(&g, FRAME_READY, WAIT_MS, &e));
        ck_assert(expect(&g, FRAME_REQUEST, WAIT_MS, &e));
        ck_assert_uint_eq(e.id, id);
    }
    reply(&g, id, DONE);
    ck_assert_int_eq(ask_end(), DONE);
    gateway_close(&g);
}
END_TEST

/* For two seconds it may be that the gateway was just started; then it is true. */
START_TEST(nobody_knows_anybody)
{
    struct gateway g;
    struct envelope e;
    int asked = 0;

    gateway_open(&g, "one");
    ck_assert_int_eq(bus_start(d.bus), DONE);
    greet(&g);
    ask_begin(WAIT_MS * 4);
    while (expect(&g, FRAME_REQUEST, 500, &e)) {
        reply(&g, e.id, UNAVAILABLE);
        asked++;
    }
    ck_assert_int_eq(ask_end(), UNAVAILABLE);
    ck_assert_int_ge(asked, 3);
    ck_assert_int_le(asked, 45); /* not without a pause */
    gateway_close(&g);
}
END_TEST

START_TEST(another_gateway_is_asked_when_one_knows_nobody)
{
    struct gateway g[2];
    struct envelope e;
    int first;

    gateway_open(&g[0], "one");
    gateway_open(&g[1], "two");
    ck_assert_int_eq(bus_start(d.bus), DONE);
    greet(&g[0]);
    greet(&g[1]);
    usleep(QUIET_MS * 1000);
    ask_begin(WAIT_MS);
    first = expect(&g[0], FRAME_REQUEST, QUIET_MS, &e) ? 0 : 1;
    ck_assert(first == 0 || expect(&g[1], FRAME_REQUEST, QUIET_MS, &e));
    reply(&g[first], e.id, UNAVAILABLE);
    ck_assert(expect(&g[1 - first], FRAME_REQUEST, WAIT_MS, &e));
    reply(&g[1 - first], e.id, UNAVAILABLE); /* it was restarted right after the first one */
    ck_assert(expect(&g[first], FRAME_REQUEST, WAIT_MS, &e));
    reply(&g[first], e.id, DONE);
    ck_assert_int_eq(ask_end(), DONE);
    gateway_close(&g[0]);
    gateway_close(&g[1]);
}
END_TEST

START_TEST(without_a_gateway_a_question_ends_in_time)
{
    int64_t began = clock_ms();

    ck_assert_int_eq(bus_start(d.bus), DONE);
    ask_begin(200);
    ck_assert_int_eq(ask_end(), TOO_LATE);
    ck_assert_int_lt(clock_ms() - began, 1000);
}
END_TEST

START_TEST(at_the_end_nobody_waits)
{
    int64_t began = clock_ms();

    ck_assert_int_eq(bus_start(d.bus), DONE);
    ask_begin(10000);
    usleep(50000);
    bus_end_questions(d.bus);
    ck_assert_int_eq(ask_end(), UNAVAILABLE);
    ask_begin(10000);
    ck_assert_int_eq(ask_end(), UNAVAILABLE);
    ck_assert_int_lt(clock_ms() - began, 5000);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("bus_questions");

    tcase_add_checked_fixture(t, begin, end);
    tcase_add_test(t, who_asks_before_the_thread_runs_is_answered);
    tcase_add_test(t, a_question_that_was_forgotten_is_asked_again);
    tcase_add_test(t, nobody_knows_anybody);
    tcase_add_test(t, another_gateway_is_asked_when_one_knows_nobody);
    tcase_add_test(t, without_a_gateway_a_question_ends_in_time);
    tcase_add_test(t, at_the_end_nobody_waits);
    return check_run("bus_questions", t);
}
