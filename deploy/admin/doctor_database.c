/* doctor: the database, by the statements of doctor.def. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <time.h>

#include "authd/schema.h"
#include "chatd/schema.h"
#include "common/cleanup.h"
#include "common/conf.h"
#include "common/db.h"
#include "deploy/admin/connect.h"
#include "deploy/admin/doctor.h"
#include "deploy/admin/finding.h"
#include "filed/schema.h"
#include "projectd/schema.h"

#define FREE_MIN (UINT64_C(1) << 30)

enum {
    DATA_DIRECTORY,
#define CHECK(name, sql) CHECK_##name,
#include "deploy/admin/doctor.def"
    CHECK_COUNT
};

static const struct query queries[] = {
    {"data_directory", "SELECT current_setting('data_directory')"},
/* $1 to $5 may be missing in a statement, but not in what it is given. */
#define CHECK(name, sql)                                                                     \
    {#name, "SELECT c.* FROM (" sql ") c (level, found, remedy), (SELECT $1::int, $2::int, " \
            "$3::int, $4::int, $5::float8) given"},
#include "deploy/admin/doctor.def"
    {0},
};

static void disk_look(const char *check, const char *directory)
{
    struct statvfs s;
    uint64_t free_bytes;

    if (statvfs(directory, &s) != 0)
        return; /* another host's, or not ours to see */
    free_bytes = (uint64_t)s.f_bavail * s.f_frsize;
    finding(free_bytes < FREE_MIN ? FINDING_BAD : FINDING_OK, check,
            "make room, or move it to a larger disk: PostgreSQL stops when it has none",
            "%llu MiB are free at %s", (unsigned long long)(free_bytes >> 20), directory);
}

int doctor_clock(const struct console *con)
{
    (void)con;
    struct timex t = {0};
    bool kept = adjtimex(&t) != TIME_ERROR && !(t.status & STA_UNSYNC);

    finding(kept ? FINDING_OK : FINDING_WARN, "clock_kept",
            "timedatectl set-ntp true, or another service that keeps the time",
            "this host's clock is %s", kept ? "kept right" : "not kept right by anybody");
    return EXIT_SUCCESS;
}

static void check_run(struct db *db, int check)
{
    cleanup(rows_drop) struct pg_result *rows = NULL;
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    if (db_run(db, check,
               ARGS(AUTH_SCHEMA_VERSION, PROJECT_SCHEMA_VERSION, CHAT_SCHEMA_VERSION,
                    FILE_SCHEMA_VERSION, (double)now.tv_sec + (double)now.tv_nsec / 1e9),
               &rows)) {
        finding(FINDING_BAD, queries[check].name, "see the line above", "it cannot be looked at");
        return;
    }
    for (int i = 0; i < rows_count(rows); i++)
        finding_named(rows_str(rows, i, 0), queries[check].name, rows_str(rows, i, 2),
                      rows_str(rows, i, 1));
}

int doctor_database(const struct console *con)
{
    static const struct identity superuser = {
        .svc = SVC_AUTH, .role = "postgres", .schema = "auth", .queries = queries};
    cleanup(conf_drop) struct conf *conf = NULL;
    cleanup(db_close) struct db *db = NULL;
    cleanup(rows_drop) struct pg_result *rows = NULL;
    int r = console_connect(con, &superuser, &conf, &db);

    if (r == CONF_EXIT_SETTINGS)
        return r;
    if (r) {
        finding(FINDING_BAD, "database",
                "start PostgreSQL (systemctl start postgresql), look at DATABASE, and run "
                "chatbot-admin migrate",
                "it does not answer, or its schemas are not complete");
        return EXIT_SUCCESS;
    }
    if (!db_run(db, DATA_DIRECTORY, NO_ARGS, &rows))
        disk_look("database_disk", rows_str(rows, 0, 0));
    for (int check = DATA_DIRECTORY + 1; check < CHECK_COUNT; check++)
        check_run(db, check);
    return EXIT_SUCCESS;
}

int doctor_reach(const struct console *con, enum svc svc)
{
    static const int versions[] = {[SVC_AUTH] = AUTH_SCHEMA_VERSION,
                                   [SVC_PROJECT] = PROJECT_SCHEMA_VERSION,
                                   [SVC_CHAT] = CHAT_SCHEMA_VERSION,
                                   [SVC_FILE] = FILE_SCHEMA_VERSION};
    cleanup(conf_drop) struct conf *conf = NULL;
    cleanup(db_close) struct db *db = NULL;
    const char *schema = api_svc_name(svc);
    char role[16];
    int r;

    snprintf(role, sizeof role, "%sd", schema);
    const struct identity daemon = {.svc = svc,
                                    .role = role,
                                    .schema = schema,
                                    .schema_version = versions[svc],
                                    .queries = queries};
    r = console_connect(con, &daemon, &conf, &db);
    if (r == CONF_EXIT_SETTINGS)
        return r;
    finding(r ? FINDING_BAD : FINDING_OK, "database_reach",
            "look at DATABASE, the role's password, and pg_hba.conf and the firewall there; "
            "deploy/migrate brings its schemas up to date",
            "%s %s the database on another host", role, r ? "does not get to" : "gets to");
    if (!r)
        check_run(db, CHECK_clock);
    return EXIT_SUCCESS;
}
