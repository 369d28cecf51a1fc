#pragma once
/* The process' connections, for db_cut_all() of db.h.  Inside of db.c. */
#include <stdbool.h>

struct pg_conn;

struct db_open {
    struct db_open *next;
    struct pg_conn *pg; /* NULL: not connected */
};

void db_open_add(struct db_open *o);
void db_open_remove(struct db_open *o);
/* Its connection is another one, or, before the old one ends, none. */
void db_open_set(struct db_open *o, struct pg_conn *pg);
/* Whether all were cut, and nobody shall connect. */
bool db_open_cut(void);
