/* common/bus.c: gateways of other hosts, which are found in BUS_GATEWAYS and prove themselves. */
#include "common/bus_remote.h"
#include "tests/unit/bus_fixture.h"
#include "tests/unit/curve_keys.h"

static struct pair own, server;
static int port;
static char gateways[128];

static void remotes_begin(void)
{
    pair_make(&own);
    pair_make(&server);
    port = ports_free();
    snprintf(gateways, sizeof gateways, "127.0.0.1:%d=%s", port, server.open_hex);
    setenv("BUS_GATEWAYS", gateways, 1);
    begin();
    d.bus_key = own.secret;
    d.has_bus_key = true;
}

/* At chatd's port; nobody asks for its clients' keys here. */
static void remote_bind(struct gateway *g, const struct pair *key)
{
    char endpoint[64];
    int linger = 0, is_server = 1;

    zmq_msg_init(&g->route);
    g->socket = zmq_socket(context, ZMQ_ROUTER);
    zmq_setsockopt(g->socket, ZMQ_LINGER, &linger, sizeof linger);
    zmq_setsockopt(g->socket, ZMQ_CURVE_SERVER, &is_server, sizeof is_server);
    zmq_setsockopt(g->socket, ZMQ_CURVE_SECRETKEY, key->secret.bytes, CURVE_KEY_SIZE);
    snprintf(endpoint, sizeof endpoint, "tcp://127.0.0.1:%d", bus_port_of(port, SVC_CHAT));
    for (int64_t until = clock_ms() + WAIT_MS; zmq_bind(g->socket, endpoint); usleep(5000))
        ck_assert_int_lt(clock_ms(), until); /* the one before may not be gone yet */
}

static void remote_close(struct gateway *g)
{
    zmq_msg_close(&g->route);
    zmq_close(g->socket);
}

START_TEST(near_and_far)
{
    struct gateway near, far;

    remote_bind(&far, &server);
    gateway_open(&near, "one");
    ck_assert_int_eq(bus_start(d.bus), DONE);
    greet(&near);
    greet(&far);
    remote_close(&far);
    gateway_close(&near);
}
END_TEST

/* A gateway that is not the one with that key learns nothing; the right one is found when it comes,
 * although the library has given the connection up. */
START_TEST(not_that_gateway)
{
    struct gateway false_one, right;
    struct envelope e;

    log_limit(LOG_LEVEL_ERR);
    remote_bind(&false_one, &own);
    ck_assert_int_eq(bus_start(d.bus), DONE);
    ck_assert(!expect(&false_one, FRAME_READY, 1000, &e));
    remote_close(&false_one);
    remote_bind(&right, &server);
    ck_assert(expect(&right, FRAME_READY, 3 * WAIT_MS, &e));
    remote_close(&right);
}
END_TEST

START_TEST(without_a_key)
{
    struct gateway far;
    struct envelope e;

    d.has_bus_key = false;
    remote_bind(&far, &server);
    ck_assert_int_eq(bus_start(d.bus), DONE);
    ck_assert(!expect(&far, FRAME_READY, 500, &e));
    remote_close(&far);
}
END_TEST

START_TEST(lists)
{
    static const char *const wrong[] = {"x",
                                        "10.0.0.1:8100",
                                        "10.0.0.1=%s",
                                        "host:1=%s",
                                        "10.0.0.1:0=%s",
                                        "10.0.0.1:65533=%s",
                                        "10.0.0.1:8100=0%s",
                                        ":1=%s",
                                        "10.0.0.1:81x=%s"};
    char list[256];
    const char *at;
    struct remote r;

    snprintf(list, sizeof list, " 10.0.0.1:8100=%s  127.0.0.1:65532=%s ", own.open_hex,
             server.open_hex);
    at = list;
    ck_assert_int_eq(remote_next(&at, &r), 1);
    ck_assert_str_eq(r.name, "10.0.0.1:8100");
    ck_assert_str_eq(r.address, "10.0.0.1");
    ck_assert_int_eq(r.port, 8100);
    ck_assert(curve_key_same(&r.key, &own.open));
    ck_assert_int_eq(remote_next(&at, &r), 1);
    ck_assert_int_eq(r.port, 65532);
    ck_assert_int_eq(remote_next(&at, &r), 0);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        snprintf(list, sizeof list, wrong[i], own.open_hex);
        at = list;
        ck_assert_msg(remote_next(&at, &r) < 0, "%s", list);
    }
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("bus_hosts");

    tcase_set_timeout(tests, 30);
    tcase_add_checked_fixture(tests, remotes_begin, end);
    tcase_add_test(tests, near_and_far);
    tcase_add_test(tests, not_that_gateway);
    tcase_add_test(tests, without_a_key);
    tcase_add_test(tests, lists);
    return check_run("bus_hosts", tests);
}
