/* gateway/broker: requests of daemons to each other. */
#include <signal.h>
#include <sys/wait.h>

#include "tests/unit/broker_fixture.h"

static int peer_ask(struct peer *p, uint64_t id, const char *op)
{
    struct envelope e = {
        .kind = FRAME_REQUEST, .id = id, .op = op, .caller = 7, .trace = "t", .deadline_ms = 1000};
    struct peer_message m;
    int status;

    peer_send(p, &e, "", 0);
    ck_assert(peer_expect(p, FRAME_REPLY, WAIT_MS, &m));
    ck_assert_uint_eq(m.e.id, id);
    status = m.e.status;
    peer_message_drop(&m);
    return status;
}

START_TEST(matrix)
{
    struct peer p, file;

    fixture_broker();
    peer_join(&p, SVC_PROJECT, "p1", 1);
    peer_join(&file, SVC_FILE, "f1", 1);
    ck_assert_int_eq(peer_ask(&p, 1, "project_context"), FORBIDDEN);
    ck_assert_int_eq(peer_ask(&p, 2, "session_check"), FORBIDDEN);
    ck_assert_int_eq(peer_ask(&file, 3, "project_get"), FORBIDDEN);
    ck_assert_int_eq(peer_ask(&file, 4, "health"), FORBIDDEN);
    ck_assert_int_eq(peer_ask(&file, 5, "no_such_thing"), FORBIDDEN);
    ck_assert_uint_eq(stats_now().refused_peers, 5);
    peer_close(&p);
    peer_close(&file);
}
END_TEST

START_TEST(peer_call)
{
    struct envelope e = {.kind = FRAME_REQUEST,
                         .op = "project_context",
                         .caller = 7,
                         .session = 8,
                         .trace = "t",
                         .deadline_ms = 5000,
                         .address = "::1"};
    struct peer_message m;
    struct peer p, chat;

    fixture_broker();
    peer_join(&p, SVC_PROJECT, "p1", 1);
    peer_join(&chat, SVC_CHAT, "c1", 1);
    for (uint64_t i = 0; i < 20; i++) {
        e.id = 1000 - i;
        peer_send(&chat, &e, "{\"a\":1}", 7);
        ck_assert(peer_expect(&p, FRAME_REQUEST, WAIT_MS, &m));
        ck_assert_uint_ne(m.e.id, e.id);
        ck_assert_str_eq(m.e.op, "project_context");
        ck_assert_uint_eq(m.e.caller, 7);
        ck_assert_uint_eq(m.e.session, 8);
        ck_assert_uint_eq(zmq_msg_size(&m.payload), 7);
        peer_reply(&p, m.e.id, i % 2 ? NOT_FOUND : DONE, "{\"prompts\":[]}");
        peer_message_drop(&m);
        ck_assert(peer_expect(&chat, FRAME_REPLY, WAIT_MS, &m));
        ck_assert_uint_eq(m.e.id, e.id);
        ck_assert_uint_eq(m.e.status, i % 2 ? NOT_FOUND : DONE);
        ck_assert_mem_eq(zmq_msg_data(&m.payload), "{\"prompts\":[]}", 14);
        peer_message_drop(&m);
    }
    peer_close(&p);
    peer_close(&chat);
}
END_TEST

/* No worker within the deadline; and the asker that dies is not answered. */
START_TEST(peer_call_fails)
{
    pid_t pid = fork();
    struct envelope e = {
        .kind = FRAME_REQUEST, .id = 1, .op = "project_context", .deadline_ms = 60000};
    struct peer_message m;
    struct peer p, chat;

    if (pid == 0) {
        peer_open(&chat, fixture_dir, SVC_CHAT, "c1");
        peer_ready(&chat, 1);
        for (; e.id < 4; e.id++)
            peer_send(&chat, &e, "", 0);
        for (;;)
            if (peer_receive(&chat, 1000, &m))
                peer_message_drop(&m);
    }
    fixture_broker();
    peer_join(&p, SVC_PROJECT, "p1", 1);
    peer_take(&p);
    EVENTUALLY(state_of(SVC_PROJECT).queued[LANE_FAST] == 2);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    ck_assert(peer_expect(&p, FRAME_CANCEL, WAIT_MS, &m));
    peer_message_drop(&m);
    ck_assert_uint_eq(stats_now().pending, 0);
    peer_join(&chat, SVC_CHAT, "c2", 1);
    ck_assert_int_eq(peer_ask(&chat, 9, "project_context"), TOO_LATE);
    peer_close(&p);
    peer_close(&chat);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("peers");

    tcase_set_timeout(tests, 30);
    tcase_add_checked_fixture(tests, fixture_directory, fixture_end);
    tcase_add_test(tests, matrix);
    tcase_add_test(tests, peer_call);
    tcase_add_test(tests, peer_call_fails);
    return check_run("peers", tests);
}
