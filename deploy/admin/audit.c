/* Commands about the audit. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "authd/audit_chain.h"
#include "common/call.h"
#include "deploy/admin/as_authd.h"
#include "deploy/admin/commands.h"

/* The value of --head, NULL: it was not given.  False: that is no way to call it. */
static bool head_read(const struct console *con, const char **ret)
{
    const char *option = console_argument(con, 0), *hash = console_argument(con, 1);

    *ret = hash;
    if (!option)
        return true;
    return strcmp(option, "--head") == 0 && hash && strlen(hash) == 2 * DIGEST_SIZE &&
           strspn(hash, "0123456789abcdefABCDEF") == 2 * DIGEST_SIZE;
}

static void finding_print(const struct console *con, const struct audit_finding *f, bool missing)
{
    if (con->json && f->bad)
        printf("{\"ok\":false,\"bad\":%" PRId64 "}\n", f->bad);
    else if (con->json)
        printf("{\"ok\":%s,\"entries\":%" PRId64 "}\n", missing ? "false" : "true", f->entries);
    else if (f->bad)
        printf("bad %" PRId64 "\n", f->bad);
    else if (missing)
        printf("bad head\n");
    else
        printf("ok %" PRId64 " entries\n", f->entries);
}

static int verify(struct call *c, const struct conf *conf, const struct console *con)
{
    struct audit_finding f;
    const char *head;
    bool missing;
    int r;

    (void)conf;
    if (!head_read(con, &head))
        return refuse(c, BAD_INPUT, "head", "--head takes the 64 hexadecimal digits of a hash");
    r = audit_verify(c, head, &f);
    if (r)
        return r;
    missing = head && f.noted_at < 0;
    finding_print(con, &f, missing);
    if (f.bad)
        return refuse(c, CONFLICT, NULL, "the chain is broken at entry %" PRId64, f.bad);
    return missing ? refuse(c, CONFLICT, NULL,
                            "no entry has the hash of that head: entries are missing or others, or "
                            "they were cut off with age")
                   : DONE;
}

int command_verify_audit(const struct console *con)
{
    return as_authd(con, OP_audit_list, verify);
}
