/* Accounts that are gone: held against their erasure. */
#include "common/account_ref.h"

#include <inttypes.h>

#include "common/call.h"
#include "common/db.h"

int account_hold(struct call *c, int hold, int add)
{
    bool gone = false;
    int r = db_get(c, hold, ARGS(c->caller), INTO(&gone));

    if (r == NOT_FOUND) { /* the first time */
        r = db_do(c, add, ARGS(c->caller));
        if (!r || r == NOT_FOUND)
            r = db_get(c, hold, ARGS(c->caller), INTO(&gone));
    }
    return r ? r : gone ? UNAUTHORIZED : DONE;
}

int erased_answer(struct call *c, bool more, int64_t wait_s)
{
    text_printf(&c->out, "{\"more\":%s,\"wait\":%" PRId64 "}", more ? "true" : "false", wait_s);
    return DONE;
}
