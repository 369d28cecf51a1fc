/* gateway/broker: daemons of other hosts, who come over TCP with a key. */
#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/bus_remote.h"
#include "gateway/broker/keyring.h"
#include "tests/unit/broker_fixture.h"
#include "tests/unit/curve_keys.h"

/* Units let nobody ask for the network interfaces: whoever does is told so, as there. */
int getifaddrs(struct ifaddrs **ret)
{
    (void)ret;
    errno = EAFNOSUPPORT;
    return -1;
}

static struct pair own, project, chat, stranger;
static char keys[512];

static void begin(void)
{
    fixture_directory();
    pair_make(&own);
    pair_make(&project);
    pair_make(&chat);
    pair_make(&stranger);
    snprintf(keys, sizeof keys, "project=%s  chat=%s", project.open_hex, chat.open_hex);
    fixture_config.listen = "127.0.0.1";
    fixture_config.port = ports_free();
    fixture_config.key = own.secret;
    fixture_config.keys = keys;
    log_limit(LOG_LEVEL_ERR);
    fixture_broker();
}

/* Connects to a service's port; key NULL: without any. */
static void remote_open(struct peer *p, enum svc svc, const struct pair *key,
                        const struct pair *server)
{
    char endpoint[64];
    int none = 0;

    *p = (struct peer){.svc = svc, .context = zmq_ctx_new(), .instance = "r1"};
    p->socket = zmq_socket(p->context, ZMQ_DEALER);
    zmq_setsockopt(p->socket, ZMQ_LINGER, &none, sizeof none);
    if (key)
        ck_assert_int_eq(curve_connect(p->socket, &key->secret, &server->open), DONE);
    snprintf(endpoint, sizeof endpoint, "tcp://127.0.0.1:%d",
             bus_port_of(fixture_config.port, svc));
    ck_assert_int_eq(zmq_connect(p->socket, endpoint), 0);
}

static void remote_join(struct peer *p, enum svc svc, const struct pair *key)
{
    struct peer_message m;

    remote_open(p, svc, key, &own);
    peer_ready(p, 1);
    peer_ping(p);
    ck_assert(peer_expect(p, FRAME_PONG, WAIT_MS, &m));
    ck_assert_uint_eq(m.e.known, 1);
    peer_message_drop(&m);
}

/* Says READY, if there is a connection to say it on; nothing answers. */
static void remote_is_shut_out(struct peer *p)
{
    struct envelope e = {
        .kind = FRAME_READY, .service = api_svc_name(p->svc), .instance = p->instance};
    struct peer_message m;
    char head[256];
    size_t size = envelope_encode(&e, head, sizeof head);

    zmq_send(p->socket, head, size, ZMQ_DONTWAIT);
    p->mute = true;
    ck_assert(!peer_receive(p, 400, &m));
    ck_assert_int_eq(state_of(p->svc).instances, 0);
    peer_close(p);
}

START_TEST(serves_beside_those_of_this_host)
{
    struct peer near, far, asker;
    struct peer_message m;
    struct asked a[2];

    peer_join(&near, SVC_PROJECT, "near", 1);
    remote_join(&far, SVC_PROJECT, &project);
    ck_assert_int_eq(state_of(SVC_PROJECT).instances, 2);
    for (int i = 0; i < 2; i++)
        ask(&a[i], OP_project_get);
    peer_reply(&near, peer_take(&near), DONE, "{}");
    peer_reply(&far, peer_take(&far), NOT_FOUND, "{}");
    ck_assert_int_eq(answer_of(&a[0]) + answer_of(&a[1]), NOT_FOUND);
    /* and calls others, as far as its service may */
    remote_join(&asker, SVC_CHAT, &chat);
    peer_send(&asker, &(struct envelope){.kind = FRAME_REQUEST, .id = 9, .op = "session_check"}, "",
              0);
    ck_assert(peer_expect(&asker, FRAME_REPLY, WAIT_MS, &m));
    ck_assert_uint_eq(m.e.status, FORBIDDEN);
    peer_message_drop(&m);
    ck_assert_uint_eq(stats_now().refused_keys, 0);
    peer_close(&near);
    peer_close(&far);
    peer_close(&asker);
}
END_TEST

START_TEST(unknown_key)
{
    struct peer p;

    remote_open(&p, SVC_PROJECT, &stranger, &own);
    EVENTUALLY(stats_now().refused_keys > 0);
    remote_is_shut_out(&p);
    ck_assert_uint_eq(stats_now().strangers, 0); /* each is counted once */
}
END_TEST

/* Whoever has stolen chatd's key is a chatd and nothing else. */
START_TEST(key_of_another_service)
{
    struct peer p;
    uint64_t refused;

    for (int svc = 0; svc < SVC_GATEWAY; svc++) {
        if (svc == SVC_CHAT)
            continue;
        refused = stats_now().refused_keys;
        remote_open(&p, (enum svc)svc, &chat, &own);
        EVENTUALLY(stats_now().refused_keys > refused);
        remote_is_shut_out(&p);
    }
    remote_open(&p, SVC_CHAT, &chat, &own);
    p.svc = SVC_AUTH; /* at chatd's port */
    peer_ready(&p, 2);
    EVENTUALLY(stats_now().refused_peers == 1);
    ck_assert_int_eq(state_of(SVC_AUTH).instances + state_of(SVC_CHAT).instances, 0);
    peer_close(&p);
}
END_TEST

START_TEST(no_key_or_a_wrong_gateway)
{
    struct peer p;

    remote_open(&p, SVC_PROJECT, NULL, NULL);
    remote_is_shut_out(&p);
    remote_open(&p, SVC_PROJECT, &project, &stranger); /* whose gateway this is not */
    remote_is_shut_out(&p);
    ck_assert_uint_eq(stats_now().frames_in, 0);
}
END_TEST

/* Connects to project's port, says something, and may wait for the broker to hang up. */
static void stranger_speaks(const char *said, bool waits)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port =
                                 htons((uint16_t)bus_port_of(fixture_config.port, SVC_PROJECT)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char c;

    ck_assert_int_eq(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    ck_assert_int_eq(send(fd, said, strlen(said), MSG_NOSIGNAL), (int)strlen(said));
    while (waits && recv(fd, &c, 1, 0) > 0)
        ;
    close(fd);
}

/* Who speaks something else, or breaks off, is counted; who has a key is not. */
START_TEST(no_peer_at_all)
{
    struct peer p, good;
    uint64_t before;

    remote_join(&good, SVC_PROJECT, &project);
    ck_assert_uint_eq(stats_now().strangers, 0);
    remote_open(&p, SVC_PROJECT, NULL, NULL);
    EVENTUALLY(stats_now().strangers > 0);
    peer_close(&p);
    before = stats_now().strangers;
    stranger_speaks("", false);
    EVENTUALLY(stats_now().strangers > before);
    before = stats_now().strangers;
    stranger_speaks("GET / HTTP/1.1\r\nHost: there\r\nConnection: close\r\n\r\n", true);
    usleep(CURVE_HANDSHAKE_MS * 1000); /* of which the library tells nothing */
    EVENTUALLY(stats_now().strangers == before + 1);
    remote_join(&p, SVC_CHAT, &chat);
    ck_assert_uint_eq(stats_now().strangers, before + 1);
    peer_close(&p);
    ck_assert_uint_eq(stats_now().refused_keys, 0);
    peer_close(&good);
}
END_TEST

START_TEST(keys_come_and_go)
{
    struct peer p, other;
    struct peer_message m;
    char fresh[256];

    remote_join(&p, SVC_PROJECT, &project);
    snprintf(fresh, sizeof fresh, "project=%s", stranger.open_hex);
    broker_set_keys(broker, fresh);
    ck_assert_int_eq(state_of(SVC_PROJECT).instances, 0);
    peer_ready(&p, 1); /* its connection is still there */
    EVENTUALLY(stats_now().refused_peers == 1);
    peer_ping(&p);
    ck_assert(peer_expect(&p, FRAME_PONG, WAIT_MS, &m));
    ck_assert_uint_eq(m.e.known, 0);
    peer_message_drop(&m);
    remote_join(&other, SVC_PROJECT, &stranger);
    ck_assert_int_eq(state_of(SVC_PROJECT).instances, 1);
    peer_close(&p);
    peer_close(&other);
}
END_TEST

START_TEST(port_taken)
{
    struct broker *second = NULL;
    char dir[] = "/tmp/bus-XXXXXX", command[64];

    ck_assert_ptr_nonnull(mkdtemp(dir));
    fixture_config.bus_dir = dir;
    log_limit(LOG_LEVEL_ERR - 1);
    ck_assert_int_lt(broker_start(&fixture_config, &second), 0);
    ck_assert_ptr_null(second);
    snprintf(command, sizeof command, "rm -rf %s", dir);
    ck_assert_int_eq(system(command), 0);
}
END_TEST

/* Names are not looked up: that takes rights that a gateway has not. */
START_TEST(listens_at_no_name)
{
    broker_drop(&broker);
    fixture_config.listen = "localhost";
    log_limit(LOG_LEVEL_ERR - 1);
    ck_assert_int_lt(broker_start(&fixture_config, &broker), 0);
    ck_assert_ptr_null(broker);
}
END_TEST

START_TEST(lists_of_keys)
{
    static const char *const wrong[] = {"x",         "project",    "project=12",
                                        "nobody=%s", "gateway=%s", "project=%s chat=%s",
                                        "=%s",       "project=%s0"};
    struct keyring k;
    char list[512];
    const char *why = NULL;

    keyring_init(&k);
    ck_assert(keyring_read(&k, "", &why));
    ck_assert(keyring_read(&k, keys, &why));
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        snprintf(list, sizeof list, wrong[i], stranger.open_hex, stranger.open_hex);
        ck_assert_msg(!keyring_read(&k, list, &why), "%s", list);
        ck_assert_ptr_nonnull(why);
    }
    ck_assert(keyring_allows(&k, SVC_CHAT, &chat.open)); /* as it was */
    ck_assert(!keyring_allows(&k, SVC_PROJECT, &chat.open));
    ck_assert(keyring_knows(&k, &project.open));
    ck_assert(!keyring_knows(&k, &stranger.open));
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("hosts");

    tcase_set_timeout(tests, 30);
    tcase_add_checked_fixture(tests, begin, fixture_end);
    tcase_add_test(tests, serves_beside_those_of_this_host);
    tcase_add_test(tests, unknown_key);
    tcase_add_test(tests, key_of_another_service);
    tcase_add_test(tests, no_key_or_a_wrong_gateway);
    tcase_add_test(tests, no_peer_at_all);
    tcase_add_test(tests, keys_come_and_go);
    tcase_add_test(tests, port_taken);
    tcase_add_test(tests, listens_at_no_name);
    tcase_add_test(tests, lists_of_keys);
    return check_run("hosts", tests);
}
