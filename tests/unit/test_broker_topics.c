/* gateway/broker: topics, their followers here and in daemons. */
#include <stdatomic.h>

#include "common/cleanup.h"
#include "common/events.h"
#include "common/text.h"
#include "tests/unit/broker_fixture.h"

/* What a follower saw. */
struct seen {
    atomic_int events, deltas;
    atomic_ullong cursor;
    char topic[64];
};

static void see(void *state, const struct event *e)
{
    struct seen *s = state;

    snprintf(s->topic, sizeof s->topic, "%s", e->topic);
    atomic_store(&s->cursor, e->cursor);
    if (e->what == EVENT_DELTA)
        atomic_fetch_add(&s->deltas, 1);
    atomic_fetch_add(&s->events, 1);
}

static void publish(struct peer *p, const char *topic, enum event_what what, uint64_t cursor)
{
    cleanup(text_drop) struct text t = {0};
    struct event e = {.topic = topic, .what = what, .cursor = cursor, .data = "x", .size = 1};
    struct envelope head = {.kind = FRAME_EVENT, .instance = p->instance, .count = 1};

    event_append(&t, &e);
    peer_send(p, &head, t.data, t.size);
}

/* The next FOLLOW or UNFOLLOW is about that topic. */
static void expect_topic(struct peer *p, enum frame_kind kind, const char *topic, int text)
{
    struct peer_message m;

    ck_assert(peer_expect(p, kind, WAIT_MS, &m));
    ck_assert_str_eq(m.e.topic, topic);
    ck_assert_int_eq(m.e.text, text);
    peer_message_drop(&m);
}

/* A new instance is told all topics of its service before it gets a request. */
START_TEST(follow_before_request)
{
    struct follower *f[20], *other;
    struct peer_message m;
    struct seen seen = {0};
    struct asked a;
    struct peer p;
    char topic[32];

    other = broker_follow(broker, SVC_PROJECT, "project", false, see, &seen);
    for (int i = 0; i < 20; i++) {
        snprintf(topic, sizeof topic, "turn:%d", i);
        f[i] = broker_follow(broker, SVC_CHAT, topic, false, see, &seen);
    }
    ask(&a, OP_turn_get);
    EVENTUALLY(state_of(SVC_CHAT).queued[LANE_FAST] == 1);
    peer_open(&p, fixture_dir, SVC_CHAT, "c1");
    p.mute = true;
    peer_ready(&p, 5);
    for (int i = 0; i < 20; i++) {
        ck_assert(peer_receive(&p, WAIT_MS, &m));
        ck_assert_int_eq(m.e.kind, FRAME_FOLLOW);
        ck_assert_int_eq(strncmp(m.e.topic, "turn:", 5), 0);
        peer_message_drop(&m);
    }
    ck_assert(peer_receive(&p, WAIT_MS, &m));
    ck_assert_int_eq(m.e.kind, FRAME_REQUEST);
    peer_reply(&p, m.e.id, DONE, "{}");
    peer_message_drop(&m);
    ck_assert_int_eq(answer_of(&a), DONE);
    ck_assert_uint_eq(stats_now().followers, 21);
    for (int i = 0; i < 20; i++) {
        broker_unfollow(broker, &f[i]);
        ck_assert_ptr_null(f[i]);
    }
    broker_unfollow(broker, &other);
    broker_unfollow(broker, &other);
    ck_assert_uint_eq(stats_now().followers, 0);
    peer_close(&p);
}
END_TEST

/* Who says READY again may have forgotten what we follow. */
START_TEST(ready_again)
{
    struct seen seen = {0};
    struct follower *f = broker_follow(broker, SVC_CHAT, "turn:1", true, see, &seen);
    struct peer p;

    peer_join(&p, SVC_CHAT, "c1", 1);
    for (int i = 0; i < 3; i++) {
        peer_ready(&p, 1);
        expect_topic(&p, FRAME_FOLLOW, "turn:1", 1);
    }
    broker_unfollow(broker, &f);
    peer_close(&p);
}
END_TEST

/* An EVENT directly behind the REPLY reaches the follower that the REPLY made, every time. */
START_TEST(on_turn_has_no_gap)
{
    struct bus_request req = request_of(OP_chat_create);
    struct peer p, other;
    struct seen seen;
    struct asked a;
    char topic[32];

    peer_join(&p, SVC_CHAT, "c1", 1);
    peer_join(&other, SVC_CHAT, "c2", 0);
    req.on_turn = see;
    req.on_turn_state = &seen;
    for (uint64_t i = 1; i <= 200; i++) {
        struct envelope e = {.kind = FRAME_REPLY, .http = 200, .turn_id = i};
        seen = (struct seen){0};
        ask_with(&a, &req);
        e.id = peer_take(&p);
        snprintf(topic, sizeof topic, "turn:%d", (int)i);
        peer_send(&p, &e, "{}", 2);
        publish(&p, topic, EVENT_DELTA, 1); /* text was not asked for */
        publish(&p, topic, EVENT_ENDED, 2);
        ck_assert_int_eq(answer_of(&a), DONE);
        ck_assert_ptr_nonnull(a.reply.follower);
        EVENTUALLY(atomic_load(&seen.events) == 1);
        ck_assert_str_eq(seen.topic, topic);
        ck_assert_uint_eq(atomic_load(&seen.cursor), 2);
        broker_unfollow(broker, &a.reply.follower);
        expect_topic(&other, FRAME_FOLLOW, topic, 0);
        expect_topic(&other, FRAME_UNFOLLOW, topic, 0);
        expect_topic(&p, FRAME_UNFOLLOW, topic, 0);
    }
    ck_assert_uint_eq(stats_now().events_dropped, 0);
    peer_close(&p);
    peer_close(&other);
}
END_TEST

/* The answering instance is told only what it does not do by itself: text. */
START_TEST(on_turn_tells)
{
    struct bus_request req = request_of(OP_chat_create);
    struct envelope e = {.kind = FRAME_REPLY, .http = 200, .turn_id = 9};
    struct seen seen = {0};
    struct peer p;
    struct asked a;

    peer_join(&p, SVC_CHAT, "c1", 1);
    req.on_turn = see;
    req.on_turn_state = &seen;
    ask_with(&a, &req);
    e.id = peer_take(&p);
    peer_send(&p, &e, "{}", 2);
    ck_assert_int_eq(answer_of(&a), DONE);
    ck_assert(peer_idle(&p));
    broker_unfollow(broker, &a.reply.follower);
    req.on_turn_text = true;
    ask_with(&a, &req);
    e.id = peer_take(&p);
    peer_send(&p, &e, "{}", 2);
    ck_assert_int_eq(answer_of(&a), DONE);
    ck_assert(peer_idle(&p)); /* the request said it */
    publish(&p, "turn:9", EVENT_DELTA, 1);
    EVENTUALLY(atomic_load(&seen.deltas) == 1);
    broker_unfollow(broker, &a.reply.follower);
    req.on_turn_text = false;
    ask_with(&a, &req);
    peer_reply(&p, peer_take(&p), NOT_FOUND, ""); /* no turn, nothing to follow */
    ck_assert_int_eq(answer_of(&a), NOT_FOUND);
    ck_assert_ptr_null(a.reply.follower);
    peer_close(&p);
}
END_TEST

/* The instances are asked for text while somebody wants it. */
START_TEST(text_is_asked_for)
{
    struct seen state = {0}, text = {0};
    struct follower *f, *g;
    struct peer p;

    peer_join(&p, SVC_CHAT, "c1", 1);
    f = broker_follow(broker, SVC_CHAT, "turn:1", false, see, &state);
    expect_topic(&p, FRAME_FOLLOW, "turn:1", 0);
    g = broker_follow(broker, SVC_CHAT, "turn:1", true, see, &text);
    expect_topic(&p, FRAME_FOLLOW, "turn:1", 1);
    publish(&p, "turn:1", EVENT_DELTA, 5);
    publish(&p, "turn:1", EVENT_STATE, 6);
    EVENTUALLY(atomic_load(&text.events) == 2);
    ck_assert_int_eq(atomic_load(&text.deltas), 1);
    EVENTUALLY(atomic_load(&state.events) == 1);
    ck_assert_int_eq(atomic_load(&state.deltas), 0);
    broker_unfollow(broker, &g);
    expect_topic(&p, FRAME_FOLLOW, "turn:1", 0);
    broker_unfollow(broker, &f);
    expect_topic(&p, FRAME_UNFOLLOW, "turn:1", 0);
    publish(&p, "turn:1", EVENT_STATE, 7); /* it has not heard yet: it is told again */
    expect_topic(&p, FRAME_UNFOLLOW, "turn:1", 0);
    ck_assert_uint_eq(stats_now().events_dropped, 1);
    ck_assert_int_eq(atomic_load(&state.events), 1);
    peer_close(&p);
}
END_TEST

/* A topic belongs to the service that publishes it. */
START_TEST(other_service)
{
    struct seen seen = {0};
    struct follower *f = broker_follow(broker, SVC_CHAT, "turn:1", false, see, &seen);
    struct peer p;

    peer_join(&p, SVC_FILE, "f1", 1);
    publish(&p, "turn:1", EVENT_ENDED, 1);
    publish(&p, "session", EVENT_REVOKED, 1);
    EVENTUALLY(stats_now().events_dropped == 2);
    ck_assert_int_eq(atomic_load(&seen.events), 0);
    broker_unfollow(broker, &f);
    peer_close(&p);
}
END_TEST

START_TEST(session_events)
{
    struct seen seen = {0};
    struct peer p, chat;

    peer_join(&p, SVC_AUTH, "a1", 1);
    peer_join(&chat, SVC_CHAT, "c1", 1);
    broker_on_session(broker, see, &seen);
    publish(&chat, "session", EVENT_REVOKED, 66);
    publish(&p, "session", EVENT_REVOKED, 77);
    EVENTUALLY(atomic_load(&seen.events) == 1);
    ck_assert_uint_eq(atomic_load(&seen.cursor), 77);
    EVENTUALLY(stats_now().events_dropped == 1);
    ck_assert_int_eq(atomic_load(&seen.events), 1);
    peer_close(&p);
    peer_close(&chat);
}
END_TEST

/* Several records in one message, of several topics. */
START_TEST(records_of_a_round)
{
    cleanup(text_drop) struct text t = {0};
    struct envelope head = {.kind = FRAME_EVENT, .count = 3};
    struct seen one = {0}, two = {0};
    struct follower *f = broker_follow(broker, SVC_CHAT, "turn:1", true, see, &one);
    struct follower *g = broker_follow(broker, SVC_CHAT, "turn:2", true, see, &two);
    struct peer p;

    peer_join(&p, SVC_CHAT, "c1", 1);
    for (int i = 0; i < 3; i++) {
        struct event e = {
            .topic = i % 2 ? "turn:2" : "turn:1", .what = EVENT_DELTA, .size = 5, .data = "hello"};
        event_append(&t, &e);
    }
    peer_send(&p, &head, t.data, t.size);
    EVENTUALLY(atomic_load(&one.deltas) == 2 && atomic_load(&two.deltas) == 1);
    broker_unfollow(broker, &f);
    broker_unfollow(broker, &g);
    peer_close(&p);
}
END_TEST

static void follow(struct peer *p, enum frame_kind kind, const char *topic)
{
    struct envelope e = {.kind = kind, .topic = topic};

    peer_send(p, &e, NULL, 0);
}

/* The records of one EVENT. */
static int events_count(struct peer *p, const char *topic)
{
    struct peer_message m;
    struct event e;
    size_t at = 0;
    int n = 0;

    ck_assert(peer_expect(p, FRAME_EVENT, WAIT_MS, &m));
    while (event_next(zmq_msg_data(&m.payload), zmq_msg_size(&m.payload), &at, &e) > 0) {
        ck_assert_str_eq(e.topic, topic);
        n++;
    }
    ck_assert_int_eq(n, (int)m.e.count);
    peer_message_drop(&m);
    return n;
}

/* Daemons follow each other through the broker, and hear nothing of what they said themselves. */
START_TEST(daemons_follow)
{
    struct peer one, two, project;
    int n = 0;

    peer_join(&one, SVC_CHAT, "c1", 1);
    peer_join(&two, SVC_CHAT, "c2", 1);
    peer_join(&project, SVC_PROJECT, "p1", 1);
    follow(&one, FRAME_FOLLOW, "queue");
    follow(&one, FRAME_FOLLOW, "queue");
    follow(&two, FRAME_FOLLOW, "queue");
    follow(&one, FRAME_FOLLOW, "project");
    expect_topic(&one, FRAME_FOLLOW, "queue", 0);
    expect_topic(&two, FRAME_FOLLOW, "queue", 0);
    expect_topic(&project, FRAME_FOLLOW, "project", 0);
    usleep(50000);
    for (int i = 0; i < 10; i++)
        publish(&two, "queue", EVENT_CHANGED, (uint64_t)i);
    while (n < 10)
        n += events_count(&one, "queue");
    ck_assert(peer_idle(&two));
    publish(&project, "project", EVENT_CHANGED, 1);
    ck_assert_int_eq(events_count(&one, "project"), 1);
    ck_assert(peer_idle(&two));
    follow(&one, FRAME_UNFOLLOW, "project");
    expect_topic(&project, FRAME_UNFOLLOW, "project", 0);
    follow(&one, FRAME_UNFOLLOW, "queue");
    usleep(50000);
    publish(&two, "queue", EVENT_CHANGED, 1);
    ck_assert(peer_idle(&one));
    peer_close(&one);
    peer_close(&two);
    peer_close(&project);
}
END_TEST

/* A daemon that is gone follows nothing. */
START_TEST(follower_is_gone)
{
    struct peer chat, again, project;

    peer_join(&chat, SVC_CHAT, "c1", 1);
    peer_join(&project, SVC_PROJECT, "p1", 1);
    follow(&chat, FRAME_FOLLOW, "project");
    expect_topic(&project, FRAME_FOLLOW, "project", 0);
    peer_join(&again, SVC_CHAT, "c1", 1); /* the earlier connection is over */
    expect_topic(&project, FRAME_UNFOLLOW, "project", 0);
    peer_close(&chat);
    peer_close(&again);
    peer_close(&project);
}
END_TEST

START_TEST(daemons_may_not_follow)
{
    struct peer chat, auth;

    peer_join(&chat, SVC_CHAT, "c1", 1);
    peer_join(&auth, SVC_AUTH, "a1", 1);
    follow(&chat, FRAME_FOLLOW, "session");
    follow(&chat, FRAME_FOLLOW, "turn:1");
    follow(&chat, FRAME_FOLLOW, "queues");
    follow(&chat, FRAME_FOLLOW, "project:1");
    follow(&auth, FRAME_FOLLOW, "queue");
    follow(&auth, FRAME_FOLLOW, "project");
    follow(&auth, FRAME_UNFOLLOW, "project");
    EVENTUALLY(stats_now().refused_peers == 7);
    ck_assert(peer_idle(&chat));
    peer_close(&chat);
    peer_close(&auth);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("topics");

    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, fixture_begin, fixture_end);
    tcase_add_test(tests, follow_before_request);
    tcase_add_test(tests, ready_again);
    tcase_add_test(tests, on_turn_has_no_gap);
    tcase_add_test(tests, on_turn_tells);
    tcase_add_test(tests, text_is_asked_for);
    tcase_add_test(tests, other_service);
    tcase_add_test(tests, session_events);
    tcase_add_test(tests, records_of_a_round);
    tcase_add_test(tests, daemons_follow);
    tcase_add_test(tests, follower_is_gone);
    tcase_add_test(tests, daemons_may_not_follow);
    return check_run("topics", tests);
}
