/* What comes from the provider: the stream's events become text. */
#include "chatd/upstream/exchange.h"

#include <string.h>

#include "chatd/upstream/engine.h"
#include "chatd/upstream/mend.h"
#include "common/clock.h"

#define ERROR_BODY_MAX 65536 /* bytes of an error's body that are read */

static bool is_success(int http)
{
    return http >= 200 && http < 300;
}

static void begin(struct exchange *x)
{
    struct transfer_head head = transfer_head(x->easy);

    x->http = head.http;
    if (!is_success(head.http))
        return;
    if (!head.stream) {
        x->cause = FAILURE_GARBAGE;
    } else if (!x->started && x->state != EXCHANGE_NAMELESS) {
        x->started = true;
        x->upstream->touched = true;
        if (x->hooks->on_started)
            x->hooks->on_started(x->owner_state, x->id);
    }
}

static void deliver(struct exchange *x)
{
    struct upstream *u = x->upstream;

    if (x->delta.size == 0)
        return;
    if (x->first_us == 0)
        x->first_us = x->heard_us;
    if (x->state == EXCHANGE_ASKING) {
        x->heard_late_us = u->late_us;
        exchange_move(x, EXCHANGE_ANSWERING);
        due_set(&u->due, &x->due, x->heard_us); /* works its limits out; not here, within curl */
    }
    x->delivered += x->delta.size;
    if (x->delivered > UPSTREAM_TEXT_MAX) {
        x->cause = FAILURE_TOO_BIG;
        return;
    }
    u->touched = true;
    if (x->hooks->on_delta)
        x->hooks->on_delta(x->owner_state, x->id, x->delta.data, x->delta.size);
    text_clear(&x->delta);
}

/* An id that can stand in a URL; others cannot be read again. */
static bool id_usable(const char *id)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";

    return id[0] && !id[strspn(id, allowed)];
}

/* Says which response this is, and how far it was read. */
static void place_note(struct exchange *x)
{
    struct upstream *u = x->upstream;

    if (!x->background || x->answer.sequence <= x->place_seq)
        return;
    if (!x->place_id[0] && id_usable(x->answer.id))
        answer_copy(x->place_id, sizeof x->place_id, x->answer.id);
    if (!x->place_id[0])
        return;
    x->place_seq = x->answer.sequence;
    if (x->state == EXCHANGE_NAMELESS)
        return;
    u->touched = true;
    if (u->hooks->on_place)
        u->hooks->on_place(x->owner_state, x->id, x->place_id, x->place_seq);
}

static bool take(void *state, const struct sse_event *e)
{
    struct exchange *x = state;
    struct sse_event mended = *e;

    mend_json(&x->scratch, &mended.data, &mended.size);
    if (!x->upstream->dialect->event(&x->answer, &mended, &x->delta))
        x->cause = FAILURE_GARBAGE;
    return x->cause == FAILURE_NONE && x->answer.state == ANSWER_OPEN;
}

static void read_stream(struct exchange *x, const char *data, size_t size)
{
    if (x->answer.state != ANSWER_OPEN)
        return;
    if (!sse_reader_feed(&x->reader, data, size, take, x))
        x->cause = FAILURE_TOO_BIG;
    place_note(x);
    if (x->state == EXCHANGE_NAMELESS)
        return;
    deliver(x);
    if (x->cause == FAILURE_NONE && x->answer.state != ANSWER_OPEN) {
        x->chain = x->upstream->ended;
        x->upstream->ended = x;
    }
}

size_t exchange_read(char *data, size_t one, size_t size, void *state)
{
    struct exchange *x = state;

    x->heard_us = clock_us();
    if (x->state == EXCHANGE_ANSWERING)
        x->heard_late_us = x->upstream->late_us;
    if (x->http == 0)
        begin(x);
    if (!is_success(x->http)) {
        size_t room = ERROR_BODY_MAX - x->error_body.size, n = one * size;
        text_add(&x->error_body, data, n < room ? n : room);
    } else if (x->cause == FAILURE_NONE) {
        read_stream(x, data, one * size);
    }
    if (x->state == EXCHANGE_NAMELESS && x->place_id[0])
        return 0; /* that was all that it was read for; exchange_over() follows */
    return x->cause == FAILURE_NONE ? one * size : 0;
}
