/* A listening socket that somebody else polls: found, paused, resumed, closed. */
#include <arpa/inet.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/http/listener.h"
#include "proto/api.h"
#include "tests/unit/check_main.h"

static int listening, port;
static struct listener listener;

static void setup(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof a;

    listening = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(listening, (struct sockaddr *)&a, sizeof a), 0);
    ck_assert_int_eq(listen(listening, 8), 0);
    ck_assert_int_eq(getsockname(listening, (struct sockaddr *)&a, &size), 0);
    port = ntohs(a.sin_port);
    listener_init(&listener);
    ck_assert_int_eq(listener_find(port, 256, &listener), DONE);
}

static void teardown(void)
{
    listener_close(&listener);
    listener_close(&listener);
    close(listening);
}

/* A client that has sent a byte; -1 when it is refused. */
static int client(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)port),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (connect(fd, (struct sockaddr *)&a, sizeof a) == 0 && send(fd, "x", 1, MSG_NOSIGNAL) == 1)
        return fd;
    close(fd);
    return -1;
}

static bool is_ready(int ms)
{
    return poll(&(struct pollfd){.fd = listening, .events = POLLIN}, 1, ms) == 1;
}

START_TEST(found)
{
    struct listener other;

    ck_assert_int_eq(listener.fd, listening);
    listener_init(&other);
    ck_assert_int_lt(listener_find(1, 256, &other), 0);
    listener_close(&other);
}
END_TEST

START_TEST(paused_and_resumed)
{
    int c;

    listener_pause(&listener);
    listener_pause(&listener);
    c = client();
    ck_assert_int_ge(c, 0);
    ck_assert(!is_ready(200));
    ck_assert_int_lt(accept(listening, NULL, NULL), 0);
    listener_resume(&listener);
    ck_assert(is_ready(1000));
    close(accept(listening, NULL, NULL));
    close(c);
}
END_TEST

START_TEST(closed)
{
    listener_close(&listener);
    ck_assert_int_lt(client(), 0);
    ck_assert(!is_ready(50));
    listener_wake(&listener);
    ck_assert(is_ready(50));
    listener_resume(&listener);
    ck_assert_int_lt(client(), 0);
}
END_TEST

START_TEST(descriptors)
{
    struct rlimit r = {32, 64};

    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &r), 0);
    ck_assert_int_eq(descriptors_raise(48), DONE);
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &r), 0);
    ck_assert_uint_eq(r.rlim_cur, 48);
    ck_assert_int_eq(descriptors_raise(40), DONE);
    ck_assert_int_lt(descriptors_raise(65), 0);
    ck_assert(descriptors_left(8));
    while (dup(listening) >= 0)
        ;
    ck_assert(!descriptors_left(1));
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("listener");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, found);
    tcase_add_test(tests, paused_and_resumed);
    tcase_add_test(tests, closed);
    tcase_add_test(tests, descriptors);
    return check_run("listener", tests);
}
