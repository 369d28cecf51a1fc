#pragma once
/* Commands that do what authd does: with its settings, role, statements and code. */
#include "proto/api.h"

struct call;
struct conf;
struct console;
struct db;

/* Its settings and a connection as its role, both the caller's; returns the exit status. */
int authd_connect(const struct console *con, struct conf **ret_conf, struct db **ret_db);

/* One command's work inside of the transaction; c->db is authd's. */
typedef int authd_work(struct call *c, const struct conf *conf, const struct console *con);

/*
 * Does it in one transaction, which is committed before anybody hears of it.  op: the operation
 * whose reply the work writes.  Returns the exit status.
 */
int as_authd(const struct console *con, enum op_id op, authd_work *work);
