/* gateway/broker: workers that come, go, fall silent, die, lie. */
#include <signal.h>
#include <sys/socket.h>
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
    for (;;)
        if (peer_receive(&p, 1000, &m))
            peer_message_drop(&m);
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

static void raw_send(struct peer *p, const void *data, size_t n, int more)
{
    ck_assert_int_eq(zmq_send(p->socket, data, n, more ? ZMQ_SNDMORE : 0), (int)n);
}

/* What is not of the protocol is counted and hurts nobody. */
START_TEST(bad_frames)
{
    struct envelope e = {.kind = FRAME_REPLY, .id = 1};
    struct envelope pong = {.kind = FRAME_PONG, .generation = 1, .known = 1};
    char head[512];
    struct asked a;
    struct peer p;
    size_t n;
    uint64_t expected = 0;

    fixture_broker();
    log_limit(LOG_LEVEL_ERR);
    peer_join(&p, SVC_PROJECT, "p1", 1);
    raw_send(&p, "", 0, 0);
    raw_send(&p, "\1", 1, 0);
    raw_send(&p, "\2\1", 2, 0);   /* other version */
    raw_send(&p, "\1\177", 2, 0); /* unknown kind */
    raw_send(&p, "\1\0", 2, 0);
    expected += 5;
    n = envelope_encode(&e, head, sizeof head);
    for (size_t cut = 1; cut < n; cut++, expected++)
        raw_send(&p, head, cut, 0);
    head[n] = 0;
    raw_send(&p, head, n + 1, 0); /* a byte too much */
    raw_send(&p, head, n, 1);     /* a frame too much */
    raw_send(&p, "{}", 2, 1);
    raw_send(&p, "more", 4, 1);
    raw_send(&p, "", 0, 0);
    expected += 2;
    n = envelope_encode(&pong, head, sizeof head);
    raw_send(&p, head, n, 0); /* what only a gateway sends */
    e = (struct envelope){.kind = FRAME_PING, .instance = "p1"};
    n = envelope_encode(&e, head, sizeof head);
    raw_send(&p, head, n, 1); /* a kind without payload */
    raw_send(&p, "x", 1, 0);
    e = (struct envelope){.kind = FRAME_EVENT, .instance = "p1", .count = 1};
    peer_send(&p, &e, "\377cut", 4);
    e = (struct envelope){.kind = FRAME_READY, .service = "project", .instance = "No Name"};
    peer_send(&p, &e, NULL, 0);
    expected += 4;
    EVENTUALLY(stats_now().bad_frames == expected);
    ask(&a, OP_project_get);
    peer_reply(&p, peer_take(&p), DONE, "{}");
    ck_assert_int_eq(answer_of(&a), DONE);
    peer_close(&p);
}
END_TEST

/* A peer that names itself could pass for another. */
START_TEST(own_routing_id)
{
    char endpoint[96];
    struct peer p;

    fixture_broker();
    peer_open(&p, fixture_dir, SVC_PROJECT, "p1");
    zmq_close(p.socket);
    p.socket = zmq_socket(p.context, ZMQ_DEALER);
    zmq_setsockopt(p.socket, ZMQ_ROUTING_ID, "admin", 5);
    snprintf(endpoint, sizeof endpoint, "ipc://%s/gateway/project/bus", fixture_dir);
    ck_assert_int_eq(zmq_connect(p.socket, endpoint), 0);
    peer_ready(&p, 1);
    EVENTUALLY(stats_now().bad_frames == 1);
    ck_assert_int_eq(state_of(SVC_PROJECT).instances, 0);
    peer_close(&p);
}
END_TEST

START_TEST(wrong_service)
{
    struct peer p;

    fixture_broker();
    peer_open(&p, fixture_dir, SVC_PROJECT, "p1");
    p.svc = SVC_AUTH; /* at projectd's socket */
    peer_ready(&p, 1);
    EVENTUALLY(stats_now().refused_peers == 1);
    ck_assert_int_eq(state_of(SVC_PROJECT).instances, 0);
    ck_assert_int_eq(state_of(SVC_AUTH).instances, 0);
    peer_close(&p);
}
END_TEST

START_TEST(wrong_uid)
{
    struct peer_message m;
    struct peer p;

    fixture_config.peer_uid[SVC_PROJECT] = getuid() + 1;
    fixture_broker();
    peer_open(&p, fixture_dir, SVC_PROJECT, "p1");
    peer_ready(&p, 1);
    EVENTUALLY(stats_now().refused_peers == 1);
    ck_assert_int_eq(state_of(SVC_PROJECT).instances, 0);
    ck_assert(peer_expect(&p, FRAME_PONG, WAIT_MS, &m));
    ck_assert_uint_eq(m.e.known, 0);
    peer_message_drop(&m);
    peer_close(&p);
}
END_TEST

/* Nothing is taken from a connection that has not said READY; a REQUEST is told so. */
START_TEST(not_ready)
{
    struct envelope e = {.kind = FRAME_REQUEST, .id = 5, .op = "project_context"};
    struct peer_message m;
    struct peer p, chat;
    struct asked a;
    uint64_t id;

    fixture_broker();
    peer_join(&p, SVC_PROJECT, "p1", 1);
    ask(&a, OP_project_get);
    id = peer_take(&p);
    peer_open(&chat, fixture_dir, SVC_CHAT, "c1");
    peer_send(&chat, &e, "", 0);
    ck_assert(peer_expect(&chat, FRAME_REPLY, WAIT_MS, &m));
    ck_assert_uint_eq(m.e.id, 5);
    ck_assert_uint_eq(m.e.status, UNAVAILABLE);
    peer_message_drop(&m);
    peer_reply(&chat, id, DONE, "forged");
    EVENTUALLY(stats_now().refused_peers == 2);
    peer_ready(&chat, 1);
    peer_reply(&chat, id, DONE, "forged"); /* known now, but it was not asked */
    usleep(50000);
    peer_reply(&p, id, DONE, "{}");
    pthread_join(a.thread, NULL);
    ck_assert_str_eq(a.reply.body, "{}");
    bus_reply_drop(&a.reply);
    peer_close(&p);
    peer_close(&chat);
}
END_TEST

/* ---- daemons that ask ---- */

static int peer_ask(struct peer *p, uint64_t id, const char *op)
{
    struct envelope e = {.kind = FRAME_REQUEST,
                         .id = id,
                         .op = op,
                         .caller = 7,
                         .trace = "t",
                         .deadline_ms = 1000};
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
    struct envelope e = {.kind = FRAME_REQUEST, .op = "project_context", .caller = 7,
                         .session = 8, .trace = "t", .deadline_ms = 5000, .address = "::1"};
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
    process_end(pid);
    ck_assert(peer_expect(&p, FRAME_CANCEL, WAIT_MS, &m));
    peer_message_drop(&m);
    ck_assert_uint_eq(stats_now().pending, 0);
    peer_join(&chat, SVC_CHAT, "c2", 1);
    ck_assert_int_eq(peer_ask(&chat, 9, "project_context"), TOO_LATE);
    peer_close(&p);
    peer_close(&chat);
}
END_TEST

/* ---- the sockets ---- */

START_TEST(socket_files)
{
    char path[96];
    struct stat st;
    struct broker *second = NULL;

    umask(077);
    fixture_broker();
    ck_assert_uint_eq(umask(022), 077);
    for (int svc = 0; svc < SVC_GATEWAY; svc++) {
        snprintf(path, sizeof path, "%s/gateway/%s", fixture_dir, api_svc_name((enum svc)svc));
        ck_assert_int_eq(stat(path, &st), 0);
        ck_assert_uint_eq(st.st_mode & 07777, 02750);
        snprintf(path, sizeof path, "%s/gateway/%s/bus", fixture_dir,
                 api_svc_name((enum svc)svc));
        ck_assert_int_eq(stat(path, &st), 0);
        ck_assert(S_ISSOCK(st.st_mode));
        ck_assert_uint_eq(st.st_mode & 07777, 0660);
    }
    snprintf(path, sizeof path, "%s/gateway", fixture_dir);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_uint_eq(st.st_mode & 07777, 0755);
    log_limit(LOG_LEVEL_ERR - 1);
    ck_assert_int_lt(broker_start(&fixture_config, &second), 0); /* in use */
    ck_assert_ptr_null(second);
    broker_drop(&broker);
    ck_assert_int_ne(access(path, F_OK), -1);
    snprintf(path, sizeof path, "%s/gateway/project/bus", fixture_dir);
    ck_assert_int_eq(access(path, F_OK), -1);
    ck_assert_int_eq(mknod(path, S_IFREG | 0600, 0), 0); /* left by a crash */
    fixture_broker();
}
END_TEST

START_TEST(long_path)
{
    char dir[100], path[140];

    snprintf(dir, sizeof dir, "%s/%060d", fixture_dir, 0);
    fixture_config.bus_dir = dir;
    fixture_config.name = "0123456789012345678901234567890";
    log_limit(LOG_LEVEL_ERR - 1);
    ck_assert_int_lt(broker_start(&fixture_config, &broker), 0);
    ck_assert_ptr_null(broker);
    snprintf(path, sizeof path, "%s/%s", dir, fixture_config.name);
    ck_assert_int_eq(rmdir(path), 0);
    ck_assert_int_eq(rmdir(dir), 0);
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
    tcase_add_test(tests, bad_frames);
    tcase_add_test(tests, own_routing_id);
    tcase_add_test(tests, wrong_service);
    tcase_add_test(tests, wrong_uid);
    tcase_add_test(tests, not_ready);
    tcase_add_test(tests, matrix);
    tcase_add_test(tests, peer_call);
    tcase_add_test(tests, peer_call_fails);
    tcase_add_test(tests, socket_files);
    tcase_add_test(tests, long_path);
    tcase_add_test(tests, described);
    return check_run("workers", tests);
}
