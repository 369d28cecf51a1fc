/* One client that reads events. */
#include "gateway/stream/reader.h"

#include <errno.h>
#include <json-c/json.h>
#include <string.h>
#include <sys/socket.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/events.h"
#include "common/json.h"
#include "gateway/stream/publisher.h"
#include "gateway/stream/sse.h"
#include "proto/api.h"

#define OUT_KEPT 16384 /* a buffer that grew beyond this is given back */

void reader_init(struct reader *s, int64_t caller, int64_t session, int64_t turn)
{
    *s = (struct reader){.caller = caller, .session = session, .turn = turn, .fd = -1};
    turn_watch_init(&s->watch);
    pthread_mutex_init(&s->lock, NULL);
    sem_init(&s->given_back, 0, 0);
    turn_feed_init(&s->feed, &s->out);
    sse_retry(&s->out, READER_RETRY_MS);
}

void reader_drop(struct reader *s)
{
    turn_watch_drop(&s->watch);
    pthread_mutex_destroy(&s->lock);
    sem_destroy(&s->given_back);
    turn_feed_drop(&s->feed);
    text_drop(&s->inbox);
    text_drop(&s->out);
    json_drop(&s->answer);
}

/* ---- from other threads ---- */

/* Under the lock; whether a publisher has to be told. */
static bool is_public(const struct reader *s)
{
    return s->publisher && !s->leaving;
}

void reader_event(void *state, const struct event *e)
{
    struct reader *s = state;
    bool tell;

    turn_watch_heard(&s->watch);
    pthread_mutex_lock(&s->lock);
    if (s->inbox.size + e->size > READER_INBOX_MAX)
        s->inbox_lost = true;
    else
        event_append(&s->inbox, e);
    tell = is_public(s);
    pthread_mutex_unlock(&s->lock);
    if (tell)
        publisher_queue(s);
}

void reader_answer(struct reader *s, struct json_object *answer)
{
    bool tell;

    turn_watch_asked(&s->watch);
    pthread_mutex_lock(&s->lock);
    json_drop(&s->answer);
    s->answer = answer;
    s->is_gone = !answer;
    s->wants = false;
    tell = is_public(s);
    pthread_mutex_unlock(&s->lock);
    if (tell)
        publisher_queue(s);
}

void reader_end(struct reader *s, enum reader_end end)
{
    pthread_mutex_lock(&s->lock);
    if (!s->end)
        s->end = end;
    pthread_mutex_unlock(&s->lock);
    turn_watch_call(&s->watch);
}

/* ---- the publisher ---- */

/* {"event":"turn","turn_id":...}: the event's name, and the rest as its data. */
static void change_tell(struct reader *s, const struct event *e)
{
    cleanup(json_drop) struct json_object *o = NULL;
    const char *why, *name, *text;
    char kept[32];

    if (json_parse(e->data, e->size, &o, &why) != DONE)
        return;
    name = json_str(o, "event", "");
    if (!*name || strlen(name) >= sizeof kept || name[strspn(name, "abcdefghijklmnopqrstuvwxyz_")])
        return;
    memcpy(kept, name, strlen(name) + 1);
    json_object_object_del(o, "event");
    text =
        json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
    sse_event(&s->out, kept, SSE_NO_ID, text, strlen(text));
    s->events++;
}

static void records_take(struct reader *s, const struct text *records)
{
    struct event e;
    size_t at = 0;

    while (event_next(records->data, records->size, &at, &e) == 1) {
        if (s->turn)
            turn_feed_event(&s->feed, &e);
        else if (e.what == EVENT_CHANGED)
            change_tell(s, &e);
    }
}

/* What has come in since the last time. */
static void inbox_take(struct reader *s)
{
    cleanup(text_drop) struct text records = {0};
    cleanup(json_drop) struct json_object *answer = NULL;
    bool lost, gone;

    pthread_mutex_lock(&s->lock);
    records = s->inbox;
    s->inbox = (struct text){0};
    answer = TAKE(s->answer);
    lost = s->inbox_lost;
    gone = s->is_gone;
    s->inbox_lost = false;
    pthread_mutex_unlock(&s->lock);
    if (records.size)
        records_take(s, &records);
    if (!s->turn)
        return;
    if (lost && !s->feed.has_ended)
        s->feed.wants = true;
    if (answer)
        turn_feed_look(&s->feed, answer);
    if (gone)
        turn_feed_gone(&s->feed);
}

/* The connection is full: what it has taken makes room. */
static void out_wait(struct reader *s, bool moved, int64_t now)
{
    if (moved || !s->blocked_us)
        s->blocked_us = now;
    if (s->out_at < READER_ROOM)
        return;
    memmove(s->out.data, s->out.data + s->out_at, s->out.size - s->out_at + 1);
    s->out.size -= s->out_at;
    s->out_at = 0;
}

/* Writes what the connection takes; false when it takes no more for now, or never. */
static bool out_send(struct reader *s, int64_t now)
{
    bool moved = false;

    while (s->out_at < s->out.size) {
        ssize_t n = send(s->fd, s->out.data + s->out_at, s->out.size - s->out_at,
                         MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK)
            reader_end(s, READER_LEFT);
        if (n < 0) {
            out_wait(s, moved, now);
            return false;
        }
        moved = true;
        s->out_at += (size_t)n;
        s->bytes += (uint64_t)n;
    }
    s->blocked_us = 0;
    s->out_at = 0;
    if (s->out.capacity > OUT_KEPT)
        text_drop(&s->out);
    text_clear(&s->out);
    return true;
}

static void sent_count(struct reader *s)
{
    uint64_t events = s->events + s->feed.told;

    publisher_count(s->publisher, s->bytes - s->counted_bytes, events - s->counted_events);
    s->counted_bytes = s->bytes;
    s->counted_events = events;
}

/* Tells the client's thread what is missing, once nothing waits before it. */
static void wants_tell(struct reader *s)
{
    bool call;

    pthread_mutex_lock(&s->lock);
    call = s->feed.wants && !turn_feed_waiting(&s->feed) && !s->wants && !s->answer;
    s->wants |= call;
    s->at_attempt = s->feed.attempt;
    s->at_bytes = s->feed.taken;
    s->position = s->feed.position;
    pthread_mutex_unlock(&s->lock);
    if (call)
        turn_watch_call(&s->watch);
}

void reader_pump(struct reader *s, int64_t now)
{
    bool told = false, end;

    pthread_mutex_lock(&s->lock);
    end = s->end != READER_RUNS;
    pthread_mutex_unlock(&s->lock);
    if (end)
        return;
    inbox_take(s);
    do
        told = s->turn && turn_feed_pump(&s->feed, s->out_at + READER_ROOM);
    while (out_send(s, now) && s->turn && turn_feed_waiting(&s->feed));
    sent_count(s);
    if (told && !s->out.size)
        reader_end(s, READER_TOLD);
    else if (s->turn)
        wants_tell(s);
}

void reader_hung_up(struct reader *s)
{
    reader_end(s, READER_LEFT);
}

void reader_tick(struct reader *s, int64_t now)
{
    if (s->blocked_us && now - s->blocked_us > READER_STALL_US) {
        reader_end(s, READER_SLOW);
        return;
    }
    if (now >= s->beat_due_us) {
        s->beat_due_us += READER_BEAT_US;
        sse_comment(&s->out);
        reader_pump(s, now);
    }
}
