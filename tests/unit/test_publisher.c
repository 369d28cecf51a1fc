/* Publishers: what readers get over a connection, and how they end. */
#include "gateway/stream/publisher.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/events.h"
#include "gateway/stream/reader.h"
#include "proto/api.h"
#include "tests/unit/check_main.h"

#define WAIT_MS 5000

static struct publisher *p;
static struct reader r;
static int client = -1;

static void reader_begin(int64_t turn)
{
    int fds[2];

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    reader_init(&r, 7, 8, turn);
    r.fd = fds[0];
    client = fds[1];
    if (turn)
        turn_feed_accept(&r.feed, turn, 2, 3, "m");
    publisher_add(p, &r);
}

static void reader_finish(void)
{
    if (r.publisher)
        publisher_remove(&r);
    if (r.fd >= 0)
        close(r.fd);
    if (client >= 0)
        close(client);
    reader_drop(&r);
}

static void setup(void)
{
    ck_assert_int_eq(publisher_new(&p), DONE);
}

static void teardown(void)
{
    reader_finish();
    publisher_drop(&p);
    ck_assert_ptr_null(p);
}

static void tell(enum event_what what, uint64_t end, const char *data, size_t size)
{
    reader_event(
        &r,
        &(struct event){
            .topic = "t", .what = what, .attempt = 1, .cursor = end, .data = data, .size = size});
}

/* Reads until the text has come. */
static bool expect(const char *text)
{
    static char seen[1 << 20];
    int64_t until = clock_ms() + WAIT_MS;
    size_t n = 0;

    while (clock_ms() < until && n < sizeof seen - 1) {
        struct pollfd fd = {.fd = client, .events = POLLIN};
        ssize_t got;
        if (poll(&fd, 1, 100) <= 0)
            continue;
        got = read(client, seen + n, sizeof seen - 1 - n);
        if (got <= 0)
            break;
        n += (size_t)got;
        seen[n] = '\0';
        if (strstr(seen, text))
            return true;
    }
    return false;
}

static enum reader_end end_of(void)
{
    int64_t until = clock_ms() + WAIT_MS;
    enum reader_end end;

    do {
        pthread_mutex_lock(&r.lock);
        end = r.end;
        pthread_mutex_unlock(&r.lock);
        if (end == READER_RUNS)
            usleep(2000);
    } while (end == READER_RUNS && clock_ms() < until);
    return end;
}

START_TEST(events_reach_the_client)
{
    reader_begin(1);
    ck_assert(expect("event: accepted"));
    tell(EVENT_DELTA, 5, "hello", 5);
    ck_assert(expect("id: 4294967301\nevent: delta\ndata: {\"text\":\"hello\"}\n\n"));
}
END_TEST

START_TEST(the_last_event_is_the_end)
{
    static const char turn[] = "{\"turn\":{\"state\":\"completed\",\"attempt\":1,\"text\":"
                               "\"hello\"},\"finish_reason\":null}";

    reader_begin(1);
    tell(EVENT_ENDED, 0, turn, sizeof turn - 1);
    ck_assert(expect("event: completed"));
    ck_assert_int_eq(end_of(), READER_TOLD);
    ck_assert_int_eq(turn_watch_wait(&r.watch, clock_us() + 1000000), TURN_CALLED);
}
END_TEST

START_TEST(a_client_that_leaves_is_noticed_at_once)
{
    reader_begin(1);
    ck_assert(expect("event: accepted"));
    close(client);
    client = -1;
    ck_assert_int_eq(end_of(), READER_LEFT);
    tell(EVENT_DELTA, 5, "hello", 5); /* is harmless */
}
END_TEST

START_TEST(what_is_missing_is_asked_for)
{
    reader_begin(1);
    tell(EVENT_DELTA, 9, "late", 4);
    ck_assert_int_eq(turn_watch_wait(&r.watch, clock_us() + WAIT_MS * 1000), TURN_CALLED);
    pthread_mutex_lock(&r.lock);
    ck_assert(r.wants);
    ck_assert_uint_eq(r.at_attempt, 1);
    ck_assert_uint_eq(r.at_bytes, 0);
    pthread_mutex_unlock(&r.lock);
    reader_answer(&r, NULL); /* the turn is no more */
    ck_assert(expect("event: failed"));
    ck_assert_int_eq(end_of(), READER_TOLD);
}
END_TEST

/* Nobody waits for a client that does not read; what is kept for it is bounded. */
START_TEST(a_full_connection)
{
    static char text[60000];
    uint64_t end = 0;
    int small = 4096;

    reader_begin(1);
    setsockopt(r.fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    memset(text, 'x', sizeof text);
    for (int i = 0; i < 100; i++)
        tell(EVENT_DELTA, end += sizeof text, text, sizeof text);
    usleep(100000);
    publisher_remove(&r); /* it is ours now */
    r.publisher = NULL;
    ck_assert_int_eq(r.end, READER_RUNS);
    ck_assert_int_gt(r.blocked_us, 0);
    ck_assert_uint_le(turn_feed_waiting(&r.feed), FEED_REST_MAX);
    ck_assert_uint_le(r.out.size, 4 * READER_ROOM);
    ck_assert_uint_le(r.inbox.size, READER_INBOX_MAX + 100);
}
END_TEST

START_TEST(one_that_reads_again_gets_on)
{
    static char text[60000];
    int small = 4096;

    reader_begin(1);
    setsockopt(r.fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    memset(text, 'x', sizeof text);
    tell(EVENT_DELTA, sizeof text, text, sizeof text);
    usleep(50000);
    tell(EVENT_DELTA, sizeof text + 4, "last", 4);
    ck_assert(expect("last\"}"));
}
END_TEST

START_TEST(a_client_that_stands_still_is_dropped)
{
    reader_begin(1);
    ck_assert(expect("event: accepted"));
    publisher_remove(&r);
    r.publisher = NULL;
    r.blocked_us = 1;
    reader_tick(&r, READER_STALL_US);
    ck_assert_int_eq(r.end, READER_RUNS);
    reader_tick(&r, READER_STALL_US + 2);
    ck_assert_int_eq(r.end, READER_SLOW);
}
END_TEST

START_TEST(all_end_with_the_publisher)
{
    reader_begin(1);
    ck_assert(expect("event: accepted"));
    publisher_stop(p);
    ck_assert_int_eq(end_of(), READER_STOPPED);
    reader_finish();
    reader_begin(1); /* too late */
    ck_assert_int_eq(end_of(), READER_STOPPED);
}
END_TEST

START_TEST(changes_of_an_account)
{
    static const char good[] = "{\"event\":\"turn\",\"turn_id\":5,\"state\":\"running\"}";
    static const char *const bad[] = {
        "", "{", "[]", "{\"event\":1}", "{\"event\":\"a\\nb\"}", "{\"event\":\"\"}"};

    reader_begin(0);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        tell(EVENT_CHANGED, 0, bad[i], strlen(bad[i]));
    tell(EVENT_CHANGED, 5, good, sizeof good - 1);
    ck_assert(
        expect("retry: 1000\n\nevent: turn\ndata: {\"turn_id\":5,\"state\":\"running\"}\n\n"));
}
END_TEST

static void *tell_much(void *state)
{
    uint64_t end = 0;

    (void)state;
    for (int i = 0; i < 20000; i++)
        tell(EVENT_DELTA, end += 1, "x", 1);
    return NULL;
}

/* The broker tells while the client leaves: nothing is touched behind publisher_remove(). */
START_TEST(leaving_while_told)
{
    for (int i = 0; i < 20; i++) {
        pthread_t broker;
        reader_begin(1);
        fcntl(client, F_SETFL, O_NONBLOCK);
        pthread_create(&broker, NULL, tell_much, NULL);
        usleep(i * 200);
        if (i % 2)
            reader_end(&r, READER_REVOKED);
        pthread_join(broker, NULL); /* broker_unfollow() waits likewise */
        reader_finish();
    }
    reader_begin(1);
}
END_TEST

/* An event is on its way to the reader while its client leaves: it is given back once, and stands
 * in no list any more. */
START_TEST(leaving_with_an_event_on_its_way)
{
    for (int i = 0; i < 5000; i++) {
        reader_begin(1);
        tell(EVENT_DELTA, 1, "x", 1);
        if (i % 3)
            sched_yield();
        publisher_remove(&r);
        ck_assert(!r.queued);
        r.publisher = NULL;
        reader_finish();
    }
    reader_begin(1);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("publisher");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, events_reach_the_client);
    tcase_add_test(tests, the_last_event_is_the_end);
    tcase_add_test(tests, a_client_that_leaves_is_noticed_at_once);
    tcase_add_test(tests, what_is_missing_is_asked_for);
    tcase_add_test(tests, a_full_connection);
    tcase_add_test(tests, one_that_reads_again_gets_on);
    tcase_add_test(tests, a_client_that_stands_still_is_dropped);
    tcase_add_test(tests, all_end_with_the_publisher);
    tcase_add_test(tests, changes_of_an_account);
    tcase_add_test(tests, leaving_while_told);
    tcase_add_test(tests, leaving_with_an_event_on_its_way);
    return check_run("publisher", tests);
}
