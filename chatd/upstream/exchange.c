/* One call's requests: when they are sent, and how long they may take. */
#include "chatd/upstream/exchange.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "chatd/upstream/engine.h"
#include "common/cleanup.h"
#include "common/clock.h"

#define BIT(state) (1u << EXCHANGE_##state)

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

void exchange_move(struct exchange *x, enum exchange_state to)
{
    static const unsigned next[] = {
        [EXCHANGE_NEW] = BIT(WAITING) | BIT(ASKING) | BIT(OVER),
        [EXCHANGE_WAITING] = BIT(WAITING) | BIT(ASKING) | BIT(OVER),
        [EXCHANGE_ASKING] =
            BIT(ANSWERING) | BIT(WAITING) | BIT(LINGERING) | BIT(NAMELESS) | BIT(OVER),
        [EXCHANGE_ANSWERING] = BIT(WAITING) | BIT(LINGERING) | BIT(OVER),
        [EXCHANGE_LINGERING] = BIT(OVER),
        [EXCHANGE_NAMELESS] = BIT(OVER),
        [EXCHANGE_OVER] = 0,
    };

    assert(next[x->state] & (1u << to));
    x->upstream->nameless += (to == EXCHANGE_NAMELESS) - (x->state == EXCHANGE_NAMELESS);
    x->state = to;
}

struct exchange *exchange_new(struct upstream *u, struct upstream_call *call)
{
    struct exchange *x = calloc(1, sizeof *x);

    if (!x)
        abort();
    x->upstream = u;
    x->id = call->id;
    x->hooks = call->hooks ? call->hooks : u->hooks;
    x->owner_state = call->state;
    x->body = *call->body;
    *call->body = (struct text){0};
    if (call->traceparent)
        snprintf(x->trace_header, sizeof x->trace_header, "traceparent: %s", call->traceparent);
    x->background = call->background;
    x->place_seq = -1;
    if (call->response_id) {
        snprintf(x->place_id, sizeof x->place_id, "%s", call->response_id);
        x->place_seq = call->after;
    }
    x->first_limit_us = (int64_t)call->first_token_ms * 1000;
    x->idle_limit_us = (int64_t)call->idle_ms * 1000;
    x->begun_us = clock_us();
    x->deadline_us = x->begun_us + (int64_t)call->total_ms * 1000;
    answer_reset(&x->answer);
    return x;
}

void exchange_drop(struct exchange **xp)
{
    struct exchange *x = TAKE(*xp);

    if (!x)
        return;
    if (x->state != EXCHANGE_OVER)
        exchange_move(x, EXCHANGE_OVER);
    due_unset(&x->upstream->due, &x->due);
    exchange_release(x);
    sse_reader_drop(&x->reader);
    answer_drop(&x->answer);
    text_drop(&x->body);
    text_drop(&x->delta);
    text_drop(&x->scratch);
    text_drop(&x->error_body);
    free(x);
}

void exchange_release(struct exchange *x)
{
    CURL *easy = TAKE(x->easy);

    if (!easy)
        return;
    CURLMcode code = curl_multi_remove_handle(x->upstream->multi, easy);
    assert(code == CURLM_OK);
    if (x->follows)
        curl_easy_cleanup(easy);
    else
        transfer_put(&x->upstream->pool, easy);
}

static void forget_request(struct exchange *x)
{
    sse_reader_reset(&x->reader);
    answer_reset(&x->answer);
    text_clear(&x->delta);
    text_clear(&x->error_body);
    x->http = 0;
    x->cause = FAILURE_NONE;
    x->withheld = false;
    x->request_id[0] = '\0';
    x->retry_after_ms = -1;
}

/* curl calls it when a connection stands and nothing of the request is written.  What has ended
 * meanwhile is not asked any more, neither. */
static int before_request(void *state, char *ip, char *own_ip, int port, int own_port)
{
    struct exchange *x = state;

    (void)ip, (void)own_ip, (void)port, (void)own_port;
    x->withheld = !x->hooks || (x->hooks->may_ask && !x->hooks->may_ask(x->owner_state, x->id));
    return x->withheld ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

static void ask(struct exchange *x, int64_t now_us)
{
    struct upstream *u = x->upstream;

    forget_request(x);
    x->sent_us = x->heard_us = now_us;
    x->heard_late_us = u->late_us;
    x->retry.requests++;
    x->follows = x->place_id[0] != '\0';
    if (x->follows)
        x->easy = transfer_follow(&u->pool, x->place_id, x->place_seq, x);
    else
        x->easy = transfer_post(&u->pool, x->body.data, x->body.size, x);
    if (x->trace_header[0])
        transfer_header_add(x->easy, &u->site.post_headers[x->follows ? 1 : 0], x->trace_header,
                            &x->headers);
    transfer_ask_first(x->easy, before_request, x);
    CURLMcode code = curl_multi_add_handle(u->multi, x->easy);
    assert(code == CURLM_OK);
    exchange_move(x, EXCHANGE_ASKING);
    due_set(&u->due, &x->due, earlier(x->deadline_us, now_us + x->first_limit_us));
}

void exchange_wait(struct exchange *x, int64_t at_us)
{
    exchange_move(x, EXCHANGE_WAITING);
    due_set(&x->upstream->due, &x->due, at_us);
}

/* Sends the request, unless the provider wants a pause.  Those who waited for its end begin one
 * after the other within an eighth of it, at most a second. */
static void ask_or_pause(struct exchange *x, int64_t now_us)
{
    struct upstream *u = x->upstream;
    int64_t left = u->pause_until_us - now_us;

    if (left <= 0) {
        ask(x, now_us);
    } else if (u->pause_until_us >= x->deadline_us) {
        exchange_fail(x, FAILURE_PAUSED);
    } else {
        uint32_t spread = (uint32_t)earlier(left / 8, 1000000) + 1;
        exchange_wait(x, earlier(u->pause_until_us + engine_random(u) % spread, x->deadline_us));
    }
}

void exchange_begin(struct exchange *x)
{
    ask_or_pause(x, clock_us());
}

/* A limit of the provider's silence.  While this thread could not read, nobody was silent. */
static void due_silent(struct exchange *x, int64_t now_us, int64_t since_us, int64_t limit_us,
                       enum failure_cause cause)
{
    int64_t late = x->upstream->late_us - x->heard_late_us;
    int64_t limit = earlier(x->deadline_us, since_us + limit_us + late);

    if (now_us < limit)
        due_set(&x->upstream->due, &x->due, limit);
    else
        exchange_fail(x, now_us >= x->deadline_us ? FAILURE_TOTAL : cause);
}

void exchange_due(struct exchange *x, int64_t now_us)
{
    switch (x->state) {
    case EXCHANGE_WAITING:
        if (now_us >= x->deadline_us)
            exchange_fail(x, FAILURE_PAUSED);
        else
            ask_or_pause(x, clock_us());
        break;
    case EXCHANGE_ASKING:
        due_silent(x, now_us, x->sent_us, x->first_limit_us, FAILURE_FIRST_TOKEN);
        break;
    case EXCHANGE_ANSWERING:
        due_silent(x, now_us, x->heard_us, x->idle_limit_us, FAILURE_IDLE);
        break;
    case EXCHANGE_LINGERING:
    case EXCHANGE_NAMELESS:
        exchange_drop(&x);
        break;
    case EXCHANGE_NEW:
    case EXCHANGE_OVER:
        assert(!"an exchange without a due time");
    }
}
