/* Daily token limits. */
#include "chatd/budget.h"

#include "chatd/context.h"
#include "chatd/queries.h"
#include "common/call.h"
#include "common/conf.h"
#include "common/db.h"

static int spent(struct call *c, const char *whose)
{
    int64_t seconds = 0;
    int r = db_get(c, Q_seconds_to_midnight, NO_ARGS, INTO(&seconds));

    if (r)
        return r;
    c->retry_after = (uint32_t)seconds;
    return refuse(c, TOKENS_SPENT, NULL,
                  "%s daily token limit is used up; it starts again in %lld s", whose,
                  (long long)seconds);
}

static int hold(struct call *c, int64_t account, int64_t tokens, int64_t limit, const char *whose)
{
    int64_t held;
    int r;

    if (!limit)
        return DONE;
    r = db_get(c, Q_budget_reserve, ARGS(account, tokens, limit), INTO(&held));
    return r == NOT_FOUND ? spent(c, whose) : r;
}

int budget_reserve(struct call *c, const struct conf *conf, const struct context *context,
                   int64_t input_tokens, int64_t *ret_reserved)
{
    int64_t mine = conf_i64(conf, SET_MAX_TOKENS_PER_USER_DAY);
    int64_t all = conf_i64(conf, SET_MAX_TOKENS_PER_DAY), tokens;
    int r;

    *ret_reserved = 0;
    if (!mine && !all)
        return DONE;
    tokens =
        input_tokens + (context->max_output_tokens ? context->max_output_tokens : BUDGET_OUTPUT);
    r = hold(c, 0, tokens, all, "the platform's");
    if (!r)
        r = hold(c, c->caller, tokens, mine, "your");
    *ret_reserved = tokens;
    return r;
}
