/* status: the figures of /metrics that tell how things stand. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/conf.h"
#include "deploy/admin/ask.h"
#include "deploy/admin/commands.h"
#include "deploy/admin/http_get.h"

/* Whether a line is a sample of that metric whose labels hold all of `label` ("": any). */
static bool is_sample(const char *line, const char *metric, const char *label)
{
    size_t n = strlen(metric);
    const char *end = strpbrk(line, "\n");
    const char *at = strncmp(line, metric, n) == 0 && strchr("{ ", line[n]) ? line + n : NULL;

    if (!at)
        return false;
    at = strstr(at, label);
    return at && (!end || at < end);
}

/* The sum of a metric's samples, or the greatest of them. */
static long long figure(const char *metrics, const char *metric, const char *label, bool greatest)
{
    long long sum = 0;

    for (const char *line = metrics; line && *line; line = strchr(line, '\n')) {
        const char *value;
        long long n;
        line += *line == '\n';
        value = line + strcspn(line, "\n");
        while (value > line && value[-1] != ' ')
            value--;
        if (!is_sample(line, metric, label))
            continue;
        n = strtoll(value, NULL, 10);
        sum = greatest ? (n > sum ? n : sum) : sum + n;
    }
    return sum;
}

static void service_tell(const char *metrics, const char *name, bool json)
{
    char label[40];
    long long n[4];

    snprintf(label, sizeof label, "service=\"%s\"", name);
    n[0] = figure(metrics, "chatbot_gateway_bus_instances", label, true);
    n[1] = figure(metrics, "chatbot_gateway_bus_credit", label, false);
    n[2] = figure(metrics, "chatbot_gateway_bus_in_flight", label, false);
    n[3] = figure(metrics, "chatbot_gateway_bus_queued", label, false);
    printf(json ? "\"%s\":{\"instances\":%lld,\"credit\":%lld,\"in_flight\":%lld,\"queued\":%lld}"
                : "%-9s %9lld %9lld %9lld %9lld\n",
           name, n[0], n[1], n[2], n[3]);
}

static void tell(const char *m, bool json)
{
    const long long queued = figure(m, "chatbot_chat_queue_turns", "", true),
                    oldest = figure(m, "chatbot_chat_queue_age_seconds", "", true),
                    running = figure(m, "chatbot_chat_turns_running", "", false),
                    most = figure(m, "chatbot_chat_turns_max", "", false),
                    pause = figure(m, "chatbot_chat_pause_seconds", "", true),
                    streams = figure(m, "chatbot_gateway_streams", "", false),
                    connections = figure(m, "chatbot_gateway_http_connections", "", false);

    if (json)
        printf("{\"services\":{");
    else
        printf("%-9s %9s %9s %9s %9s\n", "service", "instances", "credit", "in flight", "queued");
    for (int svc = 0; svc < SVC_GATEWAY; svc++) {
        if (json && svc)
            putchar(',');
        service_tell(m, api_svc_name((enum svc)svc), json);
    }
    printf(json ? "},\"turns\":{\"running\":%lld,\"max\":%lld,\"queued\":%lld,"
                  "\"oldest_seconds\":%lld,\"pause_seconds\":%lld},"
                : "turns: %lld of %lld run, %lld wait, the oldest for %lld s; the provider wants "
                  "%lld s of pause\n",
           running, most, queued, oldest, pause);
    printf(json ? "\"gateway\":{\"connections\":%lld,\"streams\":%lld},"
                : "this gateway: %lld connections, %lld streams\n",
           connections, streams);
    printf(json ? "\"owed\":{" : "owed to other services:");
    for (int svc = 0; svc < SVC_GATEWAY; svc++) {
        const char *name = api_svc_name((enum svc)svc);
        char metric[60];
        snprintf(metric, sizeof metric, "chatbot_%s_outbox_rows", name);
        printf(json ? "%s\"%s\":{\"waiting\":%lld,\"parked\":%lld}" : "%s %s %lld (%lld given up)",
               svc ? "," : "", name, figure(m, metric, "waiting", true),
               figure(m, metric, "parked", true));
    }
    puts(json ? "}}" : "");
}

int command_status(const struct console *con)
{
    cleanup(conf_drop) struct conf *conf = NULL;
    cleanup(text_drop) struct text body = {0}, url = {0};
    const char *why;
    int status, r = conf_load(SVC_GATEWAY, "chatbot-admin", con->option_count, con->options, &conf);

    if (r)
        return r;
    status = gateway_get(conf, "/metrics", &url, &body, &why);
    if (status != 200)
        return console_fail(url.data, status ? "it does not tell its metrics" : why);
    text_putc(&body, '\0');
    tell(body.data, con->json);
    return EXIT_SUCCESS;
}
