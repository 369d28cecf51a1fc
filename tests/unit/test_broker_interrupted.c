/* gateway/broker: a signal in the middle of reading leaves nothing unread. */
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>

#include "tests/unit/broker_fixture.h"

static atomic_int interruptions; /* of the broker's next readings */
static pthread_t tests;
static int (*real_recv)(zmq_msg_t *, void *, int);

/* In the place of ZeroMQ's: the program's own name wins over the library's.  The socket has seen
 * that there is a message, and tells nobody of it again. */
int zmq_msg_recv(zmq_msg_t *m, void *socket, int flags)
{
    if (!pthread_equal(pthread_self(), tests) && atomic_load(&interruptions) > 0) {
        int events;
        size_t size = sizeof events;
        zmq_getsockopt(socket, ZMQ_EVENTS, &events, &size);
        atomic_fetch_sub(&interruptions, 1);
        errno = EINTR;
        return -1;
    }
    return real_recv(m, socket, flags);
}

static void begin(void)
{
    *(void **)&real_recv = dlsym(RTLD_NEXT, "zmq_msg_recv");
    tests = pthread_self();
    fixture_begin();
}

/* Nobody sends anything after the one reply: what it does not read now, it never does. */
START_TEST(reads_on)
{
    struct asked a;
    struct peer p;
    uint64_t id;

    peer_join(&p, SVC_PROJECT, "p1", 4);
    ask(&a, OP_project_get);
    id = peer_take(&p);
    atomic_store(&interruptions, _i);
    peer_reply(&p, id, DONE, "{\"id\":5}");
    ck_assert_int_eq(answer_of(&a), DONE);
    ck_assert_int_eq(atomic_load(&interruptions), 0);
    ck_assert_int_lt(a.took_ms, WAIT_MS);
    peer_close(&p);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("broker");

    tcase_add_checked_fixture(t, begin, fixture_end);
    tcase_add_loop_test(t, reads_on, 1, 4);
    return check_run("broker_interrupted", t);
}
