/* Spans: taken from the socket, put together, sent. */
#include "traced/intake.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/fault.h"
#include "common/json.h"
#include "common/log.h"
#include "common/spans.h"
#include "common/text.h"
#include "traced/collector.h"

#define BATCH_MS 1000 /* that a batch waits for more */
#define TICK_MS  1000 /* without which the watchdog is not fed */
#define WAIT_MS  1000 /* after the first failure, then twice as long */
#define WAIT_MAX 30000

static const char head[] = "{\"resourceSpans\":[";

struct intake {
    int socket, signals;
    struct collector *collector;
    struct text batch; /* empty: nothing waits */
    int64_t begun_ms;  /* when its first part came */
    int64_t again_ms;  /* not to be sent before, after a failure; 0: none */
    int64_t wait_ms;
    bool stop;
};

int intake_open(const char *path)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    mode_t before;
    int fd, r;

    if (strlen(path) >= sizeof to.sun_path)
        return FAULT("%s is too long for a socket", path);
    snprintf(to.sun_path, sizeof to.sun_path, "%s", path);
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return FAULT("socket: %m");
    unlink(path);
    before = umask(0117);
    r = bind(fd, (const struct sockaddr *)&to, sizeof to);
    umask(before);
    if (r < 0) {
        r = FAULT("%s: %m", path);
        close(fd);
        return r;
    }
    return fd;
}

/* One part; what is no JSON would spoil the whole batch.  False: none is there. */
static bool part_take(struct intake *in)
{
    static char part[SPANS_DATA_MAX + 1];
    ssize_t n = recv(in->socket, part, sizeof part, MSG_TRUNC);
    const char *why;

    if (n < 0)
        return false;
    if (n == 0 || n >= (ssize_t)sizeof part || part[0] != '{' ||
        !json_check(part, (size_t)n, &why)) {
        log_line(LOG_LEVEL_WARN, "event=bad_spans bytes=%zd", n);
        return true;
    }
    if (!in->batch.size) {
        in->begun_ms = clock_ms();
        text_puts(&in->batch, head);
    } else {
        text_putc(&in->batch, ',');
    }
    text_add(&in->batch, part, (size_t)n);
    return true;
}

static bool is_full(const struct intake *in)
{
    return in->batch.size + SPANS_DATA_MAX > INTAKE_BATCH_MAX;
}

static void batch_send(struct intake *in)
{
    enum sent sent;

    text_puts(&in->batch, "]}");
    sent = collector_send(in->collector, in->batch.data, in->batch.size);
    if (sent == SENT_LATER) {
        in->batch.size -= 2;
        in->wait_ms = in->wait_ms ? in->wait_ms * 2 : WAIT_MS;
        in->wait_ms = in->wait_ms < WAIT_MAX ? in->wait_ms : WAIT_MAX;
        in->again_ms = clock_ms() + in->wait_ms;
        return;
    }
    text_clear(&in->batch);
    in->wait_ms = in->again_ms = 0;
}

/* When there is something to do without anybody saying so, in ms from now. */
static int64_t due_ms(const struct intake *in)
{
    int64_t at = in->again_ms ? in->again_ms : in->begun_ms + BATCH_MS, left = at - clock_ms();

    if (!in->batch.size)
        return TICK_MS;
    if (!in->again_ms && is_full(in))
        return 0;
    return left < 0 ? 0 : left < TICK_MS ? left : TICK_MS;
}

void intake_run(int socket, int signals, struct collector *collector)
{
    struct intake in = {.socket = socket, .signals = signals, .collector = collector};

    while (!in.stop) {
        /* while the collector is away the socket fills up: that tells the others */
        struct pollfd fds[] = {{.fd = signals, .events = POLLIN},
                               {.fd = is_full(&in) || in.again_ms ? -1 : socket, .events = POLLIN}};
        poll(fds, 2, (int)due_ms(&in));
        sd_notify(0, "WATCHDOG=1");
        in.stop = fds[0].revents != 0;
        while (!in.again_ms && !is_full(&in) && part_take(&in))
            ;
        if (in.batch.size && (in.stop || due_ms(&in) == 0))
            batch_send(&in);
    }
    text_drop(&in.batch);
}
