/*
 * gateway: the one process that clients talk to; its broker is the one that daemons talk to.
 *
 * Owns nothing: no database, no file, only caches and what is in flight.  It holds no secret but,
 * where daemons of other hosts come to it, the key that it proves itself to them with; and makes no
 * connection to anywhere.
 *
 * A compromise of it gives: the power to call every public operation as any user (daemons believe
 * what it says about the caller), the requests and replies that pass through it, passwords and
 * tokens in them included, and so whatever users store here.  It does not give: the database, the
 * tokens' signing key, password hashes, or the model provider's key.
 */
#include <arpa/inet.h>
#include <assert.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "common/bus_remote.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/conf.h"
#include "common/fault.h"
#include "common/log.h"
#include "common/pulse.h"
#include "common/spans.h"
#include "gateway/access_log.h"
#include "gateway/admit.h"
#include "gateway/auth.h"
#include "gateway/broker/broker.h"
#include "gateway/broker/keyring.h"
#include "gateway/cors.h"
#include "gateway/gateway.h"
#include "gateway/hosts.h"
#include "gateway/http/addresses.h"
#include "gateway/http/http.h"
#include "gateway/metrics.h"
#include "gateway/pipeline.h"
#include "gateway/probe.h"
#include "gateway/proxies.h"
#include "gateway/rate.h"
#include "gateway/stream/streams.h"
#include "gateway/system.h"

#define DRAIN_MS      15000 /* for what is in flight after SIGTERM; then blocking chats answer */
#define DRAIN_LAST_MS 3000
#define TICK_MS       500
#define READY_MS      3000 /* for the daemons to find us, before we say that we are ready */

/* "auth=chatbot-authd project=chatbot-projectd": who may serve what.  False: *reterr_why is set. */
static bool peers_read(const struct conf *conf, struct broker_config *ret, const char **reterr_why)
{
    char list[1025], *rest = list, *item;

    for (int i = 0; i < SVC_COUNT; i++) {
        ret->peer_uid[i] = geteuid();
        ret->peer_gid[i] = (gid_t)-1;
    }
    snprintf(list, sizeof list, "%s", conf_str(conf, SET_PEER_USERS));
    while ((item = strsep(&rest, " ")) != NULL) {
        char *user = strchr(item, '=');
        const struct passwd *entry;
        int svc;
        if (!*item)
            continue;
        if (user)
            *user++ = '\0';
        svc = user ? api_svc_named(item) : -1;
        *reterr_why =
            svc < 0 ? "must be service=user, separated by spaces" : "names a user that is none";
        if (svc < 0 || !(entry = getpwnam(user)))
            return false;
        ret->peer_uid[svc] = entry->pw_uid;
        ret->peer_gid[svc] = entry->pw_gid;
    }
    return true;
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

static void keys_changed(void *state)
{
    streams_keys_changed(state);
}

static int64_t gateway_port(const struct conf *conf)
{
    return conf_i64(conf, SET_PORT) + conf_i64(conf, SET_GATEWAY_NUMBER) - 1;
}

static void waits_set(const struct conf *conf, struct gateway *g)
{
    atomic_store(&g->request_wait_ms, conf_i64(conf, SET_REQUEST_WAIT) * 1000);
    atomic_store(&g->chat_wait_ms, conf_i64(conf, SET_CHAT_WAIT) * 1000);
    atomic_store(&g->transfer_rate, conf_i64(conf, SET_TRANSFER_RATE));
    atomic_store(&g->slow_request_ms, conf_i64(conf, SET_SLOW_REQUEST_MS));
}

/* First of the ports for daemons of other hosts. */
static int64_t bus_port(const struct conf *conf)
{
    return conf_i64(conf, SET_BUS_PORT) + SVC_GATEWAY * (conf_i64(conf, SET_GATEWAY_NUMBER) - 1);
}

static enum setting bus_check(const struct conf *conf, const char **reterr_why)
{
    const char *listen = conf_str(conf, SET_BUS_LISTEN);
    struct keyring keys;
    struct in_addr a;

    *reterr_why = "must be an IPv4 address";
    if (*listen && inet_pton(AF_INET, listen, &a) != 1)
        return SET_BUS_LISTEN;
    *reterr_why = "leads to a port beyond 65535";
    if (bus_port(conf) + SVC_GATEWAY - 1 > 65535)
        return SET_BUS_PORT;
    keyring_init(&keys);
    return keyring_read(&keys, conf_str(conf, SET_BUS_PEERS), reterr_why) ? SET_COUNT
                                                                          : SET_BUS_PEERS;
}

/* What the settings' types do not say. */
static enum setting settings_check(const struct conf *conf, const char **reterr_why)
{
    cleanup(cors_drop) struct cors *cors = NULL;
    cleanup(proxies_drop) struct proxies *proxies = NULL;
    cleanup(hosts_drop) struct hosts *hosts = NULL;
    struct broker_config bus;
    struct in_addr a;
    const char *wrong;

    *reterr_why = "must be an IPv4 address";
    if (inet_pton(AF_INET, conf_str(conf, SET_LISTEN), &a) != 1)
        return SET_LISTEN;
    *reterr_why = "must hold origins like https://example.org";
    if (cors_new(conf_str(conf, SET_CORS_ORIGINS), &cors, &wrong) != DONE)
        return SET_CORS_ORIGINS;
    *reterr_why = "must hold addresses, or networks like 10.0.0.0/8";
    if (proxies_new(conf_str(conf, SET_TRUSTED_PROXIES), &proxies, &wrong) != DONE)
        return SET_TRUSTED_PROXIES;
    *reterr_why = "must hold names like chat.example.org, .example.org or *";
    if (hosts_new(conf_str(conf, SET_ALLOWED_HOSTS), &hosts, &wrong) != DONE)
        return SET_ALLOWED_HOSTS;
    *reterr_why = "leads to a port beyond 65535";
    if (gateway_port(conf) > 65535)
        return SET_GATEWAY_NUMBER;
    if (!peers_read(conf, &bus, reterr_why))
        return SET_PEER_USERS;
    return bus_check(conf, reterr_why);
}

/* The list of origins, which settings_check() has looked at. */
static struct cors *origins_of(const struct conf *conf)
{
    struct cors *cors = NULL;
    const char *wrong;
    int r = cors_new(conf_str(conf, SET_CORS_ORIGINS), &cors, &wrong);

    assert(r == DONE);
    return cors;
}

static void gateway_setup(const struct conf *conf, struct gateway *g)
{
    const char *wrong;
    int r = proxies_new(conf_str(conf, SET_TRUSTED_PROXIES), &g->proxies, &wrong);

    assert(r == DONE);
    r = hosts_new(conf_str(conf, SET_ALLOWED_HOSTS), &g->hosts, &wrong);
    assert(r == DONE);
    g->addresses = addresses_new((unsigned)conf_i64(conf, SET_CONNECTIONS_PER_ADDRESS));
    atomic_init(&g->cors, origins_of(conf));
    g->threads = threads_of(conf);
    waits_set(conf, g);
    g->auth = auth_new();
    g->metrics = metrics_new();
    g->transfers = admit_transfers_new(g->threads);
    if (conf_bool(conf, SET_RATE_LIMIT))
        g->rates = rate_new((unsigned)conf_i64(conf, SET_GATEWAYS));
    system_start();
}

static int gateway_start(const struct conf *conf, struct broker_config *bus, struct gateway *g)
{
    const struct http_config http = {
        .listen = conf_str(conf, SET_LISTEN),
        .port = (int)gateway_port(conf),
        .threads = g->threads,
        .scratch_size = pipeline_scratch(),
        .scratch_drop = pipeline_scratch_drop,
        .state = g,
        .enter = pipeline_enter,
        .leave = pipeline_leave,
        .handle = pipeline_handle,
        .refuse = pipeline_refuse,
        .done = pipeline_done,
    };
    int r;

    bus->bus_dir = conf_str(conf, SET_BUS_DIR);
    bus->name = conf_str(conf, SET_GATEWAY_NAME);
    bus->listen = *conf_str(conf, SET_BUS_LISTEN) ? conf_str(conf, SET_BUS_LISTEN) : NULL;
    bus->port = (int)bus_port(conf);
    bus->keys = conf_str(conf, SET_BUS_PEERS);
    if ((r = access_log_open(conf_str(conf, SET_ACCESS_LOG), &g->access_log)) < 0 ||
        (r = broker_start(bus, &g->broker)) < 0 ||
        (r = streams_new(streams_of(conf, g->threads), &g->streams)) < 0)
        return r;
    auth_on_ended(g->auth, session_ended, keys_changed, g->streams);
    auth_follow(g->auth, g->broker);
    r = http_start(&http, &g->http);
    return r < 0 ? r : probe_start(http.listen, http.port, g->http, &g->probe);
}

static void origins_set(const struct conf *conf, struct gateway *g)
{
    struct cors *cors = origins_of(conf);

    cors_replace(cors, atomic_load(&g->cors));
    atomic_store(&g->cors, cors);
}

/* Takes over what may change while we run; see SETTING_LIVE. */
static void reload(struct conf *conf, struct gateway *g)
{
    const char *origins = conf_str(conf, SET_CORS_ORIGINS), *keys = conf_str(conf, SET_BUS_PEERS);

    sd_notify(0, "RELOADING=1");
    access_log_reopen(g->access_log);
    if (conf_reload(conf) == 0) {
        log_limit_named(conf_str(conf, SET_LOG_LEVEL));
        waits_set(conf, g);
        if (origins != conf_str(conf, SET_CORS_ORIGINS))
            origins_set(conf, g);
        if (keys != conf_str(conf, SET_BUS_PEERS))
            broker_set_keys(g->broker, conf_str(conf, SET_BUS_PEERS));
        log_line(LOG_LEVEL_NOTICE, "event=reload");
    }
    sd_notify(0, "READY=1");
}

/*
 * Who restarts gateways one after another goes on when this one is ready: by then it must be able
 * to carry what the next one drops, requests of daemons to each other included.  We serve
 * meanwhile, and without daemons we are ready all the same.
 */
static void daemons_wait(const struct gateway *g)
{
    int64_t end = clock_ms() + READY_MS;
    struct service_state state;
    sigset_t pending;

    if (!getenv("NOTIFY_SOCKET"))
        return;
    for (int svc = 0; svc < SVC_GATEWAY; svc++)
        for (;;) {
            broker_service_state(g->broker, (enum svc)svc, &state);
            sigpending(&pending);
            if (state.instances || clock_ms() > end || sigismember(&pending, SIGTERM))
                break;
            nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
        }
}

/* Until SIGTERM or SIGINT; tells systemd meanwhile that we are well: all threads go on, and our own
 * requests are answered. */
static void serve(struct conf *conf, struct gateway *g, const sigset_t *signals)
{
    const struct timespec tick = {TICK_MS / 1000, TICK_MS % 1000 * 1000000L};
    uint64_t watchdog_us = 0;

    if (sd_watchdog_enabled(0, &watchdog_us) > 0)
        pulse_watchdog(watchdog_us);
    daemons_wait(g);
    sd_notify(0, "READY=1");
    log_line(LOG_LEVEL_NOTICE, "event=start version=" VERSION " threads=%u", g->threads);
    for (;;) {
        int signal = sigtimedwait(signals, NULL, &tick);
        if (signal == SIGHUP)
            reload(conf, g);
        else if (signal > 0)
            break;
        if (pulse_check())
            sd_notify(0, "WATCHDOG=1");
    }
    sd_notify(0, "STOPPING=1");
    log_line(LOG_LEVEL_NOTICE, "event=drain connections=%u", http_busy(g->http));
}

static void drain(struct gateway *g)
{
    unsigned left;

    probe_drop(&g->probe); /* nobody would answer it */
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
    probe_drop(&g->probe);
    http_drop(&g->http);
    broker_drop(&g->broker);
    streams_drop(&g->streams);
    auth_drop(&g->auth);
    metrics_drop(&g->metrics);
    admit_transfers_drop(&g->transfers);
    rate_drop(&g->rates);
    cors_drop((struct cors **)&g->cors);
    proxies_drop(&g->proxies);
    hosts_drop(&g->hosts);
    addresses_drop(&g->addresses);
    access_log_drop(&g->access_log);
    system_stop();
}

int main(int argc, char **argv)
{
    cleanup(conf_drop) struct conf *conf = NULL;
    cleanup(gateway_drop) struct gateway g = {0};
    struct broker_config bus = {0};
    sigset_t signals;
    const char *why;
    bool known, has_key;
    int r;

    conf_check_with(settings_check);
    r = conf_load(SVC_GATEWAY, "gateway", argc, argv, &conf);
    if (r == 0)
        r = bus_key_read(conf, SET_BUS_LISTEN, &bus.key, &has_key);
    if (r != 0)
        return r;
    log_name("gateway");
    log_limit_named(conf_str(conf, SET_LOG_LEVEL));
    known = peers_read(conf, &bus, &why);
    assert(known);
    gateway_setup(conf, &g);
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    /* before the first thread: they all inherit it */
    sigprocmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
    spans_start(conf, "gateway", conf_str(conf, SET_GATEWAY_NAME), NULL);
    if (gateway_start(conf, &bus, &g) < 0)
        return 1;
    serve(conf, &g, &signals);
    drain(&g);
    spans_stop();
    return 0;
}
