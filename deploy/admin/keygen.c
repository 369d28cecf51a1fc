/* keygen: a new SECRET_KEY. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/digest.h"
#include "deploy/admin/ask.h"
#include "deploy/admin/commands.h"

#define KEY_SIZE 32

int command_keygen(const struct console *con)
{
    const char *path = console_argument(con, 0);
    cleanup(fd_drop) int fd = -1;
    unsigned char key[KEY_SIZE];
    char hex[2 * KEY_SIZE + 1];

    random_bytes(key, sizeof key);
    hex_encode(key, sizeof key, hex);
    if (!path) {
        printf(con->json ? "{\"key\":\"%s\"}\n" : "%s\n", hex);
        return EXIT_SUCCESS;
    }
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, hex, sizeof hex - 1) != sizeof hex - 1 || fsync(fd) != 0)
        return console_fail(path, strerror(errno));
    printf(con->json ? "{\"file\":\"%s\"}\n" : "%s: a new secret\n", path);
    return EXIT_SUCCESS;
}
