/*
 * traced: takes the spans of all processes of this host, and sends them to a collector (OTLP/HTTP).
 *
 * Owns nothing but what waits: one batch.  The one process besides those that talk to the model's
 * provider and the mail server that calls out, so that nobody else needs the network for traces.
 *
 * A compromise of it gives: ids, durations and names of operations, models and token counts, the
 * collector's headers, and the network.  It does not give: anything that people wrote, a password,
 * a token, the database, or the bus.
 */
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/conf.h"
#include "common/log.h"
#include "traced/collector.h"
#include "traced/intake.h"

/* What the settings' types do not say. */
static enum setting settings_check(const struct conf *conf, const char **reterr_why)
{
    if (collector_check(conf_str(conf, SET_OTEL_EXPORTER_OTLP_ENDPOINT), reterr_why))
        return SET_COUNT;
    return SET_OTEL_EXPORTER_OTLP_ENDPOINT;
}

int main(int argc, char **argv)
{
    cleanup(conf_drop) struct conf *conf = NULL;
    cleanup(collector_drop) struct collector *collector = NULL;
    cleanup(fd_drop) int socket = -1;
    cleanup(fd_drop) int signals = -1;
    sigset_t set;
    int r;

    conf_check_with(settings_check);
    r = conf_load(SVC_TRACE, "traced", argc, argv, &conf);
    if (r != 0)
        return r;
    log_name("traced");
    log_limit_named(conf_str(conf, SET_LOG_LEVEL));
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    socket = intake_open(conf_str(conf, SET_TRACE_SOCKET));
    if (signals < 0 || socket < 0)
        return 1;
    collector = collector_new(conf_str(conf, SET_OTEL_EXPORTER_OTLP_ENDPOINT),
                              conf_str(conf, SET_OTEL_EXPORTER_OTLP_HEADERS));
    sd_notify(0, "READY=1");
    log_line(LOG_LEVEL_NOTICE, "event=start version=" VERSION);
    intake_run(socket, signals, collector);
    log_line(LOG_LEVEL_NOTICE, "event=stop");
    return 0;
}
