/* Entries of the audit: owed to authd, by the outbox. */
#include "common/audit_owed.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/call.h"
#include "common/daemon.h"
#include "common/fault.h"

static int64_t now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return t.tv_sec * INT64_C(1000000) + t.tv_nsec / 1000;
}

int audit_owed(struct call *c, const char *action, const char *kind, int64_t id)
{
    char data[512], text[80];
    struct params params = {.data = data, .capacity = sizeof data};
    const char *source = c->daemon->service ? c->daemon->service->schema : "";
    bool fits;

    snprintf(text, sizeof text, "%s:%" PRId64, kind, id);
    fits = params_add(&params, "source", source, strlen(source)) &&
           params_add(&params, "action", action, strlen(action)) &&
           params_add(&params, "object", text, strlen(text));
    snprintf(text, sizeof text, "%" PRId64, now_us());
    fits = fits && params_add(&params, "at", text, strlen(text));
    if (fits && c->address && *c->address)
        fits = params_add(&params, "address", c->address, strlen(c->address));
    if (!fits)
        return FAULT("an entry of the audit does not fit");
    snprintf(text, sizeof text, "audit of account:%" PRId64, c->caller);
    return outbox_add(c, OP_audit_append, text, &params);
}
