/* Settings from credentials, the environment and files. */
#include "common/conf_sources.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "common/conf_table.h"
#include "common/digest.h"
#include "common/env_file.h"
#include "common/fault.h"

#define FILE_MAX 262144 /* bytes of a file of settings */

/* A file's bytes; may hold secrets. */
struct content {
    char *data; /* size + 1 bytes; NULL: no file */
    size_t size;
    bool for_all; /* everybody can read it */
};

static void content_drop(struct content *c)
{
    if (c->data)
        secret_wipe(c->data, c->size);
    free(c->data);
    *c = (struct content){0};
}

/* Says that a file or directory gave an errno. */
static void failure_tell(const struct conf_sink *to, const char *path, int error)
{
    if (fault_may_pass(error))
        to->unread(to->state, path, strerror(error));
    else
        to->wrong(to->state, NULL, path, strerror(error));
}

/* Reads at most FILE_MAX bytes.  Returns 0, an errno, or EFBIG. */
static int content_fill(int fd, struct content *c)
{
    c->data = malloc(FILE_MAX + 1);
    if (!c->data)
        abort();
    for (;;) {
        ssize_t n = read(fd, c->data + c->size, FILE_MAX + 1 - c->size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno;
        if ((c->size += (size_t)n) > FILE_MAX)
            return EFBIG;
        if (n == 0)
            break;
    }
    c->data[c->size] = '\0';
    return 0;
}

/* Reads a file; one that does not exist leaves *ret empty.  False: *to was told why. */
static bool content_read(const char *path, const struct conf_sink *to, struct content *ret)
{
    cleanup(fd_drop) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    int error;

    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return true;
    if (fd < 0 || fstat(fd, &st) != 0) {
        failure_tell(to, path, errno);
        return false;
    }
    if (!S_ISREG(st.st_mode)) {
        to->wrong(to->state, NULL, path, "not a regular file");
        return false;
    }
    ret->for_all = st.st_mode & S_IROTH;
    error = content_fill(fd, ret);
    if (error)
        failure_tell(to, path, error);
    return !error;
}

void conf_from_credentials(const struct conf_sink *to)
{
    const char *directory = getenv("CREDENTIALS_DIRECTORY");

    for (int s = 0; directory && s < SET_COUNT; s++) {
        cleanup(content_drop) struct content c = {0};
        const char *name = setting_rows[s].name;
        char path[PATH_MAX], lower[64] = "";
        for (size_t i = 0; i < sizeof lower - 1 && name[i]; i++)
            lower[i] = (char)tolower((unsigned char)name[i]);
        if ((size_t)snprintf(path, sizeof path, "%s/%s", directory, lower) >= sizeof path)
            return to->wrong(to->state, NULL, "$CREDENTIALS_DIRECTORY", "the path is too long");
        if (!content_read(path, to, &c) || !c.data)
            continue;
        while (c.size && (c.data[c.size - 1] == '\n' || c.data[c.size - 1] == '\r'))
            c.data[--c.size] = '\0';
        if (strlen(c.data) != c.size)
            to->wrong(to->state, name, path, "it holds a NUL character");
        else
            to->value(to->state, (enum setting)s, c.data, path);
    }
}

void conf_from_environment(const struct conf_sink *to)
{
    for (int s = 0; s < SET_COUNT; s++) {
        const char *value = getenv(setting_rows[s].name);
        if (value)
            to->value(to->state, (enum setting)s, value, "environment");
    }
}

/* One line of a file. */
static void pair_take(const char *name, const char *value, const char *where, bool for_all,
                      bool *seen, const struct conf_sink *to)
{
    int s = setting_named(name);

    if (s < 0)
        return to->wrong(to->state, name, where, "no such setting");
    if (seen[s])
        return to->wrong(to->state, name, where, "given twice in this file");
    seen[s] = true;
    if (for_all && setting_rows[s].type == SETTING_SECRET && *value)
        to->exposed(to->state, (enum setting)s, where);
    to->value(to->state, (enum setting)s, value, where);
}

void conf_from_file(const char *path, const struct conf_sink *to)
{
    cleanup(content_drop) struct content c = {0};
    const char *name, *value, *why;
    bool seen[SET_COUNT] = {false};
    char where[PATH_MAX + 16];
    int more;

    if (!content_read(path, to, &c) || !c.data)
        return;
    for (struct env_reader r = {.data = c.data, .size = c.size};
         (more = env_next(&r, &name, &value, &why)) != 0;) {
        snprintf(where, sizeof where, "%.*s:%u", PATH_MAX, path, r.line);
        if (more > 0)
            pair_take(name, value, where, c.for_all, seen, to);
        else
            to->wrong(to->state, NULL, where, why);
    }
}

static int is_conf(const struct dirent *d)
{
    size_t n = strlen(d->d_name);

    return d->d_name[0] != '.' && n > 5 && strcmp(d->d_name + n - 5, ".conf") == 0;
}

static int last_first(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*b)->d_name, (*a)->d_name);
}

void conf_from_directory(const char *path, const struct conf_sink *to)
{
    struct dirent **entries = NULL;
    int count = scandir(path, &entries, is_conf, last_first);
    char file[PATH_MAX];

    if (count < 0 && errno != ENOENT && errno != ENOTDIR)
        failure_tell(to, path, errno);
    for (int i = 0; i < count; i++) {
        if ((size_t)snprintf(file, sizeof file, "%s/%s", path, entries[i]->d_name) < sizeof file)
            conf_from_file(file, to);
        else
            to->wrong(to->state, NULL, path, "the path is too long");
        free(entries[i]);
    }
    free(entries);
}
