/* Hanging on request, for tests. */
#include "common/hang.h"

#ifdef HANG_POINTS

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static const char *directory;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void directory_read(void)
{
    directory = getenv("HANG_DIR");
}

void hang_if_told(const char *thread)
{
    const struct timespec pause = {.tv_nsec = 20000000};
    char path[512];

    pthread_once(&once, directory_read);
    if (!directory)
        return;
    snprintf(path, sizeof path, "%s/%s.%s", directory, program_invocation_short_name, thread);
    while (access(path, F_OK) == 0)
        nanosleep(&pause, NULL);
}

#endif
