/* All connections of the process to its database, and how they end at once. */
#include "common/db_open.h"

#include <libpq-fe.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include "common/db.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct db_open *all;
static atomic_bool cut; /* and no use in trying to connect */

void db_open_add(struct db_open *o)
{
    pthread_mutex_lock(&lock);
    o->next = all;
    all = o;
    pthread_mutex_unlock(&lock);
}

void db_open_remove(struct db_open *o)
{
    pthread_mutex_lock(&lock);
    for (struct db_open **at = &all; *at; at = &(*at)->next) {
        if (*at == o) {
            *at = o->next;
            break;
        }
    }
    pthread_mutex_unlock(&lock);
}

void db_open_set(struct db_open *o, PGconn *pg)
{
    pthread_mutex_lock(&lock);
    o->pg = pg;
    pthread_mutex_unlock(&lock);
}

bool db_open_cut(void)
{
    return atomic_load(&cut);
}

bool db_answers(const struct db_config *c)
{
    const char *keys[] = {"dbname", "user", "connect_timeout", NULL};
    const char *values[] = {c->database, c->role, "2", NULL};
    bool answers = PQpingParams(keys, values, 1) == PQPING_OK;

    if (answers)
        atomic_store(&cut, false);
    return answers;
}

void db_cut_all(void)
{
    atomic_store(&cut, true);
    pthread_mutex_lock(&lock);
    for (struct db_open *o = all; o; o = o->next)
        if (o->pg && PQsocket(o->pg) >= 0)
            shutdown(PQsocket(o->pg), SHUT_RDWR);
    pthread_mutex_unlock(&lock);
}
