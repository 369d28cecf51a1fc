/* Whether a failed request is sent again, and when. */
#include "chatd/upstream/retry.h"

#include <curl/curl.h>
#include <stdlib.h>

#define FIRST_US       INT64_C(500000)
#define LAST_US        INT64_C(8000000)
#define PAUSE_FIRST_US INT64_C(50000)
#define DAY_MS         INT64_C(86400000)

static int64_t doubled(int64_t first, int times)
{
    int64_t t = first;

    while (times-- > 0 && t < LAST_US)
        t *= 2;
    return t < LAST_US ? t : LAST_US;
}

int retry_tries(const struct retry *r)
{
    return r->requests - r->pauses;
}

static int64_t pause_us(struct retry *r, int64_t after_ms)
{
    int64_t least = doubled(PAUSE_FIRST_US, r->pauses), asked = after_ms * 1000;

    r->pauses++;
    return asked > least ? asked : least;
}

static int64_t backoff_us(const struct retry *r, uint32_t random)
{
    int64_t most = doubled(FIRST_US, retry_tries(r) - 1);

    return most - (int64_t)(random % (uint32_t)(most / 4));
}

static enum again settled(const struct retry_failure *f)
{
    if (f->again == AGAIN_NEVER || f->token_seen || f->should_retry == 0)
        return AGAIN_NEVER;
    if (f->again == AGAIN_ASKED)
        return f->should_retry == 1 ? AGAIN_LATER : AGAIN_NEVER;
    return f->again;
}

struct retry_step retry_decide(struct retry *r, int tries, const struct retry_failure *f,
                               const struct retry_clock *c)
{
    struct retry_step step = {.again = false};
    enum again again = settled(f);

    if (again == AGAIN_NEVER)
        return step;
    step.pause = again == AGAIN_PAUSE;
    if (step.pause && f->after_ms >= 0) {
        if (r->pauses >= RETRY_PAUSES_MAX)
            return step;
        step.wait_us = pause_us(r, f->after_ms);
    } else {
        if (retry_tries(r) >= tries)
            return step;
        step.wait_us = f->after_ms >= 0 ? f->after_ms * 1000 : backoff_us(r, c->random);
    }
    step.again = c->now_us + step.wait_us < c->deadline_us;
    return step;
}

/* A number that is not negative, as milliseconds; -1 for others. */
static int64_t number_ms(const char *s, double unit)
{
    char *end;
    double v = strtod(s, &end) * unit;

    while (*end == ' ' || *end == '\t')
        end++;
    if (end == s || *end || !(v >= 0))
        return -1;
    return v < (double)DAY_MS ? (int64_t)v : DAY_MS;
}

int64_t retry_after(const char *milliseconds, const char *seconds, int64_t wall)
{
    int64_t ms = milliseconds ? number_ms(milliseconds, 1) : -1;

    if (ms < 0 && seconds)
        ms = number_ms(seconds, 1000);
    if (ms < 0 && seconds) {
        int64_t date = curl_getdate(seconds, NULL);
        if (date >= 0)
            ms = date <= wall ? 0 : date - wall < DAY_MS / 1000 ? (date - wall) * 1000 : DAY_MS;
    }
    return ms;
}
