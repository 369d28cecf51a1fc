/* The watchdog: what it cuts, what it leaves alone. */
#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/http/listener.h"
#include "gateway/http/slots.h"
#include "proto/api.h"
#include "tests/unit/check_main.h"

#define THREADS 4
#define FDS     256

static struct slots *slots;
static struct listener listener;
static int listening = -1;

/* A connection: the server's end, and its slot. */
struct pair {
    int client, server;
    struct slot *slot;
};

static void setup(void)
{
    slots = slots_new(THREADS, FDS);
    listener_init(&listener);
    listening = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(listen(listening, 8), 0);
    ck_assert_int_eq(slots_watch(slots, &listener), DONE);
}

static void teardown(void)
{
    slots_drop(&slots);
    close(listening);
}

static struct pair pair_open(void)
{
    struct sockaddr_in a = {0};
    socklen_t size = sizeof a;
    struct pair p = {.client = socket(AF_INET, SOCK_STREAM, 0)};

    ck_assert_int_eq(getsockname(listening, (struct sockaddr *)&a, &size), 0);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ck_assert_int_eq(connect(p.client, (struct sockaddr *)&a, sizeof a), 0);
    p.server = accept(listening, (struct sockaddr *)&a, &size);
    ck_assert_int_ge(p.server, 0);
    p.slot = slot_new(slots);
    ck_assert_ptr_nonnull(p.slot);
    slot_open(slots, p.slot);
    slot_peer(p.slot, "127.0.0.1", ntohs(a.sin_port));
    return p;
}

static void pair_close(struct pair *p)
{
    slot_close(slots, p->slot);
    close(p->client);
    close(p->server);
}

/* Whether reading at the server's end comes to an end within ms. */
static bool ends_within(const struct pair *p, int ms)
{
    struct pollfd poll_fd = {.fd = p->server, .events = POLLIN};
    char byte;

    return poll(&poll_fd, 1, ms) == 1 && recv(p->server, &byte, 1, MSG_DONTWAIT) == 0;
}

START_TEST(a_late_body_is_cut_and_can_be_answered)
{
    struct pair late = pair_open(), other = pair_open();
    char byte;

    slot_set(late.slot, SLOT_BODY, 50);
    slot_set(other.slot, SLOT_BODY, 60000);
    ck_assert(ends_within(&late, 2000));
    ck_assert(slot_was_cut(late.slot));
    ck_assert_int_eq(send(late.server, "x", 1, MSG_NOSIGNAL), 1);
    ck_assert_int_eq(recv(late.client, &byte, 1, 0), 1);
    ck_assert(!ends_within(&other, 300));
    ck_assert(!slot_was_cut(other.slot));
    ck_assert_uint_eq(slots_cut_count(slots), 1);
    pair_close(&late);
    pair_close(&other);
    ck_assert_uint_eq(slots_busy(slots), 0);
}
END_TEST

START_TEST(a_late_reader_is_cut_both_ways)
{
    struct pair p = pair_open();

    slot_set(p.slot, SLOT_SEND, 50);
    ck_assert(ends_within(&p, 2000));
    ck_assert_int_lt(send(p.server, "x", 1, MSG_NOSIGNAL), 0);
    pair_close(&p);
}
END_TEST

START_TEST(work_has_no_bound)
{
    struct pair p = pair_open();

    slot_set(p.slot, SLOT_WORK, 0);
    ck_assert(!ends_within(&p, 400));
    pair_close(&p);
}
END_TEST

START_TEST(idle_ones_go_when_threads_are_scarce)
{
    struct pair p[THREADS];

    for (int i = 0; i < THREADS - 1; i++) {
        p[i] = pair_open();
        slot_set(p[i].slot, SLOT_HEAD, HEAD_MAX_MS);
    }
    ck_assert(!slots_pressed(slots));
    ck_assert(!ends_within(&p[0], 300));
    p[THREADS - 1] = pair_open();
    slot_set(p[THREADS - 1].slot, SLOT_WORK, 0);
    ck_assert(slots_pressed(slots));
    for (int i = 0; i < THREADS - 1; i++)
        ck_assert(ends_within(&p[i], 2000));
    ck_assert(!ends_within(&p[THREADS - 1], 300));
    for (int i = 0; i < THREADS; i++)
        pair_close(&p[i]);
    ck_assert_ptr_null(slot_new(slots));
}
END_TEST

START_TEST(slow_bodies_go_when_threads_are_scarce)
{
    struct pair p[THREADS];

    for (int i = 0; i < THREADS; i++) {
        p[i] = pair_open();
        slot_set(p[i].slot, i ? SLOT_BODY : SLOT_PIECE, 60000);
    }
    ck_assert(slots_pressed(slots));
    for (int i = 1; i < THREADS; i++)
        ck_assert(ends_within(&p[i], 5000));
    ck_assert(!ends_within(&p[0], 300)); /* a piece of an upload */
    for (int i = 0; i < THREADS; i++)
        pair_close(&p[i]);
}
END_TEST

START_TEST(idle_ones_go_when_draining)
{
    struct pair idle = pair_open(), busy = pair_open();

    slot_set(idle.slot, SLOT_HEAD, HEAD_MAX_MS);
    slot_set(busy.slot, SLOT_WORK, 0);
    slots_drain(slots);
    ck_assert(ends_within(&idle, 2000));
    ck_assert(!ends_within(&busy, 300));
    pair_close(&idle);
    pair_close(&busy);
}
END_TEST

START_TEST(unread_bytes_are_seen)
{
    struct pair p = pair_open();

    ck_assert(!slot_has_unread(slots, p.slot));
    ck_assert_int_eq(send(p.client, "x", 1, 0), 1);
    ck_assert(poll(&(struct pollfd){.fd = p.server, .events = POLLIN}, 1, 1000) == 1);
    ck_assert(slot_has_unread(slots, p.slot));
    pair_close(&p);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("slots");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, a_late_body_is_cut_and_can_be_answered);
    tcase_add_test(tests, a_late_reader_is_cut_both_ways);
    tcase_add_test(tests, work_has_no_bound);
    tcase_add_test(tests, idle_ones_go_when_threads_are_scarce);
    tcase_add_test(tests, slow_bodies_go_when_threads_are_scarce);
    tcase_add_test(tests, idle_ones_go_when_draining);
    tcase_add_test(tests, unread_bytes_are_seen);
    return check_run("slots", tests);
}
