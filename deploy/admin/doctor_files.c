/* doctor: directories and files of the daemons, and their modes. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "authd/signing_keys.h"
#include "common/cleanup.h"
#include "common/conf.h"
#include "common/db.h"
#include "deploy/admin/as_authd.h"
#include "deploy/admin/commands.h"
#include "deploy/admin/doctor.h"
#include "deploy/admin/finding.h"

static void room_look(const struct conf *conf, const char *directory)
{
    int64_t least = conf_i64(conf, SET_MIN_FREE_BYTES);
    struct statvfs s;
    int64_t room;

    if (statvfs(directory, &s) != 0)
        return;
    room = (int64_t)(s.f_bavail * s.f_frsize);
    finding(room < least       ? FINDING_BAD
            : room < 2 * least ? FINDING_WARN
                               : FINDING_OK,
            "files_disk", "make room: uploads get 507 below MIN_FREE_BYTES",
            "%lld MiB are free in BLOB_DIR", (long long)(room >> 20));
}

int doctor_files(const struct console *con)
{
    cleanup(conf_drop) struct conf *conf = NULL;
    const char *directory;
    struct stat s;
    int r = conf_load(SVC_FILE, "chatbot-admin", con->option_count, con->options, &conf);

    if (r)
        return r;
    directory = conf_str(conf, SET_BLOB_DIR);
    if (stat(directory, &s) != 0 || access(directory, R_OK | W_OK | X_OK) != 0) {
        finding(FINDING_BAD, "files_directory", "make it, owned by filed's user, mode 0700",
                "BLOB_DIR=%s: %s", directory, strerror(errno));
        return EXIT_SUCCESS;
    }
    finding(s.st_mode & 077 ? FINDING_BAD : FINDING_OK, "files_directory",
            "chmod 700 it: it holds what people uploaded", "BLOB_DIR=%s has mode %04o", directory,
            s.st_mode & 07777);
    room_look(conf, directory);
    return EXIT_SUCCESS;
}

/* Whether the secret opens what was sealed under it.  Nothing stays of this. */
static void secret_try(const struct console *con)
{
    cleanup(conf_drop) struct conf *conf = NULL;
    cleanup(db_close) struct db *db = NULL;
    cleanup(signing_key_drop) struct signing_key *key = NULL;
    int r = authd_connect(con, &conf, &db);

    if (!r)
        r = db_begin(db);
    if (r) {
        finding(FINDING_BAD, "secret_opens", "see what is said of the database",
                "whether SECRET_KEY opens the keys cannot be told: no database");
        return;
    }
    r = signing_key_open(db, conf_str(conf, SET_SECRET_KEY), conf_str(conf, SET_SECRET_KEY_FILE),
                         &key);
    db_rollback(db);
    finding(r ? FINDING_BAD : FINDING_OK, "secret_opens",
            "put back the one that they were sealed under: backups hold it",
            "SECRET_KEY %s the keys that sign tokens", r ? "does not open" : "opens");
}

int doctor_accounts(const struct console *con)
{
    cleanup(conf_drop) struct conf *conf = NULL;
    const char *file;
    struct stat s;
    int r = conf_load(SVC_AUTH, "chatbot-admin", con->option_count, con->options, &conf);

    if (r)
        return r;
    file = conf_str(conf, SET_SECRET_KEY_FILE);
    if (conf_given(conf, SET_SECRET_KEY))
        finding(FINDING_OK, "secret", NULL, "SECRET_KEY is given");
    else if (!*file || stat(file, &s) != 0)
        finding(FINDING_BAD, "secret", "put back the one that the keys were sealed under",
                "there is neither SECRET_KEY nor SECRET_KEY_FILE");
    else
        finding(s.st_mode & 077 ? FINDING_BAD : FINDING_OK, "secret", "chmod 600 it",
                "SECRET_KEY_FILE has mode %04o", s.st_mode & 07777);
    if (conf_given(conf, SET_SECRET_KEY) || (*file && access(file, R_OK) == 0))
        secret_try(con);
    finding(FINDING_OK, "mail_server", NULL, "%s",
            conf_given(conf, SET_MAIL_URL)  ? "MAIL_URL is given"
            : *conf_str(conf, SET_MAIL_DIR) ? "mails are written to files"
                                            : "mail is off, admins reset passwords; MAIL_URL and "
                                              "MAIL_FROM turn it on");
    finding(FINDING_OK, "passwords", NULL,
            "accepted: 8 to 256 characters with a letter and a digit, but for the 10,000 most "
            "common ones");
    return EXIT_SUCCESS;
}
