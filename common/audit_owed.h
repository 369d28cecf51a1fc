#pragma once
/* Entries of the audit from daemons besides authd. */
#include <stdint.h>

struct call;

/*
 * Owes authd an entry, by the outbox, in the call's transaction: that the caller did this to one of
 * his things.  action: "project_deleted"; kind "project" and id 5 make "project:5".
 */
int audit_owed(struct call *c, const char *action, const char *kind, int64_t id)
    __attribute__((warn_unused_result));
