/* common/bus.c: gateways come and go, answers and events reach them. */
#include "common/events.h"
#include "tests/unit/bus_fixture.h"

static int task_run(struct call *c)
{
    (void)c;
    return DONE;
}

START_TEST(the_directory_may_come_later)
{
    struct gateway g;

    ck_assert_int_eq(bus_start(d.bus), DONE);
    usleep(100000);
    gateway_open(&g, "one");
    greet(&g);
    gateway_close(&g);
}
END_TEST

START_TEST(the_directory_may_be_replaced)
{
    struct gateway g;

    gateway_open(&g, "one");
    ck_assert_int_eq(bus_start(d.bus), DONE);
    greet(&g);
    gateway_close(&g);
    ck_assert_int_eq(rmdir(bus_dir), 0);
    usleep(100000);
    gateway_open(&g, "two");
    greet(&g);
    gateway_close(&g);
}
END_TEST

/* What a worker makes of a request. */
static void serve(struct job *j)
{
    j->reply = (struct envelope){
        .kind = FRAME_REPLY, .id = j->head.id, .http = 200, .turn_id = j->reply.turn_id};
    text_reserve(&j->reply_head, 512);
    j->reply_head.size = envelope_encode(&j->reply, j->reply_head.data, 512);
    text_puts(&j->reply_body, "{\"some\":\"body\"}");
    bus_reply(d.bus, j);
}

static struct job *request_of(struct gateway *g, uint64_t id, const char *op, bool text)
{
    struct job *j = NULL;

    answer(g, &(struct envelope){.kind = FRAME_REQUEST,
                                 .id = id,
                                 .op = op,
                                 .text = text,
                                 .trace = "test",
                                 .deadline_ms = 10000,
                                 .address = ""});
    for (int64_t until = clock_ms() + WAIT_MS; !j && clock_ms() < until; usleep(1000))
        j = lane_queue_poll(&d.lanes[LANE_FAST]);
    ck_assert_ptr_nonnull(j);
    return j;
}

static struct job *request(struct gateway *g, uint64_t id)
{
    return request_of(g, id, "turn_get", false);
}

START_TEST(an_answer_that_cannot_be_sent_is_kept)
{
    struct gateway g;
    struct envelope e;
    struct job *one, *two;

    gateway_open(&g, "one");
    ck_assert_int_eq(bus_start(d.bus), DONE);
    greet(&g);
    one = request(&g, 11);
    two = request(&g, 12);
    gateway_kill(&g);
    usleep(QUIET_MS * 1000);
    serve(one);
    serve(two);
    usleep(QUIET_MS * 1000);
    bind_to(&g);
    ck_assert(expect(&g, FRAME_REPLY, WAIT_MS, &e));
    ck_assert_uint_eq(e.id, 11);
    ck_assert(expect(&g, FRAME_REPLY, WAIT_MS, &e));
    ck_assert_uint_eq(e.id, 12);
    ck_assert(!expect(&g, FRAME_REPLY, QUIET_MS, &e));
    gateway_close(&g);
}
END_TEST

START_TEST(an_answer_to_a_gateway_that_went_for_good_is_dropped)
{
    struct gateway g;
    struct job *j;

    gateway_open(&g, "one");
    ck_assert_int_eq(bus_start(d.bus), DONE);
    greet(&g);
    j = request(&g, 11);
    gateway_close(&g);
    usleep(QUIET_MS * 1000);
    serve(j);
    usleep(QUIET_MS * 1000);
    gateway_open(&g, "two"); /* takes its slot */
    greet(&g);
    gateway_close(&g);
}
END_TEST

START_TEST(a_cancelled_request_is_answered_once)
{
    struct gateway g;
    struct envelope e;

    gateway_open(&g, "one");
    ck_assert_int_eq(bus_start(d.bus), DONE);
    greet(&g);
    for (uint64_t id = 20; id < 23; id++)
        answer(&g, &(struct envelope){.kind = FRAME_REQUEST,
                                      .id = id,
                                      .op = "turn_get",
                                      .trace = "test",
                                      .deadline_ms = 10000,
                                      .address = ""});
    for (int i = 0; i < 2; i++)
        answer(&g, &(struct envelope){.kind = FRAME_CANCEL, .id = 22});
    ck_assert(expect(&g, FRAME_REPLY, WAIT_MS, &e));
    ck_assert_uint_eq(e.id, 22);
    ck_assert_int_eq(e.status, TOO_LATE);
    ck_assert(!expect(&g, FRAME_REPLY, QUIET_MS, &e));
    ck_assert_int_eq(atomic_load(&d.busy), 2);
    serve(lane_queue_poll(&d.lanes[LANE_FAST]));
    ck_assert(expect(&g, FRAME_REPLY, WAIT_MS, &e));
    ck_assert_uint_eq(e.id, 20);
    gateway_close(&g);
}
END_TEST

/* The workers hang: what comes by the clock does not pile up before them. */
START_TEST(a_task_waits_once)
{
    struct job *j;

    d.tasks[0] = (struct task){"busy", 10, task_run};
    ck_assert_int_eq(bus_start(d.bus), DONE);
    usleep(300000);
    j = lane_queue_poll(&d.lanes[LANE_WRITE]);
    ck_assert_ptr_nonnull(j);
    ck_assert_ptr_eq(j->task, &d.tasks[0]);
    job_drop(&j);
    ck_assert_ptr_null(lane_queue_poll(&d.lanes[LANE_WRITE]));
    atomic_store(&d.task_waits[0], false); /* as the worker does when it has run */
    usleep(300000);
    j = lane_queue_poll(&d.lanes[LANE_WRITE]);
    ck_assert_ptr_nonnull(j);
    job_drop(&j);
}
END_TEST

START_TEST(events_go_where_they_are_followed)
{
    struct gateway g;
    struct envelope e;
    struct event delta = {
        .topic = "turn:1", .what = EVENT_DELTA, .attempt = 1, .cursor = 2, .data = "ab", .size = 2};

    gateway_open(&g, "one");
    ck_assert_int_eq(bus_start(d.bus), DONE);
    greet(&g);
    bus_publish(d.bus, &delta);
    ck_assert(!expect(&g, FRAME_EVENT, QUIET_MS, &e));
    answer(&g, &(struct envelope){.kind = FRAME_FOLLOW, .topic = "turn:1", .text = 1});
    usleep(QUIET_MS * 1000);
    bus_publish(d.bus, &delta);
    ck_assert(expect(&g, FRAME_EVENT, WAIT_MS, &e));
    ck_assert_uint_eq(e.count, 1);
    answer(&g, &(struct envelope){.kind = FRAME_UNFOLLOW, .topic = "turn:1"});
    usleep(QUIET_MS * 1000);
    bus_publish(d.bus, &delta);
    ck_assert(!expect(&g, FRAME_EVENT, QUIET_MS, &e));
    gateway_close(&g);
}
END_TEST

/* The first words may come right behind the answer, before a FOLLOW could: whoever asked for them
 * when it asked for the turn gets them, and nobody else. */
START_TEST(the_first_words_of_a_turn_are_told)
{
    struct gateway g;
    struct envelope e;

    gateway_open(&g, "one");
    ck_assert_int_eq(bus_start(d.bus), DONE);
    greet(&g);
    for (uint64_t id = 1; id < 3; id++) {
        bool text = id == 2;
        char topic[32];
        struct job *j = request_of(&g, id, "chat_create", text);
        snprintf(topic, sizeof topic, "turn:%d", (int)id);
        j->reply.turn_id = id;
        serve(j);
        bus_publish(d.bus, &(struct event){.topic = topic,
                                           .what = EVENT_DELTA,
                                           .attempt = 1,
                                           .cursor = 2,
                                           .data = "ab",
                                           .size = 2});
        ck_assert(expect(&g, FRAME_REPLY, WAIT_MS, &e));
        ck_assert_uint_eq(e.id, id);
        ck_assert(expect(&g, FRAME_EVENT, text ? WAIT_MS : QUIET_MS, &e) == text);
    }
    gateway_close(&g);
}
END_TEST

/* Records of one round travel in one message; FOLLOW again may ask for less. */
START_TEST(records_travel_together)
{
    struct text records = {0};
    struct gateway g;
    struct envelope e;

    gateway_open(&g, "one");
    ck_assert_int_eq(bus_start(d.bus), DONE);
    greet(&g);
    for (int i = 0; i < 200; i++) {
        char topic[32];
        snprintf(topic, sizeof topic, "turn:%d", i);
        answer(&g, &(struct envelope){.kind = FRAME_FOLLOW, .topic = topic, .text = 1});
        event_append(&records, &(struct event){.topic = topic,
                                               .what = EVENT_DELTA,
                                               .attempt = 1,
                                               .cursor = 2,
                                               .data = "ab",
                                               .size = 2});
    }
    usleep(QUIET_MS * 1000);
    bus_publish_all(d.bus, &records);
    ck_assert(expect(&g, FRAME_EVENT, WAIT_MS, &e));
    ck_assert_uint_eq(e.count, 200);
    answer(&g, &(struct envelope){.kind = FRAME_FOLLOW, .topic = "turn:7", .text = 0});
    usleep(QUIET_MS * 1000);
    bus_publish_all(d.bus, &records);
    ck_assert(expect(&g, FRAME_EVENT, WAIT_MS, &e));
    ck_assert_uint_eq(e.count, 199);
    text_drop(&records);
    gateway_close(&g);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("bus");

    tcase_add_checked_fixture(t, begin, end);
    tcase_add_test(t, the_directory_may_come_later);
    tcase_add_test(t, the_directory_may_be_replaced);
    tcase_add_test(t, an_answer_that_cannot_be_sent_is_kept);
    tcase_add_test(t, an_answer_to_a_gateway_that_went_for_good_is_dropped);
    tcase_add_test(t, a_cancelled_request_is_answered_once);
    tcase_add_test(t, a_task_waits_once);
    tcase_add_test(t, events_go_where_they_are_followed);
    tcase_add_test(t, the_first_words_of_a_turn_are_told);
    tcase_add_test(t, records_travel_together);
    return check_run("bus", t);
}
