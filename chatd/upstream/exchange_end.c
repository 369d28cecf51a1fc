/* How requests and calls end, and what their owner is told. */
#include "chatd/upstream/exchange.h"

#include <assert.h>
#include <time.h>

#include "chatd/upstream/engine.h"
#include "chatd/upstream/mend.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/json.h"

#define LINGER_US    INT64_C(500000)   /* for the end of a complete answer's connection */
#define NAMELESS_US  INT64_C(10000000) /* for the name of a response that shall be cancelled */
#define PAUSE_MAX_US INT64_C(60000000) /* that one answer can put upon all calls */

static void end(struct exchange *x, struct upstream_result *r, enum exchange_state to)
{
    struct upstream *u = x->upstream;
    int64_t now = clock_us();
    char response_id[UPSTREAM_ID_MAX];

    mend_id(response_id, sizeof response_id, x->answer.id, u->site.key);
    if (x->place_id[0] && x->answer.state == ANSWER_OPEN &&
        (r->outcome == UPSTREAM_CANCELLED || r->outcome == UPSTREAM_FAILED))
        upstream_cancel_response(u, x->place_id);
    r->finish_reason = x->answer.finish_reason;
    r->response_id = response_id;
    r->request_id = x->request_id;
    r->usage = x->answer.usage;
    r->http = x->http;
    r->tries = retry_tries(&x->retry);
    r->first_us = x->first_us > 0 ? x->first_us - x->begun_us : -1;
    r->total_us = now - x->begun_us;
    engine_forget(u, x);
    u->touched = true;
    x->hooks->on_end(x->owner_state, x->id, r);
    exchange_move(x, to);
    x->hooks = NULL;
    if (to == EXCHANGE_OVER)
        exchange_drop(&x);
    else
        due_set(&u->due, &x->due, now + (to == EXCHANGE_LINGERING ? LINGER_US : NAMELESS_US));
}

/* Keeps what the answer's headers say, if any came. */
static void keep_head(struct exchange *x)
{
    const char *id = transfer_header(x->easy, "x-request-id");

    x->http = transfer_head(x->easy).http;
    mend_id(x->request_id, sizeof x->request_id, id ? id : "", x->upstream->site.key);
    x->retry_after_ms = retry_after(transfer_header(x->easy, "retry-after-ms"),
                                    transfer_header(x->easy, "retry-after"), time(NULL));
}

static void report(struct exchange *x, enum status status, const char *detail, int64_t again_ms)
{
    const struct upstream_hooks *hooks = x->hooks;

    if (!hooks->on_try)
        return;
    x->upstream->touched = true;
    hooks->on_try(x->owner_state, &(struct upstream_try){
                                      .id = x->id,
                                      .number = x->retry.requests,
                                      .http = x->http,
                                      .status = status,
                                      .detail = detail,
                                      .request_id = x->request_id,
                                      .first_us = x->first_us > 0 ? x->first_us - x->sent_us : -1,
                                      .total_us = clock_us() - x->sent_us,
                                      .again_ms = again_ms,
                                  });
}

/* The code and message in an error's body: {"error": {...}}, or the members themselves. */
static void read_error(struct exchange *x)
{
    cleanup(json_drop) struct json_object *o = NULL;
    const char *data = x->error_body.data, *why;
    size_t size = x->error_body.size;
    struct json_object *nested;

    if (size == 0)
        return;
    mend_json(&x->scratch, &data, &size);
    if (json_parse(data, size, &o, &why) != DONE)
        return;
    nested = json_member(o, "error");
    answer_error(&x->answer, nested ? nested : o);
}

static int should_retry(struct exchange *x)
{
    const char *s = transfer_header(x->easy, "x-should-retry");

    return !s ? -1 : s[0] == 't' ? 1 : s[0] == 'f' ? 0 : -1;
}

/* Whether the next request would begin the answer anew although some of it was delivered. */
static bool would_repeat(struct exchange *x)
{
    bool over = x->answer.state == ANSWER_FAILED; /* reading it again would say the same */

    if (over && x->first_us == 0 && x->body.size > 0) {
        x->place_id[0] = '\0';
        x->place_seq = -1;
    }
    return x->body.size == 0 ? over : x->first_us > 0 && (over || !x->place_id[0]);
}

static struct retry_step decide(struct exchange *x, const struct failure *f, int asked)
{
    struct upstream *u = x->upstream;
    struct retry_failure failure = {.again = f->again,
                                    .should_retry = asked,
                                    .after_ms = x->retry_after_ms,
                                    .token_seen = would_repeat(x)};
    struct retry_clock now = {
        .now_us = clock_us(), .deadline_us = x->deadline_us, .random = engine_random(u)};
    struct retry_step step = retry_decide(&x->retry, u->tries, &failure, &now);

    if (step.pause) {
        int64_t after = x->retry_after_ms * 1000; /* also when this call gives up */
        int64_t pause = step.wait_us > after ? step.wait_us : after;
        pause = pause < PAUSE_MAX_US ? pause : PAUSE_MAX_US;
        if (now.now_us + pause > u->pause_until_us)
            u->pause_until_us = now.now_us + pause;
    }
    return step;
}

static uint32_t seconds_to_wait(struct exchange *x, const struct failure *f)
{
    int64_t ms = x->retry_after_ms, pause = (x->upstream->pause_until_us - clock_us()) / 1000;

    if (f->status != UPSTREAM_RATE || !f->retryable)
        return 0;
    if (pause > ms)
        ms = pause;
    return ms > 0 ? (uint32_t)((ms + 999) / 1000) : 0;
}

void exchange_fail(struct exchange *x, enum failure_cause cause)
{
    struct failure f;
    struct retry_step step = {.again = false};
    bool sent = x->easy != NULL;
    int asked = -1;

    if (sent) {
        keep_head(x);
        asked = should_retry(x);
    }
    if (cause == FAILURE_HTTP)
        read_error(x);
    failure_judge(&f, cause, x->http, x->answer.code, x->answer.message.data,
                  x->answer.message.size, x->upstream->site.key);
    if (sent) {
        step = decide(x, &f, asked);
        report(x, f.status, f.detail, step.again ? step.wait_us / 1000 : -1);
        exchange_release(x);
    }
    if (step.again) {
        exchange_wait(x, clock_us() + step.wait_us);
        return;
    }
    end(x,
        &(struct upstream_result){.outcome = UPSTREAM_FAILED,
                                  .status = f.status,
                                  .retryable = f.retryable,
                                  .detail = f.detail,
                                  .retry_after_s = seconds_to_wait(x, &f)},
        EXCHANGE_OVER);
}

static void finish(struct exchange *x, enum exchange_state to)
{
    if (x->answer.state == ANSWER_FAILED) {
        exchange_fail(x, FAILURE_EVENT);
        return;
    }
    keep_head(x);
    report(x, DONE, "", -1);
    end(x,
        &(struct upstream_result){.outcome = x->answer.state == ANSWER_COMPLETED
                                                 ? UPSTREAM_COMPLETED
                                                 : UPSTREAM_INCOMPLETE,
                                  .detail = ""},
        to);
}

void exchange_complete(struct exchange *x)
{
    finish(x, EXCHANGE_LINGERING);
}

void exchange_over(struct exchange *x, CURLcode code)
{
    int http = transfer_head(x->easy).http;
    bool success = http >= 200 && http < 300;

    if (x->state == EXCHANGE_NAMELESS && x->place_id[0] && x->answer.state == ANSWER_OPEN)
        upstream_cancel_response(x->upstream, x->place_id);
    if (x->state == EXCHANGE_LINGERING || x->state == EXCHANGE_NAMELESS) {
        exchange_drop(&x);
        return;
    }
    if (x->withheld) {
        exchange_stop(x, UPSTREAM_ABANDONED);
        return;
    }
    if (x->cause == FAILURE_NONE && success && code == CURLE_OK) {
        x->upstream->dialect->end(&x->answer);
        if (x->answer.state != ANSWER_OPEN) {
            finish(x, EXCHANGE_OVER);
            return;
        }
        x->cause = FAILURE_NO_END;
    } else if (x->cause == FAILURE_NONE) {
        x->cause = http == 0                   ? transfer_cause(code)
                   : success                   ? FAILURE_BROKEN
                   : http == 404 && x->follows ? FAILURE_GONE
                                               : FAILURE_HTTP;
    }
    exchange_fail(x, x->cause);
}

/* It was asked for an answer in the background, and has not said which one that is: closing the
 * connection would not stop it, and nobody else could. */
static bool is_nameless(const struct exchange *x)
{
    return x->state == EXCHANGE_ASKING && !x->withheld && x->background && !x->place_id[0] &&
           !x->answer.id[0] && x->answer.state == ANSWER_OPEN && x->cause == FAILURE_NONE &&
           x->upstream->nameless < NAMELESS_MAX;
}

void exchange_stop(struct exchange *x, enum upstream_outcome outcome)
{
    bool cancelled = outcome == UPSTREAM_CANCELLED, nameless = is_nameless(x);

    if (x->withheld) {
        x->retry.requests--;
        exchange_release(x);
    } else if (x->easy) {
        keep_head(x);
        report(x, cancelled ? TURN_CANCELLED : INTERRUPTED, cancelled ? "cancelled" : "abandoned",
               -1);
        if (!nameless)
            exchange_release(x);
    }
    end(x, &(struct upstream_result){.outcome = outcome, .detail = ""},
        nameless ? EXCHANGE_NAMELESS : EXCHANGE_OVER);
}
