/*
 * A reader's events: ids as clients send them, and a turn that is told with losses, repeats, slow
 * readers and takeovers.  Whatever happens, the text of each attempt is told in order, nothing
 * twice, nothing left out, and each id is the one of its place.
 */
#include <json-c/json.h>
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

#define TEXT_MAX 4000

/* The turn as it is, and what the client has. */
struct world {
    struct turn_feed feed;
    struct text out;
    uint32_t attempt;
    char text[TEXT_MAX];
    size_t size, published;
    char got[TEXT_MAX];
    size_t got_size;
    bool ended, over;
};

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

static void delta_check(struct world *w, unsigned long long id, const char *data)
{
    struct json_object *o = json_tokener_parse(data), *text;

    must(o && (text = json_member(o, "text")));
    must(w->got_size + (size_t)json_object_get_string_len(text) <= w->size);
    memcpy(w->got + w->got_size, json_object_get_string(text),
           (size_t)json_object_get_string_len(text));
    w->got_size += (size_t)json_object_get_string_len(text);
    must(id == cursor_make(w->attempt, w->got_size));
    must(memcmp(w->got, w->text, w->got_size) == 0);
    json_object_put(o);
}

/* Takes what was written, as a client does. */
static void client_read(struct world *w, size_t room)
{
    unsigned long long id;
    char name[32];

    turn_feed_pump(&w->feed, room);
    for (char *at = w->out.data; at && *at;) {
        char *data = strstr(at, "data: "), *end = data ? strstr(data, "\n\n") : NULL;
        must(end && sscanf(at, "id: %llu\nevent: %31s\n", &id, name) == 2);
        *end = '\0';
        must(!w->over);
        if (strcmp(name, "restarted") == 0)
            w->got_size = 0;
        if (strcmp(name, "delta") == 0)
            delta_check(w, id, data + 6);
        if (strcmp(name, "completed") == 0) {
            must(w->ended && w->got_size == w->size);
            must(id == cursor_make(w->attempt, w->size) + 1);
            w->over = true;
        }
        at = end + 2;
    }
    text_clear(&w->out);
}

static void look(struct world *w, size_t most)
{
    struct text json = {0};
    struct json_object *o = NULL;
    size_t from = w->feed.attempt == w->attempt && w->feed.taken <= w->size ? w->feed.taken : 0;
    size_t n = w->size - from < most ? w->size - from : most;
    const char *why;

    text_printf(&json, "{\"id\":1,\"state\":\"%s\",\"attempt\":%u,\"model\":\"m\",\"from\":%zu",
                w->ended ? "completed" : "running", w->attempt, from);
    text_json_name(&json, "text");
    text_json(&json, w->text + from, n);
    text_member_i64(&json, "size", (int64_t)w->size);
    text_putc(&json, '}');
    must(json_parse(json.data, json.size, &o, &why) == DONE);
    turn_feed_look(&w->feed, o);
    json_object_put(o);
    text_drop(&json);
}

static void event(struct world *w, enum event_what what, uint32_t attempt, size_t end,
                  const char *data, size_t size)
{
    turn_feed_event(&w->feed, &(struct event){.topic = "turn:1",
                                              .what = what,
                                              .attempt = attempt,
                                              .cursor = end,
                                              .data = data,
                                              .size = size});
}

static void ended_tell(struct world *w)
{
    struct text json = {0};

    text_printf(&json, "{\"turn\":{\"state\":\"completed\",\"attempt\":%u", w->attempt);
    text_json_name(&json, "text");
    text_json(&json, w->text, w->size);
    text_puts(&json, "},\"finish_reason\":\"stop\"}");
    event(w, EVENT_ENDED, w->attempt, 0, json.data, json.size);
    text_drop(&json);
}

/* New text is not told at once, so that a delta can be lost. */
static void step(struct world *w, uint8_t what, uint8_t n)
{
    size_t more = n % 40;

    switch (what % 9) {
    case 0:
        for (size_t i = 0; !w->ended && i < more && w->size < TEXT_MAX; i++)
            w->text[w->size++] = (char)('a' + (w->size + w->attempt) % 26);
        break;
    case 1: /* a delta */
        event(w, EVENT_DELTA, w->attempt, w->size, w->text + w->published, w->size - w->published);
        w->published = w->size;
        break;
    case 2: /* a lost one */
        w->published = w->size;
        break;
    case 3:
        event(w, EVENT_STATE, w->attempt, w->size, "running", 7);
        break;
    case 4: /* a process that lost the turn; what it says before the reader heard of that is its own
             */
        if (w->attempt > 1 && w->feed.attempt == w->attempt)
            event(w, n & 1 ? EVENT_DELTA : EVENT_STATE, w->attempt - 1, 50, "zzzz", 4);
        break;
    case 5:
        look(w, more + 1);
        break;
    case 6:
        client_read(w, n);
        break;
    case 7: /* a takeover; the reader hears of it before anything else is written */
        if (w->ended || w->attempt > 100)
            break;
        client_read(w, SIZE_MAX);
        w->attempt++;
        w->size = w->published = 0;
        break;
    case 8:
        w->ended = true;
        if (n & 1)
            ended_tell(w);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct world w;

    cursor_try(data, size);
    w = (struct world){.attempt = 1};
    turn_feed_init(&w.feed, &w.out);
    turn_feed_accept(&w.feed, 1, 2, 3, "m");
    for (size_t i = 0; i + 1 < size && i < 2000; i += 2)
        step(&w, data[i], data[i + 1]);
    w.ended = true;
    for (int i = 0; i < 2000 && !w.over; i++) {
        look(&w, 100);
        client_read(&w, SIZE_MAX);
    }
    must(w.over && w.got_size == w.size);
    turn_feed_drop(&w.feed);
    text_drop(&w.out);
    return 0;
}
