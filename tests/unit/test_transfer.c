/* common/transfer and common/range: what handlers of uploads and downloads are given. */
#include "common/transfer.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "common/call.h"
#include "common/clock.h"
#include "tests/unit/check_main.h"

static struct transfer *transfer;
static struct call call;
static char block[DATA_MAX], large[DATA_MAX + 1];
static atomic_uint taken;

static void begin(enum op_id op)
{
    transfer = transfer_open(NULL, 0, 1, 5);
    call =
        (struct call){.op = api_op(op), .transfer = transfer, .deadline_us = clock_us() + 2000000};
}

static void setup(void)
{
    begin(OP_file_create);
}

static void teardown(void)
{
    transfer_close(&transfer);
}

static void data(uint32_t n, int last, const void *bytes, size_t size)
{
    zmq_msg_t m;

    zmq_msg_init_size(&m, size);
    if (size)
        memcpy(zmq_msg_data(&m), bytes, size);
    transfer_data(transfer,
                  &(struct envelope){.kind = FRAME_DATA, .id = 5, .n = n, .last = (uint8_t)last},
                  &m);
    zmq_msg_close(&m);
}

static void reads(const char *expected, size_t capacity)
{
    char buf[64];
    size_t n = 99;

    ck_assert_int_eq(call_read(&call, buf, capacity, &n), DONE);
    ck_assert_uint_eq(n, strlen(expected));
    ck_assert_int_eq(memcmp(buf, expected, n), 0);
}

START_TEST(read_to_the_end)
{
    unsigned char digest[DIGEST_SIZE], expected[DIGEST_SIZE];

    data(1, DATA_MORE, "hello", 5);
    data(2, DATA_MORE, "", 0);
    data(3, DATA_MORE, "wo", 2);
    data(4, DATA_LAST, "rld", 3);
    reads("hel", 3);
    reads("lo", 64);
    reads("wo", 64);
    ck_assert(!transfer_ended(transfer));
    reads("rld", 64);
    ck_assert(transfer_ended(transfer));
    reads("", 64);
    reads("", 64);
    ck_assert_int_eq(call_digest(&call, digest), 10);
    digest_sha256("helloworld", 10, expected);
    ck_assert_int_eq(memcmp(digest, expected, sizeof digest), 0);
    ck_assert_int_gt(call.deadline_us, clock_us() + 20000000); /* progress */
}
END_TEST

START_TEST(read_nothing)
{
    unsigned char digest[DIGEST_SIZE];

    data(1, DATA_LAST, "", 0);
    reads("", 64);
    ck_assert_int_eq(call_digest(&call, digest), 0);
}
END_TEST

START_TEST(read_too_late)
{
    char buf[8];
    size_t n;

    call.deadline_us = clock_us() + 30000;
    ck_assert_int_eq(call_read(&call, buf, sizeof buf, &n), TOO_LATE);
    ck_assert_int_ge(clock_us(), call.deadline_us);
}
END_TEST

/* What was not asked for, or is missing, is no upload. */
START_TEST(read_broken)
{
    char buf[8];
    size_t n;

    for (int i = 0; i < 6; i++) {
        transfer_close(&transfer);
        begin(OP_file_create);
        data(1, i == 0 ? DATA_LAST : DATA_MORE, "x", 1);
        switch (i) {
        case 0:
            data(2, DATA_MORE, "x", 1); /* behind the end */
            break;
        case 1:
            data(3, DATA_MORE, "x", 1);
            break;
        case 2:
            data(1, DATA_MORE, "x", 1);
            break;
        case 3:
            data(2, DATA_BROKEN, "x", 1);
            break;
        case 4:
            for (uint32_t k = 2; k <= DATA_WINDOW + 1; k++)
                data(k, DATA_MORE, "x", 1);
            break;
        case 5:
            transfer_break(transfer);
        }
        ck_assert_int_eq(call_read(&call, buf, sizeof buf, &n), UNAVAILABLE);
    }
}
END_TEST

static void *feed(void *state)
{
    (void)state;
    for (uint32_t n = 1; n <= 100;) {
        usleep(500);
        if (n > atomic_load(&taken) + DATA_WINDOW)
            continue;
        data(n, n == 100 ? DATA_LAST : DATA_MORE, block, DATA_MAX);
        n++;
    }
    return NULL;
}

START_TEST(read_while_it_comes)
{
    static char buf[10000];
    size_t n, size = 0;
    pthread_t thread;
    int r;

    pthread_create(&thread, NULL, feed, NULL);
    while ((r = call_read(&call, buf, sizeof buf, &n)) == DONE && n)
        atomic_store(&taken, (uint32_t)((size += n) / DATA_MAX));
    pthread_join(thread, NULL);
    ck_assert_int_eq(r, DONE);
    ck_assert_uint_eq(size, 100 * DATA_MAX);
}
END_TEST

static void *open_windows(void *state)
{
    (void)state;
    for (uint32_t n = 3; n <= 50; n++) {
        usleep(500);
        transfer_window(transfer, n);
    }
    return NULL;
}

/* Nothing goes out before a WINDOW, and no more than it says. */
START_TEST(write_within_the_window)
{
    pthread_t thread;

    teardown();
    begin(OP_file_content);
    ck_assert_int_eq(call_stream(&call), DONE);
    call.deadline_us = clock_us() + 20000;
    ck_assert_int_eq(call_write(&call, block, 1), TOO_LATE);
    transfer_window(transfer, 2);
    ck_assert_int_eq(call_write(&call, block, 1), DONE);
    ck_assert_int_gt(call.deadline_us, clock_us() + 20000000); /* progress */
    ck_assert_int_eq(call_write(&call, block, DATA_MAX), DONE);
    call.deadline_us = clock_us() + 20000;
    transfer_window(transfer, 1); /* never back */
    ck_assert_int_eq(call_write(&call, block, 1), TOO_LATE);
    call.deadline_us = clock_us() + 5000000;
    pthread_create(&thread, NULL, open_windows, NULL);
    for (int i = 0; i < 24; i++)
        ck_assert_int_eq(call_write(&call, large, sizeof large), DONE); /* two pieces each */
    pthread_join(thread, NULL);
    ck_assert_int_eq(transfer_bytes(transfer), 1 + DATA_MAX + 24 * (int64_t)sizeof large);
    transfer_break(transfer);
    ck_assert_int_eq(call_write(&call, block, 1), UNAVAILABLE);
    transfer_finish(transfer, false);
}
END_TEST

static void ranges(const char *range, const char *if_range, int http, int64_t first, int64_t count)
{
    int64_t f = -1, n = -1;

    call.http = 0;
    call_range(&call, range, if_range, "ab12", 100, &f, &n);
    ck_assert_msg(call.http == http && f == first && n == count, "%s: %d %lld+%lld", range,
                  call.http, (long long)f, (long long)n);
}

START_TEST(one_range)
{
    ranges(NULL, NULL, 0, 0, 100);
    ranges("bytes=0-0", NULL, 206, 0, 1);
    ranges("bytes=0-99", NULL, 206, 0, 100);
    ranges("bytes=0-100", NULL, 206, 0, 100);
    ranges("bytes=10-", NULL, 206, 10, 90);
    ranges("Bytes=99-", NULL, 206, 99, 1);
    ranges("bytes=-1", NULL, 206, 99, 1);
    ranges("bytes=-100", NULL, 206, 0, 100);
    ranges("bytes=-1000", NULL, 206, 0, 100);
    ranges("bytes=5-99999999999999999999999", NULL, 206, 5, 95);
    ranges("bytes=100-", NULL, 416, 0, 0);
    ranges("bytes=100-200", NULL, 416, 0, 0);
    ranges("bytes=-0", NULL, 416, 0, 0);
    /* ignored */
    ranges("bytes=", NULL, 0, 0, 100);
    ranges("bytes=-", NULL, 0, 0, 100);
    ranges("bytes=5-4", NULL, 0, 0, 100);
    ranges("bytes=1-2,4-5", NULL, 0, 0, 100);
    ranges("bytes=1-2 ", NULL, 0, 0, 100);
    ranges("bytes=+1-2", NULL, 0, 0, 100);
    ranges("bytes", NULL, 0, 0, 100);
    ranges("lines=1-2", NULL, 0, 0, 100);
    /* of this version only */
    ranges("bytes=1-2", "\"ab12\"", 206, 1, 2);
    ranges("bytes=1-2", "\"ab13\"", 0, 0, 100);
    ranges("bytes=1-2", "W/\"ab12\"", 0, 0, 100);
    ranges("bytes=1-2", "\"ab12", 0, 0, 100);
    ranges("bytes=1-2", "ab12", 0, 0, 100);
    ranges("bytes=1-2", "Mon, 23 Nov 2026 00:00:00 GMT", 0, 0, 100);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("transfer");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, read_to_the_end);
    tcase_add_test(tests, read_nothing);
    tcase_add_test(tests, read_too_late);
    tcase_add_test(tests, read_broken);
    tcase_add_test(tests, read_while_it_comes);
    tcase_add_test(tests, write_within_the_window);
    tcase_add_test(tests, one_range);
    return check_run("transfer", tests);
}
