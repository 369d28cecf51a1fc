/* gateway/broker: workers that come, go, fall silent, die. */
#include <signal.h>
#include <sys/wait.h>

#include "tests/unit/broker_fixture.h"

#define SILENT_MS 4000 /* until silence must have been noticed */

/* A process that is READY, takes requests and answers none. */
static pid_t holder_fork(enum svc svc, const char *instance, int credit)
{
    pid_t pid = fork();
    struct peer_message m;
    struct peer p;

    if (pid)
        return pid;
    peer_open(&p, fixture_dir, svc, instance);
    peer_ready(&p, credit);
    for (;;) {
        if (!peer_receive(&p, 1000, &m))
            continue;
        if (m.e.kind == FRAME_PONG && !m.e.known)
            peer_ready(&p, credit);
        peer_message_drop(&m);
    }
}

static void process_end(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

/* What a dead worker had is sent to another one if it may be repeated, else it is over at once. */
START_TEST(killed)
{
    pid_t pid = holder_fork(SVC_PROJECT, "p1", 10);
    struct bus_request keyed = request_of(OP_project_create);
    struct asked get, post, with_key;
    struct peer p;

    fixture_broker();
    EVENTUALLY(state_of(SVC_PROJECT).instances == 1);
    keyed.key = "k";
    ask(&get, OP_project_get);
    ask(&post, OP_project_create);
    ask_with(&with_key, &keyed);
    EVENTUALLY(state_of(SVC_PROJECT).in_flight[LANE_WRITE] == 2 &&
               state_of(SVC_PROJECT).in_flight[LANE_FAST] == 1);
    process_end(pid);
    ck_assert_int_eq(answer_of(&post), UNAVAILABLE);
    ck_assert_int_lt(post.took_ms, 1500); /* its pid was watched */
    ck_assert_int_eq(state_of(SVC_PROJECT).instances, 0);
    peer_join(&p, SVC_PROJECT, "p2", 10);
    peer_reply(&p, peer_take(&p), DONE, "{}");
    peer_reply(&p, peer_take(&p), DONE, "{}");
    ck_assert_int_eq(answer_of(&get), DONE);
    ck_assert_int_eq(answer_of(&with_key), DONE);
    ck_assert_uint_eq(state_of(SVC_PROJECT).retried, 2);
    ck_assert_uint_eq(state_of(SVC_PROJECT).lost, 1);
    peer_close(&p);
}
END_TEST

/* A request that kills whoever gets it does not go round for ever. */
START_TEST(killed_again_and_again)
{
    struct peer p[5];
    struct asked a;

    fixture_broker();
    peer_join(&p[0], SVC_PROJECT, "p1", 1);
    ask(&a, OP_project_get);
    for (int i = 0; i < 4; i++) {
        peer_take(&p[i]);
        peer_join(&p[i + 1], SVC_PROJECT, "p1", 1); /* the one before it counts as dead */
    }
    ck_assert_int_eq(answer_of(&a), UNAVAILABLE);
    ck_assert(peer_idle(&p[4]));
    for (int i = 0; i < 5; i++)
        peer_close(&p[i]);
}
END_TEST

/* A stopped process is noticed by its silence; when it goes on it serves again. */
START_TEST(stopped)
{
    int64_t until = clock_ms() + SILENT_MS + WAIT_MS;
    pid_t pid = holder_fork(SVC_PROJECT, "p1", 10);
    struct asked a;
    struct peer p;

    fixture_broker();
    EVENTUALLY(state_of(SVC_PROJECT).instances == 1);
    ask(&a, OP_project_get);
    EVENTUALLY(state_of(SVC_PROJECT).in_flight[LANE_FAST] == 1);
    kill(pid, SIGSTOP);
    peer_join(&p, SVC_PROJECT, "p2", 10);
    ck_assert(!peer_expect(&p, FRAME_REQUEST, 1500, &(struct peer_message){0}));
    peer_reply(&p, peer_take(&p), DONE, "{}");
    ck_assert_int_eq(answer_of(&a), DONE);
    ck_assert_int_lt(a.took_ms, SILENT_MS);
    ck_assert_int_eq(state_of(SVC_PROJECT).instances, 1);
    kill(pid, SIGCONT);
    while (state_of(SVC_PROJECT).instances < 2 && clock_ms() < until)
        peer_idle(&p); /* its PINGs go on */
    ck_assert_int_eq(state_of(SVC_PROJECT).instances, 2);
    process_end(pid);
    peer_close(&p);
}
END_TEST

static void silent_wait(struct peer *p, enum svc svc, int instances)
{
    int64_t until = clock_ms() + SILENT_MS;

    p->mute = true;
    while (state_of(svc).instances != instances && clock_ms() < until)
        usleep(20000);
    ck_assert_int_eq(state_of(svc).instances, instances);
}

/* The first answer counts, also that of a worker that was given up; a second one does no harm. */
START_TEST(late_answer)
{
    struct asked a, b;
    struct peer_message m;
    struct peer p;
    uint64_t first, second;

    fixture_broker();
    peer_join(&p, SVC_PROJECT, "p1", 2);
    ask(&a, OP_project_get);
    first = peer_take(&p);
    ask(&b, OP_project_get);
    second = peer_take(&p);
    silent_wait(&p, SVC_PROJECT, 0);
    ck_assert_uint_eq(state_of(SVC_PROJECT).queued[LANE_FAST], 2);
    peer_reply(&p, first, DONE, "late"); /* while it waits for another worker */
    pthread_join(a.thread, NULL);
    ck_assert_str_eq(a.reply.body, "late");
    bus_reply_drop(&a.reply);

    p.mute = false;
    ck_assert(peer_expect(&p, FRAME_PONG, WAIT_MS, &m));
    ck_assert_uint_eq(m.e.known, 0);
    peer_message_drop(&m);
    peer_ready(&p, 2);
    first = peer_take(&p); /* the second request again, under another id */
    ck_assert_uint_ne(first, second);
    peer_reply(&p, second, DONE, "late");
    ck_assert(peer_expect(&p, FRAME_CANCEL, WAIT_MS, &m));
    ck_assert_uint_eq(m.e.id, first);
    peer_message_drop(&m);
    pthread_join(b.thread, NULL);
    ck_assert_str_eq(b.reply.body, "late");
    bus_reply_drop(&b.reply);
    ck_assert_uint_eq(state_of(SVC_PROJECT).in_flight[LANE_FAST], 1);
    peer_reply(&p, first, DONE, "cancelled");
    EVENTUALLY(state_of(SVC_PROJECT).in_flight[LANE_FAST] == 0);
    peer_close(&p);
}
END_TEST

/* While another worker has it. */
START_TEST(late_answer_elsewhere)
{
    struct peer_message m;
    struct peer one, two;
    struct asked a;
    uint64_t first, second;

    fixture_broker();
    peer_join(&one, SVC_PROJECT, "p1", 1);
    ask(&a, OP_project_get);
    first = peer_take(&one);
    peer_join(&two, SVC_PROJECT, "p2", 1);
    one.mute = true;
    ck_assert(peer_expect(&two, FRAME_REQUEST, SILENT_MS, &m));
    second = m.e.id;
    peer_message_drop(&m);
    peer_reply(&one, first, DONE, "one");
    ck_assert(peer_expect(&two, FRAME_CANCEL, WAIT_MS, &m));
    ck_assert_uint_eq(m.e.id, second);
    peer_message_drop(&m);
    peer_reply(&two, second, DONE, "two");
    pthread_join(a.thread, NULL);
    ck_assert_str_eq(a.reply.body, "one");
    bus_reply_drop(&a.reply);
    peer_close(&one);
    peer_close(&two);
}
END_TEST

/* The last REPLY of a process that has ended still counts. */
START_TEST(last_words)
{
    pid_t pid = fork();
    struct peer p;
    struct asked a;

    if (pid == 0) {
        peer_open(&p, fixture_dir, SVC_PROJECT, "p1");
        peer_ready(&p, 1);
        peer_reply(&p, peer_take(&p), DONE, "bye");
        peer_close(&p);
        _exit(0);
    }
    fixture_broker();
    ask(&a, OP_project_create);
    ck_assert_int_eq(answer_of(&a), DONE);
    waitpid(pid, NULL, 0);
}
END_TEST

START_TEST(goodbye)
{
    struct envelope e = {.kind = FRAME_GOODBYE, .instance = "p1"};
    struct asked before, after;
    struct peer_message m;
    struct peer p, next;
    uint64_t id;

    fixture_broker();
    peer_join(&p, SVC_PROJECT, "p1", 2);
    ask(&before, OP_project_create);
    id = peer_take(&p);
    peer_send(&p, &e, NULL, 0);
    EVENTUALLY(state_of(SVC_PROJECT).instances == 0);
    ask(&after, OP_project_create);
    ck_assert(peer_idle(&p));
    peer_ping(&p);
    ck_assert(peer_expect(&p, FRAME_PONG, WAIT_MS, &m));
    ck_assert_uint_eq(m.e.known, 1); /* it is not asked to say READY again */
    peer_message_drop(&m);
    peer_reply(&p, id, DONE, "{}");
    ck_assert_int_eq(answer_of(&before), DONE);
    peer_join(&next, SVC_PROJECT, "p2", 2);
    peer_reply(&next, peer_take(&next), DONE, "{}");
    ck_assert_int_eq(answer_of(&after), DONE);
    peer_close(&p);
    peer_close(&next);
}
END_TEST

/* The same instance on a new connection takes the place of the old one. */
START_TEST(reconnects)
{
    struct peer p, again;
    struct asked a;

    fixture_broker();
    peer_join(&p, SVC_PROJECT, "p1", 1);
    ask(&a, OP_project_get);
    peer_take(&p);
    peer_join(&again, SVC_PROJECT, "p1", 1);
    peer_reply(&again, peer_take(&again), DONE, "{}");
    ck_assert_int_eq(answer_of(&a), DONE);
    ck_assert_int_eq(state_of(SVC_PROJECT).instances, 1);
    peer_close(&p);
    peer_close(&again);
}
END_TEST

START_TEST(described)
{
    struct envelope e = {.kind = FRAME_PING, .instance = "c2", .database = 0, .note = "missing"};
    struct peer one, two;
    struct service_state s;

    fixture_broker();
    ck_assert_int_eq(state_of(SVC_CHAT).instances, 0);
    ck_assert(!state_of(SVC_CHAT).database);
    peer_join(&one, SVC_CHAT, "c1", 1);
    s = state_of(SVC_CHAT);
    ck_assert_int_eq(s.instances, 1);
    ck_assert(s.database);
    ck_assert_str_eq(s.note, "demo");
    peer_join(&two, SVC_CHAT, "c2", 1);
    peer_send(&two, &e, NULL, 0);
    EVENTUALLY(!state_of(SVC_CHAT).database);
    ck_assert_str_eq(state_of(SVC_CHAT).note, "missing");
    ck_assert_int_eq(state_of(SVC_CHAT).instances, 2);
    peer_close(&one);
    peer_close(&two);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("workers");

    tcase_set_timeout(tests, 30);
    tcase_add_checked_fixture(tests, fixture_directory, fixture_end);
    tcase_add_test(tests, killed);
    tcase_add_test(tests, killed_again_and_again);
    tcase_add_test(tests, stopped);
    tcase_add_test(tests, late_answer);
    tcase_add_test(tests, late_answer_elsewhere);
    tcase_add_test(tests, last_words);
    tcase_add_test(tests, goodbye);
    tcase_add_test(tests, reconnects);
    tcase_add_test(tests, described);
    return check_run("workers", tests);
}
