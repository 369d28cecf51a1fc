#pragma once
/*
 * What every daemon is made of.  A daemon is one struct service: service_main() reads the settings,
 * connects to the database and to every gateway, runs the lanes' workers, tells systemd, and drains
 * on SIGTERM.
 */
#include "common/conf.h"
#include "proto/api.h"

struct call;
struct daemon;
struct event;
struct meters;
struct query;
struct text;

/* Work that a daemon does by the clock, on a worker of the WRITE lane, inside a transaction. */
struct task {
    const char *name; /* NULL ends the table */
    int every_ms;
    int (*run)(struct call *c); /* convention of common/fault.h */
};

struct service {
    const char *name;               /* "projectd": log tag, database role */
    enum svc svc;                   /* SVC_*: what the broker routes to us */
    const char *schema;             /* "project" */
    int schema_version;             /* number of the newest migration this code knows */
    const struct handler *handlers; /* by op id */
    const struct query *queries;    /* of every lane's connections */
    int workers[LANE_COUNT];        /* threads per lane; FAST is 0 or 1 (pipelined) */
    const struct task *tasks;       /* or NULL */
    const struct meter *meters;     /* the daemon's own, see common/meters.h; or NULL */

    bool outbox; /* runs a relay for its outbox */

    /* All optional.  Threads of a lane where a setting decides; at most the number above. */
    int (*workers_of)(const struct conf *conf, enum lane lane);
    /* Its own look at its settings, see conf_check_with(). */
    enum setting (*check)(const struct conf *conf, const char **reterr_why);
    /* start: when the database answers, before READY; its *ret_state is daemon_state().  DONE; a
     * fault; or BAD_INPUT when a setting is wrong (logged), which makes the exit code 78. */
    int (*start)(struct daemon *d, void **ret_state);
    /* Three steps to the end.  drain: after GOODBYE and the last reply; finish what runs.  Late
     * requests may still come in.  hand_over: after the last call; end the threads, which may still
     * publish, and give to others what is left.  stop: after the bus; free the state. */
    void (*drain)(void *state);
    void (*hand_over)(void *state);
    void (*stop)(void *state);
    /* After SIGHUP changed settings: takes over those that it keeps elsewhere.  On the main thread,
     * while the others work. */
    void (*reload)(const struct conf *conf, void *state);
    /* Topics of other daemons that it follows; NULL ends the list. */
    const char *const *follows;
    /* A word for PING, shown by /health. */
    const char *(*note)(void *state);
    /* An event of a followed topic, on the bus thread: copy and wake only. */
    void (*event)(void *state, const struct event *e);
};

/* Runs the daemon until SIGTERM or SIGINT.  Returns the exit code: 0, 1 run time, 2 usage, 78
 * settings. */
int service_main(const struct service *s, int argc, char **argv);

const struct conf *daemon_conf(const struct daemon *d);
void *daemon_state(const struct daemon *d);
/* This process' name on the bus: random per start, 16 hex digits. */
const char *daemon_instance(const struct daemon *d);
/* What it counts; NULL in tests. */
struct meters *daemon_meters(const struct daemon *d);

/* Whether, while the process ends, its database does not answer. */
bool daemon_database_gone(const struct daemon *d);

/* A connection of its own for a thread of the daemon.  Owned by the caller (db_close). */
struct db;
int daemon_db(struct daemon *d, struct db **ret) __attribute__((warn_unused_result));

/*
 * Publishes event records to the gateways that follow their topic ("session": to all).  Never
 * blocks; what does not fit is dropped.  Records of one round travel together.  Any thread.
 */
void daemon_publish(struct daemon *d, const struct event *e);
/* The same for several records, as event_append() writes them; all or none, in one message. */
void daemon_publish_all(struct daemon *d, const struct text *records);
