/* gateway/broker: what comes over the wire that should not, and the sockets themselves. */
#include <sys/socket.h>

#include "tests/unit/broker_fixture.h"

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
        ck_assert_uint_eq(st.st_mode & 07777, 0750);
        snprintf(path, sizeof path, "%s/gateway/%s/bus", fixture_dir, api_svc_name((enum svc)svc));
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

/* What is no directory stays what it is. */
START_TEST(no_directory)
{
    char path[96];
    struct stat st;

    snprintf(path, sizeof path, "%s/gateway", fixture_dir);
    ck_assert_int_eq(mkdir(path, 0755), 0);
    snprintf(path, sizeof path, "%s/gateway/project", fixture_dir);
    ck_assert_int_eq(mknod(path, S_IFREG | 0600, 0), 0);
    log_limit(LOG_LEVEL_ERR - 1);
    ck_assert_int_lt(broker_start(&fixture_config, &broker), 0);
    ck_assert_ptr_null(broker);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert(S_ISREG(st.st_mode));
    ck_assert_int_eq(unlink(path), 0);
}
END_TEST

/* A directory of somebody's where the socket shall be is not taken away. */
START_TEST(directory_instead_of_socket)
{
    char path[96];

    fixture_broker();
    broker_drop(&broker);
    snprintf(path, sizeof path, "%s/gateway/project/bus", fixture_dir);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    log_limit(LOG_LEVEL_ERR - 1);
    ck_assert_int_lt(broker_start(&fixture_config, &broker), 0);
    ck_assert_ptr_null(broker);
    ck_assert_int_eq(rmdir(path), 0);
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

int main(void)
{
    TCase *tests = tcase_create("wire");

    tcase_set_timeout(tests, 30);
    tcase_add_checked_fixture(tests, fixture_directory, fixture_end);
    tcase_add_test(tests, bad_frames);
    tcase_add_test(tests, own_routing_id);
    tcase_add_test(tests, wrong_service);
    tcase_add_test(tests, wrong_uid);
    tcase_add_test(tests, not_ready);
    tcase_add_test(tests, socket_files);
    tcase_add_test(tests, no_directory);
    tcase_add_test(tests, directory_instead_of_socket);
    tcase_add_test(tests, long_path);
    return check_run("wire", tests);
}
