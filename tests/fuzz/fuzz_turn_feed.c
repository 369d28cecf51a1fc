/*
 * A reader's events: ids as clients send them, and a turn that is told with losses, repeats, slow
 * readers, takeovers, and readers who come again.  Whatever happens, the text of each attempt is
 * told in order, nothing twice, nothing left out, and each id is the one of its place.
 */
#include <json-c/json.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/events.h"
#include "common/json.h"
#include "common/text.h"
#include "gateway/stream/cursor.h"
#include "gateway/stream/turn_feed.h"
#include "proto/api.h"
#include "tests/fuzz/fuzz.h"

#define TEXT_MAX (FEED_REST_MAX + 40000)

/* The turn as it is, and what the client has. */
static struct world {
    struct turn_feed feed;
    struct text out;
    uint32_t attempt;
    const char *end; /* the state that it ended in, NULL: it runs */
    size_t size, published;
    uint64_t id; /* of the client's last event */
    size_t got_size;
    bool gone, over;
    char text[TEXT_MAX], got[TEXT_MAX];
} w;

static void cursor_try(const uint8_t *data, size_t size)
{
    cleanup(free_drop) char *s = strndup((const char *)data, size);
    char again[24];
    uint64_t n;

    must(s != NULL);
    if (!cursor_parse(s, &n))
        return;
    snprintf(again, sizeof again, "%llu", (unsigned long long)n);
    must(strcmp(again, s) == 0 && n <= INT64_MAX);
}

/* ---- the client ---- */

static void delta_check(const char *data)
{
    struct json_object *o = json_tokener_parse(data), *text;
    size_t n;

    must(o && (text = json_member(o, "text")));
    n = (size_t)json_object_get_string_len(text);
    must(w.got_size + n <= w.size);
    memcpy(w.got + w.got_size, json_object_get_string(text), n);
    must(memcmp(w.got + w.got_size, w.text + w.got_size, n) == 0);
    w.got_size += n;
    must(w.id == cursor_make(w.attempt, w.got_size));
    json_object_put(o);
}

static void end_check(const char *name)
{
    w.over = true;
    if (w.gone && strcmp(name, "failed") == 0)
        return;
    must(w.end && strcmp(name, w.end) == 0 && w.got_size == w.size);
    must(w.id == cursor_make(w.attempt, w.size) + 1);
}

/* Takes what was written, as a client does. */
static void client_read(size_t room)
{
    unsigned long long id;
    char name[32];

    turn_feed_pump(&w.feed, room);
    for (char *at = w.out.data; at && *at;) {
        char *data = strstr(at, "data: "), *end = data ? strstr(data, "\n\n") : NULL;
        must(end && sscanf(at, "id: %llu\nevent: %31s\n", &id, name) == 2);
        *end = '\0';
        must(!w.over);
        w.id = id;
        if (strcmp(name, "restarted") == 0)
            w.got_size = 0;
        if (strcmp(name, "delta") == 0)
            delta_check(data + 6);
        if (turn_state_ended(name))
            end_check(name);
        at = end + 2;
    }
    text_clear(&w.out);
}

/* ---- what is told of the turn ---- */

/* Every fourth character or so has two bytes. */
static void grow(size_t count)
{
    for (size_t i = 0; i < count && w.size + 2 <= TEXT_MAX; i++) {
        size_t letter = (w.size + w.attempt) % 26;
        if (letter % 4 == 3)
            w.text[w.size++] = (char)0xc3;
        w.text[w.size++] = (char)(letter % 4 == 3 ? 0xa0 + letter : 'a' + letter);
    }
}

/* The nearest place that is not within a character. */
static size_t place(size_t at)
{
    while (at < w.size && at > 0 && ((unsigned char)w.text[at] & 0xc0) == 0x80)
        at--;
    return at;
}

/* Members of the turn with the text of [from, end). */
static void turn_put(struct text *json, size_t from, size_t end)
{
    text_printf(json, "\"id\":1,\"state\":\"%s\",\"attempt\":%u,\"model\":\"m\"",
                w.end ? w.end : "running", w.attempt);
    text_json_name(json, "text");
    text_json(json, w.text + from, end - from);
    if (w.end)
        text_puts(json, ",\"message_id\":3,\"usage\":{\"input_tokens\":1}");
    if (w.end && strcmp(w.end, "failed") == 0)
        text_puts(json, ",\"error\":{\"code\":\"upstream_cut\",\"retryable\":true}");
}

/* The answer of turn_look to a reader who is there, with at most so much text; owned by the caller.
 */
static struct json_object *look_at(uint32_t attempt, uint64_t taken, size_t most)
{
    cleanup(text_drop) struct text json = {0};
    struct json_object *o = NULL;
    bool known = attempt == w.attempt && taken <= w.size && place((size_t)taken) == taken;
    size_t from = known ? (size_t)taken : 0;
    size_t end = w.size - from < most ? w.size : place(from + most);
    const char *why;

    text_putc(&json, '{');
    turn_put(&json, from, end);
    text_member_i64(&json, "from", (int64_t)from);
    text_member_i64(&json, "size", (int64_t)w.size);
    text_puts(&json, ",\"finish_reason\":\"stop\"}");
    must(json_parse(json.data, json.size, &o, &why) == DONE);
    return o;
}

static void look(size_t most)
{
    cleanup(json_drop) struct json_object *o = look_at(w.feed.attempt, w.feed.taken, most);

    turn_feed_look(&w.feed, o);
}

/* It waits for a process, perhaps after an attempt. */
static void queued(uint8_t position)
{
    cleanup(json_drop) struct json_object *o = json_object_new_object();

    if (w.end)
        return;
    json_object_object_add(o, "state", json_object_new_string("queued"));
    json_object_object_add(o, "attempt", json_object_new_int64(w.attempt));
    json_object_object_add(o, "position", json_object_new_int64(position));
    turn_feed_look(&w.feed, o);
}

static void event(enum event_what what, uint32_t attempt, size_t end, const char *data, size_t size)
{
    turn_feed_event(&w.feed, &(struct event){.topic = "turn:1",
                                             .what = what,
                                             .attempt = attempt,
                                             .cursor = end,
                                             .data = data,
                                             .size = size});
}

static void ended_tell(void)
{
    cleanup(text_drop) struct text json = {0};

    text_puts(&json, "{\"turn\":{");
    turn_put(&json, 0, w.size);
    text_puts(&json, "},\"finish_reason\":\"stop\"}");
    event(EVENT_ENDED, w.attempt, 0, json.data, json.size);
}

/* ---- readers who come again ---- */

static void client_resumes(void)
{
    cleanup(json_drop) struct json_object *o =
        look_at(cursor_attempt(w.id), cursor_bytes(w.id), 1000);
    bool over;

    if (w.gone)
        return;
    turn_feed_drop(&w.feed);
    text_clear(&w.out);
    turn_feed_init(&w.feed, &w.out);
    must(turn_feed_resume(&w.feed, w.id, o, &over) == DONE);
    must(over == w.over);
}

/* With an id that may never have been told: nobody gets half a character, or an end that is none.
 */
static void stranger_resumes(uint64_t cursor, bool expired)
{
    cleanup(json_drop) struct json_object *o =
        look_at(cursor_attempt(cursor), cursor_bytes(cursor), SIZE_MAX);
    cleanup(text_drop) struct text out = {0};
    struct turn_feed feed;
    bool over;
    int status;

    if (expired)
        json_object_object_add(o, "expired", json_object_new_boolean(true));
    turn_feed_init(&feed, &out);
    status = turn_feed_resume(&feed, cursor, o, &over);
    must(status == (expired ? STREAM_EXPIRED : BAD_INPUT) || (status == DONE && !expired));
    must(!over || (w.end && cursor == cursor_make(w.attempt, w.size) + 1));
    turn_feed_pump(&feed, SIZE_MAX);
    must(!out.size || utf8_check(out.data, out.size));
    turn_feed_drop(&feed);
}

/* ---- what happens ---- */

static void end(uint8_t n)
{
    static const char *const ends[] = {"completed", "failed", "cancelled"};

    if (!w.end)
        w.end = ends[n / 2 % 3];
    if (n & 1)
        ended_tell();
}

/* The reader hears of a takeover before anything else is written. */
static void takeover(void)
{
    if (w.end || w.attempt > 100)
        return;
    client_read(SIZE_MAX);
    w.attempt++;
    w.size = w.published = 0;
}

/* New text is not told at once, so that a delta can be lost. */
static void step(uint8_t what, uint8_t n)
{
    what %= 13;
    if (w.over && what != 10 && what != 11)
        return;
    switch (what) {
    case 0:
        if (!w.end)
            grow(n < 250 ? n % 40 : 20000);
        break;
    case 1: /* a delta */
        event(EVENT_DELTA, w.attempt, w.size, w.text + w.published, w.size - w.published);
        w.published = w.size;
        break;
    case 2: /* a lost one */
        w.published = w.size;
        break;
    case 3:
        event(EVENT_STATE, w.attempt, w.size, "running", 7);
        break;
    case 4: /* a process that lost the turn; what it says before the reader heard of that is its own
             */
        if (w.attempt > 1 && w.feed.attempt == w.attempt)
            event(n & 1 ? EVENT_DELTA : EVENT_STATE, w.attempt - 1, 50, "zzzz", 4);
        break;
    case 5:
        look(n % 40 + 2);
        break;
    case 6:
        client_read(n < 250 ? n : SIZE_MAX);
        break;
    case 7:
        takeover();
        break;
    case 8:
        end(n);
        break;
    case 9:
        queued(n);
        break;
    case 10:
        client_resumes();
        break;
    case 11:
        stranger_resumes(cursor_make(n / 64u, n & 32 ? w.size + n % 4 : n % 32u), n == 255);
        break;
    case 12:
        if (n == 0) {
            w.gone = true;
            turn_feed_gone(&w.feed);
        } else { /* an end that cannot be read is asked for */
            event(EVENT_ENDED, w.attempt, 0, "{}", 2);
            must(w.feed.wants || w.feed.has_ended || w.feed.attempt > w.attempt);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cursor_try(data, size);
    memset(&w, 0, offsetof(struct world, text));
    w.attempt = 1;
    turn_feed_init(&w.feed, &w.out);
    turn_feed_accept(&w.feed, 1, 2, 3, "m");
    for (size_t i = 0; i + 1 < size && i < 2000; i += 2)
        step(data[i], data[i + 1]);
    end(0);
    for (int i = 0; i < 2000 && !w.over; i++) {
        look(100 + w.size / 100);
        client_read(SIZE_MAX);
    }
    must(w.over && (w.gone || w.got_size == w.size));
    turn_feed_drop(&w.feed);
    text_drop(&w.out);
    return 0;
}
