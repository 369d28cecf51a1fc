/*
 * gateway: the one process that clients talk to; its broker is the one that daemons talk to.
 *
 * Owns nothing: no database, no file, only caches and what is in flight.  It holds no secret but
 * public keys, and makes no connection to anywhere.
 *
 * A compromise of it gives: the power to call every public operation as any user (daemons believe
 * what it says about the caller), the requests and replies that pass through it, passwords and
 * tokens in them included, and so whatever users store here.  It does not give: the database, the
 * tokens' signing key, password hashes, or the model provider's key.
 */
#include <arpa/inet.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/conf.h"
#include "common/fault.h"
#include "common/log.h"
#include "gateway/admit.h"
#include "gateway/auth.h"
#include "gateway/broker/broker.h"
#include "gateway/cors.h"
#include "gateway/gateway.h"
#include "gateway/http/http.h"
#include "gateway/metrics.h"
#include "gateway/pipeline.h"
#include "gateway/rate.h"
#include "gateway/stream/streams.h"
#include "gateway/system.h"

#define DRAIN_MS      15000 /* for what is in flight after SIGTERM; then blocking chats answer */
#define DRAIN_LAST_MS 3000
#define TICK_MS       500

static int setting_refuse(const char *name, const char *value, const char *why)
{
    fprintf(stderr, "gateway: %s=%s: %s\n", name, value, why);
    return CONF_EXIT_SETTINGS;
}

/* "auth=chatbot-authd project=chatbot-projectd": who may serve what. */
static int peers_read(const struct conf *conf, struct broker_config *ret)
{
    char list[1025], *rest = list, *item;
    const char *setting = conf_str(conf, SET_PEER_USERS);

    for (int i = 0; i < SVC_COUNT; i++) {
        ret->peer_uid[i] = geteuid();
        ret->peer_gid[i] = (gid_t)-1;
    }
    snprintf(list, sizeof list, "%s", setting);
    while ((item = strsep(&rest, " ")) != NULL) {
        char *user = strchr(item, '=');
        const struct passwd *entry;
        int svc;
        if (!*item)
            continue;
        if (user)
            *user++ = '\0';
        svc = user ? api_svc_named(item) : -1;
        if (svc < 0)
            return setting_refuse("PEER_USERS", setting, "must be service=user, ...");
        if (!(entry = getpwnam(user)))
            return setting_refuse("PEER_USERS", user, "no such user");
        ret->peer_uid[svc] = entry->pw_uid;
        ret->peer_gid[svc] = entry->pw_gid;
    }
    return 0;
}

/* Unless it is told, enough for all streams and 256 others. */
static unsigned threads_of(const struct conf *conf)
{
    int64_t streams = conf_i64(conf, SET_MAX_STREAMS);

    return (unsigned)(conf_given(conf, SET_HTTP_THREADS) ? conf_i64(conf, SET_HTTP_THREADS)
                                                         : streams + 256);
}

/* A gateway with few threads keeps a quarter of them for what is no stream. */
static unsigned streams_of(const struct conf *conf, unsigned threads)
{
    unsigned streams = (unsigned)conf_i64(conf, SET_MAX_STREAMS), most = threads - threads / 4;

    return streams < most ? streams : most;
}

static void session_ended(void *state, int64_t session)
{
    streams_session_ended(state, session);
}

static int gateway_setup(const struct conf *conf, struct gateway *g)
{
    const char *listen = conf_str(conf, SET_LISTEN), *origins = conf_str(conf, SET_CORS_ORIGINS);
    const char *origin;
    struct in_addr a;

    if (inet_pton(AF_INET, listen, &a) != 1)
        return setting_refuse("LISTEN", listen, "must be an IPv4 address");
    if (cors_new(origins, &g->cors, &origin) != DONE)
        return setting_refuse("CORS_ORIGINS", origin, "is no origin, like https://example.org");
    g->threads = threads_of(conf);
    g->request_wait_ms = conf_i64(conf, SET_REQUEST_WAIT) * 1000;
    g->chat_wait_ms = conf_i64(conf, SET_CHAT_WAIT) * 1000;
    g->transfer_rate = conf_i64(conf, SET_TRANSFER_RATE);
    g->auth = auth_new();
    g->metrics = metrics_new();
    g->transfers = admit_transfers_new(g->threads);
    if (conf_bool(conf, SET_RATE_LIMIT))
        g->rates = rate_new((unsigned)conf_i64(conf, SET_GATEWAYS));
    system_start();
    return 0;
}

static int gateway_start(const struct conf *conf, struct broker_config *bus, struct gateway *g)
{
    const struct http_config http = {
        .listen = conf_str(conf, SET_LISTEN),
        .port = (int)conf_i64(conf, SET_PORT),
        .threads = g->threads,
        .scratch_size = pipeline_scratch(),
        .scratch_drop = pipeline_scratch_drop,
        .state = g,
        .handle = pipeline_handle,
        .refuse = pipeline_refuse,
        .done = pipeline_done,
    };
    int r;

    bus->bus_dir = conf_str(conf, SET_BUS_DIR);
    bus->name = conf_str(conf, SET_GATEWAY_NAME);
    if ((r = broker_start(bus, &g->broker)) < 0 ||
        (r = streams_new(streams_of(conf, g->threads), &g->streams)) < 0)
        return r;
    auth_on_ended(g->auth, session_ended, g->streams);
    auth_follow(g->auth, g->broker);
    return http_start(&http, &g->http);
}

/* Until SIGTERM or SIGINT; tells systemd meanwhile that we are well. */
static void serve(const struct gateway *g, const sigset_t *signals)
{
    const struct timespec tick = {TICK_MS / 1000, TICK_MS % 1000 * 1000000L};

    sd_notify(0, "READY=1");
    log_line(LOG_LEVEL_NOTICE, "event=start version=" VERSION " threads=%u", g->threads);
    while (sigtimedwait(signals, NULL, &tick) < 0)
        if (http_alive(g->http))
            sd_notify(0, "WATCHDOG=1");
    sd_notify(0, "STOPPING=1");
    log_line(LOG_LEVEL_NOTICE, "event=drain connections=%u", http_busy(g->http));
}

static void drain(struct gateway *g)
{
    unsigned left;

    http_close(g->http);
    streams_stop(g->streams); /* their clients come back, to another gateway or our successor */
    left = http_drain(g->http, DRAIN_MS);
    atomic_store(&g->stopping, true);
    if (left)
        left = http_drain(g->http, DRAIN_LAST_MS);
    log_line(LOG_LEVEL_NOTICE, "event=stop cut_off=%u", left);
}

static void gateway_drop(struct gateway *g)
{
    if (g->streams)
        streams_stop(g->streams);
    http_drop(&g->http);
    broker_drop(&g->broker);
    streams_drop(&g->streams);
    auth_drop(&g->auth);
    metrics_drop(&g->metrics);
    admit_transfers_drop(&g->transfers);
    rate_drop(&g->rates);
    cors_drop(&g->cors);
    system_stop();
}

int main(int argc, char **argv)
{
    cleanup(conf_drop) struct conf *conf = NULL;
    cleanup(gateway_drop) struct gateway g = {0};
    struct broker_config bus = {0};
    sigset_t signals;
    int r = conf_load(SVC_GATEWAY, "gateway", argc, argv, &conf);

    if (r != 0)
        return r;
    log_name("gateway");
    log_limit_named(conf_str(conf, SET_LOG_LEVEL));
    if ((r = peers_read(conf, &bus)) != 0 || (r = gateway_setup(conf, &g)) != 0)
        return r;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    /* before the first thread: they all inherit it */
    sigprocmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
    if (gateway_start(conf, &bus, &g) < 0)
        return 1;
    serve(&g, &signals);
    drain(&g);
    return 0;
}
