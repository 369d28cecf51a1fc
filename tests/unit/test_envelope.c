/* proto/envelope.h: frames of all kinds come back as they went in, and nothing else is read. */
#include "proto/envelope.h"

#include <stdbool.h>
#include <string.h>

#include "common/cleanup.h"
#include "tests/unit/check_main.h"

#define KIND_MAX 32 /* above every number in frames.def */

/* A value in every field. */
static struct envelope full(enum frame_kind kind)
{
    static char key[256];

    memset(key, 'k', 255);
    return (struct envelope){
        .kind = kind,
        .id = UINT64_MAX,
        .caller = 0x0102030405060708,
        .session = 3,
        .generation = 4,
        .turn_id = 5,
        .deadline_ms = UINT32_MAX,
        .key_ttl = 86400,
        .retry_after = 1,
        .count = 2,
        .credit_fast = UINT16_MAX,
        .credit_slow = 1,
        .credit_write = 2,
        .credit_hash = 3,
        .status = 404,
        .http = 201,
        .database = 1,
        .known = 255,
        .admin = 1,
        .replayed = 1,
        .text = 1,
        .service = "chat",
        .instance = "0123456789abcdef",
        .note = "",
        .op = "project_list",
        .trace = "r-1",
        .key = key,
        .to = "x",
        .address = "::1",
        .field = "name",
        .detail = "\xc3\xa4",
        .location = "/projects/1",
        .next = "n",
        .cookie = "c",
        .topic = "turn:1",
        .owner = "0123456789abcdef",
        .params = {"a\0b\0", 4},
    };
}

static bool known(int kind)
{
    return strcmp(envelope_kind_name((enum frame_kind)kind), "?") != 0;
}

START_TEST(every_kind_comes_back)
{
    int kinds = 0;

    for (int k = 1; k < KIND_MAX; k++) {
        struct envelope in = full((enum frame_kind)k), out;
        char a[ENVELOPE_HEAD_MAX], b[ENVELOPE_HEAD_MAX];
        size_t n = envelope_encode(&in, a, sizeof a), again;
        ck_assert_int_eq(n > 0, known(k));
        if (!n)
            continue;
        kinds++;
        ck_assert_int_eq(a[0], ENVELOPE_VERSION);
        ck_assert_int_eq(a[1], k);
        ck_assert_int_eq(envelope_decode(a, n, &out), 0);
        ck_assert_int_eq(out.kind, k);
        again = envelope_encode(&out, b, sizeof b);
        ck_assert_uint_eq(again, n);
        ck_assert_mem_eq(a, b, n);
    }
    ck_assert_int_ge(kinds, 10);
}
END_TEST

START_TEST(fields_of_a_request)
{
    struct envelope in = full(FRAME_REQUEST), out;
    char buf[ENVELOPE_HEAD_MAX];
    size_t n = envelope_encode(&in, buf, sizeof buf);

    ck_assert_int_eq(envelope_decode(buf, n, &out), 0);
    ck_assert_uint_eq(out.id, in.id);
    ck_assert_uint_eq(out.caller, in.caller);
    ck_assert_uint_eq(out.session, 3);
    ck_assert_uint_eq(out.deadline_ms, UINT32_MAX);
    ck_assert_uint_eq(out.key_ttl, 86400);
    ck_assert_uint_eq(out.admin, 1);
    ck_assert_str_eq(out.op, "project_list");
    ck_assert_str_eq(out.key, in.key);
    ck_assert_str_eq(out.address, "::1");
    ck_assert_uint_eq(out.params.size, 4);
    ck_assert_mem_eq(out.params.data, "a\0b\0", 4);
    /* what the kind does not have */
    ck_assert_uint_eq(out.turn_id, 0);
    ck_assert_ptr_null(out.topic);
}
END_TEST

START_TEST(layout_is_as_documented)
{
    struct envelope e = {.kind = FRAME_PONG, .generation = 0x0102030405060708, .known = 1};
    struct envelope follow = {.kind = FRAME_FOLLOW, .topic = "t:1", .text = 1};
    char buf[64];

    ck_assert_uint_eq(envelope_encode(&e, buf, sizeof buf), 11);
    ck_assert_mem_eq(buf, "\1\3\x08\x07\x06\x05\x04\x03\x02\x01\1", 11);
    ck_assert_uint_eq(envelope_encode(&follow, buf, sizeof buf), 8);
    ck_assert_mem_eq(buf, "\1\10\3t:1\0\1", 8);
}
END_TEST

START_TEST(null_strings_are_empty)
{
    struct envelope in = {.kind = FRAME_REPLY, .id = 1}, out;
    char buf[ENVELOPE_HEAD_MAX];
    size_t n = envelope_encode(&in, buf, sizeof buf);

    ck_assert_int_eq(envelope_decode(buf, n, &out), 0);
    ck_assert_str_eq(out.detail, "");
    ck_assert_str_eq(out.next, "");
}
END_TEST

START_TEST(what_does_not_fit_is_refused)
{
    struct envelope e = {.kind = FRAME_GOODBYE};
    char buf[ENVELOPE_HEAD_MAX], instance[300];
    size_t n;

    memset(instance, 'i', sizeof instance);
    instance[255] = '\0';
    e.instance = instance;
    n = envelope_encode(&e, buf, sizeof buf);
    ck_assert_uint_eq(n, 2 + 1 + 255 + 1);
    for (size_t capacity = 0; capacity < n; capacity++) {
        cleanup(free_drop) char *small = malloc(capacity + 1);
        ck_assert_uint_eq(envelope_encode(&e, small, capacity), 0);
    }
    instance[255] = 'i';
    instance[256] = '\0';
    ck_assert_uint_eq(envelope_encode(&e, buf, sizeof buf), 0);
    e = (struct envelope){.kind = FRAME_REQUEST, .params = {buf, UINT16_MAX + 1}};
    ck_assert_uint_eq(envelope_encode(&e, buf, sizeof buf), 0);
    e = (struct envelope){.kind = FRAME_NONE};
    ck_assert_uint_eq(envelope_encode(&e, buf, sizeof buf), 0);
    e.kind = (enum frame_kind)KIND_MAX;
    ck_assert_uint_eq(envelope_encode(&e, buf, sizeof buf), 0);
    e.kind = (enum frame_kind) - 1;
    ck_assert_uint_eq(envelope_encode(&e, buf, sizeof buf), 0);
}
END_TEST

/* Every kind cut at every byte, and with one more, in memory of exactly that size. */
START_TEST(cut_and_longer_frames)
{
    for (int k = 1; k < KIND_MAX; k++) {
        struct envelope in = full((enum frame_kind)k), out;
        char buf[ENVELOPE_HEAD_MAX] = {0};
        size_t n = envelope_encode(&in, buf, sizeof buf);
        for (size_t size = 0; n && size <= n + 1; size++) {
            cleanup(free_drop) char *copy = malloc(size ? size : 1);
            memcpy(copy, buf, size);
            ck_assert_int_eq(envelope_decode(copy, size, &out), size == n ? 0 : -1);
        }
    }
    ck_assert_int_eq(envelope_decode(NULL, 0, &(struct envelope){0}), -1);
}
END_TEST

START_TEST(wrong_heads)
{
    struct envelope e = {.kind = FRAME_UNFOLLOW, .topic = "ab"}, out;
    char buf[16];
    size_t n = envelope_encode(&e, buf, sizeof buf);

    ck_assert_uint_eq(n, 6);
    buf[0] = 2;
    ck_assert_int_eq(envelope_decode(buf, n, &out), -1);
    buf[0] = 0;
    ck_assert_int_eq(envelope_decode(buf, n, &out), -1);
    buf[0] = ENVELOPE_VERSION;
    for (int k = 0; k < 256; k++) {
        buf[1] = (char)k;
        if (k != FRAME_UNFOLLOW && k != FRAME_GOODBYE) /* the same layout */
            ck_assert_int_eq(envelope_decode(buf, n, &out), -1);
    }
    buf[1] = FRAME_UNFOLLOW;
    buf[3] = '\0'; /* a NUL in the string */
    ck_assert_int_eq(envelope_decode(buf, n, &out), -1);
    buf[3] = 'a';
    buf[5] = 'x'; /* none behind it */
    ck_assert_int_eq(envelope_decode(buf, n, &out), -1);
    buf[5] = '\0';
    ck_assert_int_eq(envelope_decode(buf, n, &out), 0);
    ck_assert_str_eq(out.topic, "ab");
}
END_TEST

START_TEST(names)
{
    ck_assert_str_eq(envelope_kind_name(FRAME_REQUEST), "REQUEST");
    ck_assert_str_eq(envelope_kind_name(FRAME_NONE), "?");
    ck_assert_str_eq(envelope_kind_name((enum frame_kind)255), "?");
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("envelope");

    tcase_add_test(t, every_kind_comes_back);
    tcase_add_test(t, fields_of_a_request);
    tcase_add_test(t, layout_is_as_documented);
    tcase_add_test(t, null_strings_are_empty);
    tcase_add_test(t, what_does_not_fit_is_refused);
    tcase_add_test(t, cut_and_longer_frames);
    tcase_add_test(t, wrong_heads);
    tcase_add_test(t, names);
    return check_run("envelope", t);
}
