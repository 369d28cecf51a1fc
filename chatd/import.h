#pragma once
/*
 * Conversations that come as files.  A file is read a piece at a time into a table of its own, and
 * becomes a conversation in one transaction, or nothing of it stays.
 */
#include <stdint.h>

struct call;

/* Reads the call's upload into the table; what conversation_import_prepare() does once the caller
 * may use the project.  Sets c->prepared and its hooks. */
int import_read(struct call *c, int64_t project_id) __attribute__((warn_unused_result));

/* A periodic task: deletes what crashes left in the table. */
int imports_sweep(struct call *c);
