/* gateway/broker: uploads and downloads between HTTP threads and workers. */
#include <stdatomic.h>

#include "tests/unit/broker_fixture.h"

static char block[DATA_MAX];

static struct bus_request upload_request(void)
{
    struct bus_request req = request_of(OP_file_create);

    req.key = "k";
    return req;
}

static void window(struct peer *p, uint64_t id, uint32_t n)
{
    peer_send(p, &(struct envelope){.kind = FRAME_WINDOW, .id = id, .n = n}, NULL, 0);
}

static void data(struct peer *p, uint64_t id, uint32_t n, int last, size_t size)
{
    peer_send(p, &(struct envelope){.kind = FRAME_DATA, .id = id, .n = n, .last = (uint8_t)last},
              block, size);
}

static void stream(struct peer *p, uint64_t id)
{
    peer_send(p, &(struct envelope){.kind = FRAME_REPLY, .id = id, .http = 200, .stream = 1}, "{}",
              2);
}

/* The next DATA; its number is n. */
static size_t expect_data(struct peer *p, uint32_t n, int last)
{
    struct peer_message m;
    size_t size;

    ck_assert(peer_expect(p, FRAME_DATA, WAIT_MS, &m));
    ck_assert_uint_eq(m.e.n, n);
    ck_assert_uint_eq(m.e.last, last);
    size = zmq_msg_size(&m.payload);
    peer_message_drop(&m);
    return size;
}

static void expect_cancel(struct peer *p, uint64_t id)
{
    struct peer_message m;

    ck_assert(peer_expect(p, FRAME_CANCEL, WAIT_MS, &m));
    ck_assert_uint_eq(m.e.id, id);
    peer_message_drop(&m);
}

/* An upload in a thread of its own, as the HTTP threads do it. */
struct uploader {
    pthread_t thread;
    struct bus_request req;
    size_t size;
    bool passed;
    int status;
    atomic_size_t written;
};

static void *upload_run(void *state)
{
    struct uploader *u = state;
    struct broker_transfer *t = broker_transfer_begin(broker, &u->req);

    u->passed = broker_transfer_wait(t);
    for (size_t at = 0; u->passed && at < u->size;) {
        size_t n = u->size - at < 10000 ? u->size - at : 10000;
        u->passed = broker_transfer_write(t, block, n);
        at += n;
        atomic_store(&u->written, at);
    }
    u->passed = u->passed && broker_transfer_finish(t);
    u->status = broker_transfer_reply(t)->status;
    broker_transfer_end(&t);
    return NULL;
}

static void upload(struct uploader *u, size_t size)
{
    *u = (struct uploader){.req = upload_request(), .size = size};
    ck_assert_int_eq(pthread_create(&u->thread, NULL, upload_run, u), 0);
}

static int status_of(struct uploader *u)
{
    pthread_join(u->thread, NULL);
    return u->status;
}

START_TEST(upload_in_pieces)
{
    struct peer_message m;
    struct uploader u;
    struct peer p;
    uint64_t id;

    peer_join(&p, SVC_FILE, "f1", 1);
    upload(&u, 3 * DATA_MAX + 5);
    ck_assert(peer_expect(&p, FRAME_REQUEST, WAIT_MS, &m));
    ck_assert_uint_eq(m.e.stream, 1);
    id = m.e.id;
    peer_message_drop(&m);
    ck_assert(peer_idle(&p)); /* nothing before WINDOW */
    window(&p, id, 2);
    ck_assert_uint_eq(expect_data(&p, 1, DATA_MORE), DATA_MAX);
    ck_assert_uint_eq(expect_data(&p, 2, DATA_MORE), DATA_MAX);
    ck_assert(peer_idle(&p)); /* nothing behind it */
    window(&p, id, 10);
    ck_assert_uint_eq(expect_data(&p, 3, DATA_MORE), DATA_MAX);
    ck_assert_uint_eq(expect_data(&p, 4, DATA_LAST), 5);
    ck_assert_uint_eq(state_of(SVC_FILE).in_flight[LANE_BULK], 1);
    peer_reply(&p, id, DONE, "{}");
    ck_assert_int_eq(status_of(&u), DONE);
    ck_assert(u.passed);
    EVENTUALLY(state_of(SVC_FILE).in_flight[LANE_BULK] == 0);
    upload(&u, 0);
    id = peer_take(&p);
    window(&p, id, 8);
    ck_assert_uint_eq(expect_data(&p, 1, DATA_LAST), 0);
    peer_reply(&p, id, DONE, "{}");
    ck_assert_int_eq(status_of(&u), DONE);
    peer_close(&p);
}
END_TEST

/* At most the window and one piece that is being filled are held. */
START_TEST(upload_is_bounded)
{
    struct uploader u;
    struct peer p;
    uint64_t id;

    peer_join(&p, SVC_FILE, "f1", 1);
    upload(&u, 100 * DATA_MAX);
    id = peer_take(&p);
    window(&p, id, 8);
    for (uint32_t n = 1; n <= 8; n++)
        expect_data(&p, n, DATA_MORE);
    ck_assert(peer_idle(&p));
    ck_assert_uint_lt(atomic_load(&u.written), 9 * DATA_MAX + 10000);
    peer_reply(&p, id, LIMIT_REACHED, "");
    ck_assert_int_eq(status_of(&u), LIMIT_REACHED);
    ck_assert(!u.passed);
    peer_close(&p);
}
END_TEST

START_TEST(upload_refused_before_a_byte)
{
    struct uploader u;
    struct peer p;

    peer_join(&p, SVC_FILE, "f1", 1);
    upload(&u, 5);
    peer_reply(&p, peer_take(&p), CONFLICT, "");
    ck_assert_int_eq(status_of(&u), CONFLICT);
    ck_assert(!u.passed);
    peer_close(&p);
}
END_TEST

/* Before its first WINDOW an upload is sent again like any other request, after it never. */
START_TEST(upload_and_lost_workers)
{
    struct uploader u;
    struct peer p, q;
    uint64_t id;

    peer_join(&p, SVC_FILE, "f1", 1);
    upload(&u, 5);
    peer_take(&p);
    peer_join(&q, SVC_FILE, "f2", 1);
    peer_close(&p);
    peer_join(&p, SVC_FILE, "f1", 0); /* the same name again: the first one is dead */
    id = peer_take(&q);
    window(&q, id, 8);
    ck_assert_uint_eq(expect_data(&q, 1, DATA_LAST), 5);
    peer_close(&p);
    peer_close(&q);
    peer_join(&q, SVC_FILE, "f2", 1);
    ck_assert_int_eq(status_of(&u), UNAVAILABLE);
    ck_assert(peer_idle(&q));
    peer_close(&q);
}
END_TEST

START_TEST(upload_given_up)
{
    struct bus_request req = upload_request();
    struct broker_transfer *t;
    struct peer p;
    uint64_t id;

    peer_join(&p, SVC_FILE, "f1", 1);
    t = broker_transfer_begin(broker, &req);
    id = peer_take(&p);
    window(&p, id, 8);
    ck_assert(broker_transfer_wait(t));
    ck_assert(broker_transfer_write(t, block, 100));
    ck_assert(broker_transfer_flush(t));
    ck_assert_uint_eq(expect_data(&p, 1, DATA_MORE), 100);
    broker_transfer_end(&t);
    expect_cancel(&p, id);
    ck_assert_uint_eq(state_of(SVC_FILE).in_flight[LANE_BULK], 1);
    window(&p, id, 16); /* late */
    peer_reply(&p, id, UNAVAILABLE, "");
    EVENTUALLY(state_of(SVC_FILE).in_flight[LANE_BULK] == 0);
    peer_close(&p);
}
END_TEST

static struct broker_transfer *download(struct peer *p, struct bus_request *req, uint64_t *ret_id)
{
    struct broker_transfer *t;

    *req = request_of(OP_file_content);
    t = broker_transfer_begin(broker, req);
    *ret_id = peer_take(p);
    stream(p, *ret_id);
    ck_assert_int_eq(broker_transfer_reply(t)->status, DONE);
    ck_assert(broker_transfer_reply(t)->stream);
    ck_assert_str_eq(broker_transfer_reply(t)->body, "{}");
    ck_assert_uint_eq(state_of(SVC_FILE).in_flight[LANE_BULK], 1); /* until the last DATA */
    return t;
}

static uint32_t expect_window(struct peer *p)
{
    struct peer_message m;
    uint32_t n;

    ck_assert(peer_expect(p, FRAME_WINDOW, WAIT_MS, &m));
    n = m.e.n;
    peer_message_drop(&m);
    return n;
}

struct reader {
    pthread_t thread;
    struct broker_transfer *t;
    size_t size;
    int end;
};

static void *read_run(void *state)
{
    struct reader *r = state;
    const char *bytes;
    size_t n;

    while ((r->end = broker_transfer_read(r->t, &bytes, &n)) == 1)
        r->size += n;
    return NULL;
}

static void reader(struct reader *r, struct broker_transfer *t)
{
    *r = (struct reader){.t = t};
    ck_assert_int_eq(pthread_create(&r->thread, NULL, read_run, r), 0);
}

START_TEST(download_in_pieces)
{
    struct bus_request req;
    struct broker_transfer *t;
    struct reader r;
    struct peer p;
    uint64_t id;

    peer_join(&p, SVC_FILE, "f1", 1);
    t = download(&p, &req, &id);
    ck_assert(peer_idle(&p)); /* nobody reads yet */
    reader(&r, t);
    ck_assert_uint_eq(expect_window(&p), 8);
    for (uint32_t n = 1; n <= 20; n++) {
        data(&p, id, n, DATA_MORE, DATA_MAX);
        ck_assert_uint_eq(expect_window(&p), 8 + n);
    }
    data(&p, id, 21, DATA_LAST, 0);
    pthread_join(r.thread, NULL);
    ck_assert_int_eq(r.end, 0);
    ck_assert_uint_eq(r.size, 20 * DATA_MAX);
    EVENTUALLY(state_of(SVC_FILE).in_flight[LANE_BULK] == 0);
    broker_transfer_end(&t);
    peer_close(&p);
}
END_TEST

/* What a reader must not take for the whole. */
START_TEST(download_broken)
{
    static const struct {
        uint32_t n;
        int last;
        size_t size;
    } bad[] = {{2, DATA_BROKEN, 0}, {3, DATA_MORE, 1}, {1, DATA_MORE, 1}, {2, 7, 0}};
    struct bus_request req;
    struct reader r;
    struct peer p;
    uint64_t id;

    peer_join(&p, SVC_FILE, "f1", 10);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct broker_transfer *t = download(&p, &req, &id);
        reader(&r, t);
        expect_window(&p);
        data(&p, id, 1, DATA_MORE, 10);
        data(&p, id, bad[i].n, bad[i].last, bad[i].size);
        pthread_join(r.thread, NULL);
        ck_assert_int_eq(r.end, -1);
        if (!bad[i].last) {
            expect_cancel(&p, id);
            data(&p, id, 2, DATA_BROKEN, 0);
        }
        EVENTUALLY(state_of(SVC_FILE).in_flight[LANE_BULK] == 0);
        broker_transfer_end(&t);
    }
    peer_close(&p);
}
END_TEST

START_TEST(download_given_up_or_lost)
{
    struct bus_request req;
    struct broker_transfer *t;
    struct reader r;
    struct peer p, q;
    uint64_t id;

    peer_join(&p, SVC_FILE, "f1", 1);
    t = download(&p, &req, &id);
    broker_transfer_end(&t);
    expect_cancel(&p, id);
    ck_assert_uint_eq(state_of(SVC_FILE).in_flight[LANE_BULK], 1);
    data(&p, id, 1, DATA_BROKEN, 0);
    EVENTUALLY(state_of(SVC_FILE).in_flight[LANE_BULK] == 0);
    t = download(&p, &req, &id);
    reader(&r, t);
    expect_window(&p);
    peer_close(&p);
    peer_join(&q, SVC_FILE, "f1", 1);
    pthread_join(r.thread, NULL);
    ck_assert_int_eq(r.end, -1);
    broker_transfer_end(&t);
    peer_close(&q);
}
END_TEST

/* A request cancelled before its worker began to stream owes its last DATA all the same. */
START_TEST(late_stream)
{
    struct bus_request req = request_of(OP_file_content);
    struct broker_transfer *t;
    struct peer p;
    uint64_t id;

    peer_join(&p, SVC_FILE, "f1", 1);
    t = broker_transfer_begin(broker, &req);
    id = peer_take(&p);
    broker_transfer_end(&t);
    expect_cancel(&p, id);
    stream(&p, id);
    ck_assert(peer_idle(&p));
    ck_assert_uint_eq(state_of(SVC_FILE).in_flight[LANE_BULK], 1);
    data(&p, id, 1, DATA_BROKEN, 0);
    EVENTUALLY(state_of(SVC_FILE).in_flight[LANE_BULK] == 0);
    peer_close(&p);
}
END_TEST

START_TEST(the_broker_ends)
{
    struct bus_request req;
    struct broker_transfer *t;
    struct uploader u;
    struct reader r;
    struct peer p;
    uint64_t id;

    peer_join(&p, SVC_FILE, "f1", 4);
    t = download(&p, &req, &id);
    upload(&u, 5);
    peer_take(&p);
    reader(&r, t);
    expect_window(&p);
    /* broker_drop() waits for both: they must end by themselves */
    pthread_t dropper;
    ck_assert_int_eq(
        pthread_create(&dropper, NULL, (void *(*)(void *))(void (*)(void))broker_drop, &broker), 0);
    ck_assert_int_eq(status_of(&u), UNAVAILABLE);
    pthread_join(r.thread, NULL);
    ck_assert_int_eq(r.end, -1);
    broker_transfer_end(&t);
    pthread_join(dropper, NULL);
    peer_close(&p);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("transfers");

    tcase_set_timeout(tests, 30);
    tcase_add_checked_fixture(tests, fixture_begin, fixture_end);
    tcase_add_test(tests, upload_in_pieces);
    tcase_add_test(tests, upload_is_bounded);
    tcase_add_test(tests, upload_refused_before_a_byte);
    tcase_add_test(tests, upload_and_lost_workers);
    tcase_add_test(tests, upload_given_up);
    tcase_add_test(tests, download_in_pieces);
    tcase_add_test(tests, download_broken);
    tcase_add_test(tests, download_given_up_or_lost);
    tcase_add_test(tests, late_stream);
    tcase_add_test(tests, the_broker_ends);
    return check_run("transfers", tests);
}
