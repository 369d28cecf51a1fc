/* keygen: a new SECRET_KEY, or a BUS_KEY and the public key that belongs to it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/curve.h"
#include "common/digest.h"
#include "deploy/admin/ask.h"
#include "deploy/admin/commands.h"
#include "deploy/admin/usage.h"

#define KEY_SIZE 32
#define HEX_SIZE (2 * KEY_SIZE + 1)

static void key_make(char hex[HEX_SIZE])
{
    unsigned char key[KEY_SIZE];

    random_bytes(key, sizeof key);
    hex_encode(key, sizeof key, hex);
    secret_wipe(key, sizeof key);
}

/* The key in a file that is there; *reterr_why: NULL, or why not. */
static void key_read(int fd, char hex[HEX_SIZE], const char **reterr_why)
{
    struct curve_key key;
    struct stat st;
    char end[2];

    *reterr_why = NULL;
    if (fd < 0 || fstat(fd, &st))
        *reterr_why = strerror(errno);
    else if (st.st_mode & 077)
        *reterr_why = "others may read it; chmod 600 helps";
    else if (read(fd, hex, HEX_SIZE - 1) != HEX_SIZE - 1 ||
             !curve_key_read(hex, HEX_SIZE - 1, &key) ||
             (read(fd, end, sizeof end) != 0 && end[0] != '\n'))
        *reterr_why = "it holds no key of the bus";
}

static void public_of(const char hex[HEX_SIZE], char ret[HEX_SIZE])
{
    struct curve_key secret, open;
    bool good = curve_key_read(hex, HEX_SIZE - 1, &secret);

    if (!good)
        abort();
    curve_public_of(&secret, &open);
    hex_encode(open.bytes, sizeof open.bytes, ret);
}

/* open: the public key; "": there is none. */
static void tell(const struct console *con, const char *path, const char *secret, const char *open)
{
    if (con->json && path)
        printf("{\"file\":\"%s\"", path);
    else if (con->json)
        printf("{\"key\":\"%s\"", secret);
    else if (!path)
        printf(*open ? "secret %s\n" : "%s\n", secret);
    else if (!*open)
        printf("%s: a new secret\n", path);
    if (con->json)
        printf(*open ? ",\"public\":\"%s\"}\n" : "%s}\n", open);
    else if (*open)
        printf("public %s\n", open);
}

/* A new key in hex goes into the file, or the one that a file of the bus holds comes out of it. */
static int file_take(const char *path, bool bus, char hex[HEX_SIZE])
{
    cleanup(fd_drop) int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    const char *why = NULL;

    if (fd < 0 && errno == EEXIST && bus) {
        fd = open(path, O_RDONLY | O_CLOEXEC);
        key_read(fd, hex, &why);
    } else if (fd < 0 || write(fd, hex, HEX_SIZE - 1) != HEX_SIZE - 1 || fsync(fd) != 0) {
        why = strerror(errno);
    }
    return why ? console_fail(path, why) : EXIT_SUCCESS;
}

int command_keygen(const struct console *con)
{
    const char *first = console_argument(con, 0);
    bool bus = first && strcmp(first, "--bus") == 0;
    const char *path = console_argument(con, bus);
    char hex[HEX_SIZE] = "", open_hex[HEX_SIZE] = "";
    int status = EXIT_SUCCESS;

    if (con->count > bus + 1) {
        usage_print(stderr, command_named(con->command));
        return EXIT_USAGE;
    }
    key_make(hex);
    if (path)
        status = file_take(path, bus, hex);
    if (bus && status == EXIT_SUCCESS)
        public_of(hex, open_hex);
    if (status == EXIT_SUCCESS)
        tell(con, path, hex, open_hex);
    secret_wipe(hex, sizeof hex);
    return status;
}
