/* gateway/broker: calls, their queues, credit and deadlines. */
#include "tests/unit/broker_fixture.h"

/* Every field arrives, both ways. */
START_TEST(round_trip)
{
    static const char params[] = "project_id\0"
                                 "5";
    struct bus_request req = request_of(OP_project_update);
    struct peer_message m;
    struct peer p;
    struct asked a;

    req.session = 3;
    req.admin = true;
    req.key = "k-1";
    req.key_ttl = 60;
    req.params = (struct blob){params, sizeof params};
    req.body = "{\"name\":\"x\"}";
    req.body_size = strlen(req.body);
    peer_join(&p, SVC_PROJECT, "p1", 4);
    ask_with(&a, &req);
    ck_assert(peer_expect(&p, FRAME_REQUEST, WAIT_MS, &m));
    ck_assert_str_eq(m.e.op, "project_update");
    ck_assert_uint_eq(m.e.caller, 7);
    ck_assert_uint_eq(m.e.session, 3);
    ck_assert_uint_eq(m.e.admin, 1);
    ck_assert_str_eq(m.e.trace, "t-1");
    ck_assert_str_eq(m.e.key, "k-1");
    ck_assert_uint_eq(m.e.key_ttl, 60);
    ck_assert_str_eq(m.e.to, "");
    ck_assert_str_eq(m.e.address, "127.0.0.1");
    ck_assert_uint_le(m.e.deadline_ms, 10000);
    ck_assert_uint_gt(m.e.deadline_ms, 9000);
    ck_assert_mem_eq(m.e.params.data, params, sizeof params);
    ck_assert_uint_eq(zmq_msg_size(&m.payload), req.body_size);
    ck_assert_mem_eq(zmq_msg_data(&m.payload), req.body, req.body_size);

    struct envelope e = {.kind = FRAME_REPLY,
                         .id = m.e.id,
                         .status = CONFLICT,
                         .http = 201,
                         .replayed = 1,
                         .retry_after = 9,
                         .turn_id = 77,
                         .field = "name",
                         .detail = "taken",
                         .location = "/projects/5",
                         .next = "cursor"};
    peer_send(&p, &e, "{\"id\":5}", 8);
    peer_message_drop(&m);
    pthread_join(a.thread, NULL);
    ck_assert_int_eq(a.reply.status, CONFLICT);
    ck_assert_int_eq(a.reply.http, 201);
    ck_assert(a.reply.replayed);
    ck_assert_uint_eq(a.reply.retry_after, 9);
    ck_assert_uint_eq(a.reply.turn_id, 77);
    ck_assert_str_eq(a.reply.field, "name");
    ck_assert_str_eq(a.reply.detail, "taken");
    ck_assert_str_eq(a.reply.location, "/projects/5");
    ck_assert_str_eq(a.reply.next, "cursor");
    ck_assert_str_eq(a.reply.body, "{\"id\":5}");
    ck_assert_uint_eq(a.reply.body_size, 8);
    ck_assert_ptr_null(a.reply.follower);
    bus_reply_drop(&a.reply);
    ck_assert_ptr_null(a.reply.body);
    peer_close(&p);
}
END_TEST

/* A worker never has more than its credit; each REPLY gives one back. */
START_TEST(credit_is_kept)
{
    struct asked a[10];
    struct peer p;
    uint64_t id[3];

    peer_join(&p, SVC_PROJECT, "p1", 3);
    for (int i = 0; i < 10; i++)
        ask(&a[i], OP_project_get);
    for (int i = 0; i < 3; i++)
        id[i] = peer_take(&p);
    ck_assert(peer_idle(&p));
    ck_assert_uint_eq(state_of(SVC_PROJECT).in_flight[LANE_FAST], 3);
    ck_assert_uint_eq(state_of(SVC_PROJECT).queued[LANE_FAST], 7);
    for (int i = 0; i < 7; i++) {
        peer_reply(&p, id[i % 3], DONE, "{}");
        id[i % 3] = peer_take(&p);
        ck_assert(i % 3 || peer_idle(&p));
    }
    for (int i = 0; i < 3; i++)
        peer_reply(&p, id[i], DONE, "{}");
    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(answer_of(&a[i]), DONE);
    ck_assert_uint_eq(state_of(SVC_PROJECT).in_flight[LANE_FAST], 0);
    peer_close(&p);
}
END_TEST

/* Lanes do not take each other's credit. */
START_TEST(lanes_are_apart)
{
    struct asked read, write;
    struct peer p;
    uint64_t id;

    peer_join(&p, SVC_PROJECT, "p1", 1);
    ask(&write, OP_project_create);
    id = peer_take(&p);
    ask(&read, OP_project_get);
    peer_reply(&p, peer_take(&p), DONE, "{}");
    ck_assert_int_eq(answer_of(&read), DONE);
    peer_reply(&p, id, DONE, "{}");
    ck_assert_int_eq(answer_of(&write), DONE);
    peer_close(&p);
}
END_TEST

/* HASH: one is worked on, 20 wait, the rest is refused at once. */
START_TEST(full_queue_is_busy)
{
    struct asked a[30];
    struct peer p;
    int done = 0, busy = 0;

    peer_join(&p, SVC_AUTH, "a1", 1);
    for (int i = 0; i < 30; i++)
        ask(&a[i], OP_user_login);
    EVENTUALLY(state_of(SVC_AUTH).busy == 9);
    ck_assert_uint_eq(state_of(SVC_AUTH).queued[LANE_HASH], 20);
    for (int i = 0; i < 21; i++)
        peer_reply(&p, peer_take(&p), DONE, "{}");
    for (int i = 0; i < 30; i++) {
        int status = answer_of(&a[i]);
        done += status == DONE;
        busy += status == BUSY && a[i].reply.retry_after == 1 && a[i].took_ms < 1000;
    }
    ck_assert_int_eq(done, 21);
    ck_assert_int_eq(busy, 9);
    peer_close(&p);
}
END_TEST

/* The waiting thread gets TOO_LATE, the worker CANCEL, and only its REPLY gives the credit back. */
START_TEST(deadline_passes)
{
    struct bus_request req = request_of(OP_project_get);
    struct peer_message m;
    struct asked a, next;
    struct peer p;
    uint64_t id;

    req.deadline_ms = 100;
    peer_join(&p, SVC_PROJECT, "p1", 1);
    ask_with(&a, &req);
    id = peer_take(&p);
    ck_assert_int_eq(answer_of(&a), TOO_LATE);
    ck_assert_int_ge(a.took_ms, 99);
    ck_assert_int_lt(a.took_ms, 400);
    ck_assert(peer_expect(&p, FRAME_CANCEL, WAIT_MS, &m));
    ck_assert_uint_eq(m.e.id, id);
    peer_message_drop(&m);
    ask(&next, OP_project_get);
    ck_assert(peer_idle(&p));
    peer_reply(&p, id, DONE, "late");
    peer_reply(&p, peer_take(&p), DONE, "{}");
    ck_assert_int_eq(answer_of(&next), DONE);
    ck_assert_uint_eq(state_of(SVC_PROJECT).late, 1);
    peer_close(&p);
}
END_TEST

START_TEST(deadline_passes_in_queue)
{
    struct bus_request req = request_of(OP_project_get);
    struct asked a, none;
    struct peer p;

    peer_join(&p, SVC_PROJECT, "p1", 0);
    req.deadline_ms = 100;
    ask_with(&a, &req);
    req.deadline_ms = 0;
    ask_with(&none, &req);
    ck_assert_int_eq(answer_of(&a), TOO_LATE);
    ck_assert_int_eq(answer_of(&none), TOO_LATE);
    ck_assert_uint_eq(state_of(SVC_PROJECT).queued[LANE_FAST], 0);
    peer_ready(&p, 5);
    ck_assert(peer_idle(&p));
    peer_close(&p);
}
END_TEST

START_TEST(named_instance)
{
    struct bus_request req = request_of(OP_turn_get);
    struct peer one, two;
    struct asked a;

    peer_join(&one, SVC_CHAT, "c1", 2);
    peer_join(&two, SVC_CHAT, "c2", 2);
    req.to = "c2";
    for (int i = 0; i < 10; i++) {
        ask_with(&a, &req);
        peer_reply(&two, peer_take(&two), DONE, "{}");
        ck_assert_int_eq(answer_of(&a), DONE);
    }
    req.to = "c3";
    ask_with(&a, &req);
    ck_assert_int_eq(answer_of(&a), UNAVAILABLE);
    ck_assert_int_lt(a.took_ms, 1000);
    peer_close(&one);
    peer_close(&two);
}
END_TEST

/* Requests for one instance wait for its credit, and neither they nor the others starve. */
START_TEST(named_instance_waits)
{
    struct bus_request req = request_of(OP_turn_get);
    struct asked own[4], any[4], last;
    struct peer p;
    uint64_t id;

    peer_join(&p, SVC_CHAT, "c1", 1);
    ask(&last, OP_turn_get);
    id = peer_take(&p);
    req.to = "c1";
    for (int i = 0; i < 4; i++) {
        ask_with(&own[i], &req);
        ask(&any[i], OP_turn_get);
    }
    EVENTUALLY(state_of(SVC_CHAT).queued[LANE_FAST] == 8);
    for (int i = 0, named = 0, other = 0; i < 8; i++) {
        struct peer_message m;
        peer_reply(&p, id, DONE, "{}");
        ck_assert(peer_expect(&p, FRAME_REQUEST, WAIT_MS, &m));
        id = m.e.id;
        *m.e.to ? named++ : other++;
        ck_assert_int_le(abs(named - other), 1);
        peer_message_drop(&m);
    }
    peer_reply(&p, id, DONE, "{}");
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(answer_of(&own[i]), DONE);
        ck_assert_int_eq(answer_of(&any[i]), DONE);
    }
    ck_assert_int_eq(answer_of(&last), DONE);
    peer_close(&p);
}
END_TEST

/* A key that the gateway made is asked with again until the first execution has ended. */
START_TEST(own_key_in_flight)
{
    struct bus_request req = request_of(OP_project_create);
    int64_t begun = clock_ms();
    struct asked a;
    struct peer p;

    peer_join(&p, SVC_PROJECT, "p1", 2);
    req.key = "made";
    req.retry_in_flight = true;
    ask_with(&a, &req);
    peer_reply(&p, peer_take(&p), IN_FLIGHT, "");
    peer_reply(&p, peer_take(&p), IN_FLIGHT, "");
    peer_reply(&p, peer_take(&p), DONE, "{}");
    ck_assert_int_eq(answer_of(&a), DONE);
    ck_assert_int_ge(clock_ms() - begun, 200);
    req.deadline_ms = 150;
    ask_with(&a, &req);
    peer_reply(&p, peer_take(&p), IN_FLIGHT, "");
    peer_reply(&p, peer_take(&p), IN_FLIGHT, "");
    ck_assert_int_eq(answer_of(&a), TOO_LATE);
    req.retry_in_flight = false;
    ask_with(&a, &req);
    peer_reply(&p, peer_take(&p), IN_FLIGHT, "");
    ck_assert_int_eq(answer_of(&a), IN_FLIGHT);
    peer_close(&p);
}
END_TEST

/* Without a worker requests wait for a while, and flow when one comes. */
START_TEST(worker_comes)
{
    struct asked a[5];
    struct peer p;

    for (int i = 0; i < 5; i++)
        ask(&a[i], OP_project_create);
    EVENTUALLY(state_of(SVC_PROJECT).queued[LANE_WRITE] == 5);
    peer_join(&p, SVC_PROJECT, "p1", 10);
    for (int i = 0; i < 5; i++)
        peer_reply(&p, peer_take(&p), DONE, "{}");
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(answer_of(&a[i]), DONE);
    peer_close(&p);
}
END_TEST

START_TEST(no_worker_comes)
{
    struct asked a;

    broker_drop(&broker);
    fixture_config.grace_ms = 400;
    fixture_broker();
    ask(&a, OP_project_get);
    ck_assert_int_eq(answer_of(&a), UNAVAILABLE);
    ck_assert_int_ge(a.took_ms, 250);
    ck_assert_int_lt(a.took_ms, 1500);
    ask(&a, OP_project_get); /* it has been away for long: no use in waiting */
    ck_assert_int_eq(answer_of(&a), UNAVAILABLE);
    ck_assert_int_lt(a.took_ms, 100);
}
END_TEST

/* An answer to a broker that was here before is nobody's. */
START_TEST(other_generation)
{
    struct asked a;
    struct peer p;
    uint64_t id;

    peer_join(&p, SVC_PROJECT, "p1", 1);
    ask(&a, OP_project_get);
    id = peer_take(&p);
    peer_reply(&p, id ^ UINT64_C(1) << 32, DONE, "wrong");
    peer_reply(&p, id + 1, DONE, "wrong");
    usleep(50000);
    ck_assert_uint_eq(state_of(SVC_PROJECT).in_flight[LANE_FAST], 1);
    peer_reply(&p, id, DONE, "{}");
    peer_reply(&p, id, DONE, "twice");
    ck_assert_int_eq(answer_of(&a), DONE);
    EVENTUALLY(stats_now().pending == 0);
    peer_close(&p);
}
END_TEST

START_TEST(what_does_not_fit)
{
    static char big[300];
    struct bus_request req = request_of(OP_project_get);
    struct asked a;
    struct peer p;

    log_limit(LOG_LEVEL_ERR - 1);
    memset(big, 'x', sizeof big - 1);
    req.trace = big;
    peer_join(&p, SVC_PROJECT, "p1", 1);
    ask_with(&a, &req);
    ck_assert_int_eq(answer_of(&a), INTERNAL);
    ask(&a, OP_project_get);
    peer_reply(&p, peer_take(&p), DONE, "{}");
    ck_assert_int_eq(answer_of(&a), DONE);
    peer_close(&p);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("broker");

    tcase_set_timeout(tests, 30);
    tcase_add_checked_fixture(tests, fixture_begin, fixture_end);
    tcase_add_test(tests, round_trip);
    tcase_add_test(tests, credit_is_kept);
    tcase_add_test(tests, lanes_are_apart);
    tcase_add_test(tests, full_queue_is_busy);
    tcase_add_test(tests, deadline_passes);
    tcase_add_test(tests, deadline_passes_in_queue);
    tcase_add_test(tests, named_instance);
    tcase_add_test(tests, named_instance_waits);
    tcase_add_test(tests, own_key_in_flight);
    tcase_add_test(tests, worker_comes);
    tcase_add_test(tests, no_worker_comes);
    tcase_add_test(tests, other_generation);
    tcase_add_test(tests, what_does_not_fit);
    return check_run("broker", tests);
}
