#pragma once
/* Commands that do what projectd does: with its settings, role, statements and code. */
struct conf;
struct console;
struct db;

/* Its settings and a connection as its role, both the caller's; returns the exit status. */
int projectd_connect(const struct console *con, struct conf **ret_conf, struct db **ret_db);
