/* Commands about the audit. */
#include <inttypes.h>
#include <stdio.h>

#include "authd/audit_chain.h"
#include "common/call.h"
#include "deploy/admin/as_authd.h"
#include "deploy/admin/commands.h"

static int verify(struct call *c, const struct conf *conf, const struct console *con)
{
    int64_t entries = 0, bad = 0;
    int r = audit_verify(c, &entries, &bad);

    (void)conf;
    if (r)
        return r;
    if (bad) {
        printf(con->json ? "{\"ok\":false,\"bad\":%" PRId64 "}\n" : "bad %" PRId64 "\n", bad);
        return refuse(c, CONFLICT, NULL, "the chain is broken at entry %" PRId64, bad);
    }
    printf(con->json ? "{\"ok\":true,\"entries\":%" PRId64 "}\n" : "ok %" PRId64 " entries\n",
           entries);
    return DONE;
}

int command_verify_audit(const struct console *con)
{
    return as_authd(con, OP_audit_list, verify);
}
