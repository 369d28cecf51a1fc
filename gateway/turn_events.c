/* Answers that are events. */
#include "gateway/turn_events.h"

#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/fault.h"
#include "common/json.h"
#include "gateway/admit.h"
#include "gateway/auth.h"
#include "gateway/call.h"
#include "gateway/media.h"
#include "gateway/stream/cursor.h"
#include "gateway/stream/publisher.h"
#include "gateway/stream/sse.h"
#include "gateway/stream/streams.h"
#include "gateway/turn_ask.h"

#define ASK_MOST       131072 /* bytes of text that one answer brings */
#define ASK_AGAIN_MS   250    /* after a question that nobody could answer */
#define SILENCE_MAX_MS 10000  /* between two looks at a turn that waits far behind */

bool events_wanted(struct exchange *x)
{
    cleanup(json_drop) struct json_object *body = NULL;
    struct json_object *stream;
    const char *why;

    if (x->op->stream != STREAM_EVENTS)
        return false;
    if (x->body.size && json_parse(x->body.data, x->body.size, &body, &why) == DONE &&
        (stream = json_member(body, "stream")) && json_object_is_type(stream, json_type_boolean))
        return json_object_get_boolean(stream);
    return media_accepts(http_header(x->request, "Accept"), "text/event-stream");
}

/* ---- the client's thread while its stream runs ---- */

/* A turn that waits is told nothing of but by looking: the longer, the rarer. */
static void silence_set(struct reader *s)
{
    int64_t ms = TURN_SILENCE_MS;

    if (!s->turn) {
        s->watch.silence_ms = 3600000; /* of an account it says nothing */
        return;
    }
    pthread_mutex_lock(&s->lock);
    ms += s->position * 10;
    pthread_mutex_unlock(&s->lock);
    s->watch.silence_ms = ms < SILENCE_MAX_MS ? ms : SILENCE_MAX_MS;
}

/* Asks for what the stream misses.  False: nobody could tell. */
static bool stream_ask(struct exchange *x, struct reader *s)
{
    cleanup(json_drop) struct json_object *answer = NULL;
    uint32_t attempt;
    uint64_t bytes;
    int r;

    pthread_mutex_lock(&s->lock);
    attempt = s->at_attempt;
    bytes = s->at_bytes;
    pthread_mutex_unlock(&s->lock);
    streams_count(x->gateway->streams, STREAMS_ASKED);
    r = turn_ask(x, s->turn, attempt, bytes, ASK_MOST, &answer);
    if (r == DONE || r == NOT_FOUND)
        reader_answer(s, TAKE(answer));
    return r == DONE || r == NOT_FOUND;
}

/* Whether the session and the token's key still stand, as far as anybody can say. */
static void rights_look(struct exchange *x, struct reader *s)
{
    unsigned doubts;

    pthread_mutex_lock(&s->lock);
    doubts = s->doubts;
    s->doubts = 0;
    pthread_mutex_unlock(&s->lock);
    if ((doubts & DOUBT_KEY && auth_key_is_gone(x)) ||
        (doubts & DOUBT_SESSION && auth_session_is_over(x)))
        reader_end(s, READER_REVOKED);
}

static void pause_ms(int64_t ms)
{
    nanosleep(&(struct timespec){.tv_nsec = ms * 1000000}, NULL);
}

/* Until the stream's end. */
static void stream_attend(struct exchange *x, struct reader *s)
{
    for (;;) {
        enum turn_news news;
        bool wants, over;
        silence_set(s);
        news = turn_watch_wait(&s->watch, INT64_MAX);
        rights_look(x, s);
        pthread_mutex_lock(&s->lock);
        over = s->end != READER_RUNS;
        wants = s->wants;
        pthread_mutex_unlock(&s->lock);
        if (over)
            return;
        if (s->turn && (wants || news == TURN_SILENT) && !stream_ask(x, s)) {
            pause_ms(ASK_AGAIN_MS);
            turn_watch_call(&s->watch);
            turn_watch_asked(&s->watch);
        }
    }
}

/* The head, then events until the end; the connection ends with them. */
static int stream_run(struct exchange *x, struct reader *s)
{
    struct http_reply *reply = x->reply;

    reply->status = 200;
    reply->type = "text/event-stream";
    api_headers(x);
    http_reply_header(reply, "X-Accel-Buffering", "no");
    s->fd = http_stream_lend(x->request);
    if (s->fd < 0 || strcmp(x->request->method, "HEAD") == 0)
        return DONE;
    streams_publish(x->gateway->streams, s);
    stream_attend(x, s);
    return DONE;
}

static void stream_over(struct exchange *x, struct reader *s, struct follower **f)
{
    broker_unfollow(x->gateway->broker, f);
    if (s->publisher)
        publisher_remove(s);
    if (s->end == READER_SLOW)
        shutdown(s->fd, SHUT_RDWR); /* what it was sent will not be read */
    http_stream_returned(x->request, s->bytes);
    streams_leave(x->gateway->streams, s);
    reader_drop(s);
}

/* ---- a turn that is started ---- */

/* A repeat tells the first one's answer: what became of the turn is for chatd to say. */
static int started_read(struct exchange *x, struct reader *s, const struct bus_reply *reply)
{
    cleanup(json_drop) struct json_object *o = NULL;
    int64_t turn;
    const char *why;
    int r;

    if (!reply->body || json_parse(reply->body, reply->body_size, &o, &why) != DONE ||
        !(turn = json_i64(o, "turn_id", 0)))
        return FAULT("%s answered without a turn", x->op->name);
    x->problem.turn_id = (uint64_t)turn;
    if ((r = streams_turn(x->gateway->streams, x, s, turn)) != DONE)
        return r;
    turn_feed_accept(&s->feed, turn, json_i64(o, "conversation_id", 0),
                     json_i64(o, "message_id", 0), json_str(o, "model", ""));
    s->feed.wants = reply->replayed || !json_flag(o, "running", false);
    return DONE;
}

int turn_start_step(struct exchange *x)
{
    cleanup(bus_reply_drop) struct bus_reply reply = {0};
    struct bus_request request = call_request(x);
    struct reader s;
    int r;

    reader_init(&s, x->caller, x->session, 0);
    if ((r = streams_enter(x->gateway->streams, x, &s)) != DONE) {
        reader_drop(&s);
        return r;
    }
    admit_chat_end(x); /* a stream has a place of its own */
    request.on_turn = reader_event;
    request.on_turn_state = &s;
    request.on_turn_text = true;
    broker_call(x->gateway->broker, &request, &reply);
    r = reply.status == DONE ? started_read(x, &s, &reply) : call_refused(x, &reply);
    if (r == DONE) {
        call_headers(x, &reply);
        r = stream_run(x, &s);
    }
    stream_over(x, &s, &reply.follower);
    return r;
}

/* ---- a turn that is followed ---- */

/* Where the client has been.  DONE, or BAD_INPUT. */
static int cursor_read(struct exchange *x, const struct turn_events_in *in, uint64_t *ret)
{
    const char *header = http_header(x->request, "Last-Event-ID");

    *ret = (uint64_t)in->after;
    if (!header || !*header || cursor_parse(header, ret))
        return DONE;
    return problem(x, BAD_INPUT, "Last-Event-ID", "Last-Event-ID: is the id of no event");
}

static int events_input(struct exchange *x, struct turn_events_in *in, uint64_t *ret_cursor)
{
    const char *field = NULL, *why = NULL;
    char detail[200];
    int r = api_decode(x->op, x->params.data, x->params.size, NULL, in, &field, &why);

    if (r == BAD_INPUT) {
        snprintf(detail, sizeof detail, "%s: %s", field, why);
        return problem(x, r, field, detail);
    }
    return r == DONE ? cursor_read(x, in, ret_cursor) : r;
}

static int resume(struct exchange *x, struct reader *s, uint64_t cursor, bool *ret_over)
{
    cleanup(json_drop) struct json_object *state = NULL;
    bool by_header = http_header(x->request, "Last-Event-ID") != NULL;
    int r = turn_ask(x, s->turn, cursor_attempt(cursor), cursor_bytes(cursor), ASK_MOST, &state);

    if (r == DONE)
        r = turn_feed_resume(&s->feed, cursor, state, ret_over);
    if (cursor)
        streams_count(x->gateway->streams, STREAMS_RESUMED);
    if (r != BAD_INPUT)
        return r;
    return problem(x, r, by_header ? "Last-Event-ID" : "after",
                   "the turn has no event with that id");
}

static int turn_events(struct exchange *x)
{
    struct turn_events_in in = {0};
    struct follower *follower;
    struct reader s;
    uint64_t cursor = 0;
    char topic[32];
    bool over = false;
    int r = events_input(x, &in, &cursor);

    if (r != DONE)
        return r;
    reader_init(&s, x->caller, x->session, in.turn_id);
    if ((r = streams_enter(x->gateway->streams, x, &s)) != DONE) {
        reader_drop(&s);
        return r;
    }
    snprintf(topic, sizeof topic, "turn:%lld", (long long)in.turn_id);
    follower = broker_follow(x->gateway->broker, SVC_CHAT, topic, true, reader_event, &s);
    r = resume(x, &s, cursor, &over);
    if (r == DONE && over)
        json_reply(x, 204);
    else if (r == DONE)
        r = stream_run(x, &s);
    stream_over(x, &s, &follower);
    return r;
}

/* ---- an account ---- */

static int account_events(struct exchange *x)
{
    struct follower *follower;
    struct reader s;
    char topic[32];
    int r;

    reader_init(&s, x->caller, x->session, 0);
    if ((r = streams_enter(x->gateway->streams, x, &s)) != DONE) {
        reader_drop(&s);
        return r;
    }
    snprintf(topic, sizeof topic, "account:%lld", (long long)x->caller);
    follower = broker_follow(x->gateway->broker, SVC_CHAT, topic, true, reader_event, &s);
    sse_event(&s.out, "hello", SSE_NO_ID, "{}", 2);
    r = stream_run(x, &s);
    stream_over(x, &s, &follower);
    return r;
}

int events_step(struct exchange *x)
{
    return x->op->id == OP_account_events ? account_events(x) : turn_events(x);
}
