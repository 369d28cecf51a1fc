/* The audit: entries of this daemon and of others. */
#include "authd/audit.h"

#include <inttypes.h>
#include <string.h>

#include "authd/queries.h"
#include "common/call.h"
#include "common/db.h"

int audit(struct call *c, const char *action, int64_t account, const char *object,
          const char *detail)
{
    bool is_console = c->address && strcmp(c->address, "console") == 0;
    int64_t actor = c->caller || is_console ? c->caller : account;

    return db_do(c, Q_audit_add,
                 ARGS(actor, account, action, object, detail, c->address ? c->address : ""));
}

int audit_of(struct call *c, const char *action, int64_t account, const char *kind, int64_t id,
             const char *detail)
{
    return audit(c, action, account, arena_printf(&c->arena, "%s:%" PRId64, kind, id), detail);
}

int audit_asked(struct call *c, const char *action, const char *address_key)
{
    return db_do(c, Q_audit_add_asked,
                 ARGS(c->caller, address_key, action, c->address ? c->address : ""));
}

int audit_append(struct call *c, const struct audit_append_in *in)
{
    int r = db_do(c, Q_audit_take,
                  ARGS(c->caller, c->caller, in->action, in->object, "",
                       in->has_address ? in->address : "", in->source, in->event_id, in->at));

    return r == NOT_FOUND ? DONE : r; /* it is there already */
}
