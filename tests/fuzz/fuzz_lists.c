/*
 * Settings whose types do not say what is right, the first byte picks which: domains, gateways and
 * daemons of other hosts with their keys, our own key, the mails' sender, the collector of traces.
 */
#include <string.h>
#include <zmq.h>

#include "authd/mail/post.c"
#undef must /* its own; fuzz.h has another one */

#include "common/conf.h"

/* The settings, and the last of them that was refused. */
static const char *gateways = "", *secret_key = "";
static enum setting refused = SET_COUNT;

static const char *setting_text(enum setting s)
{
    return s == SET_BUS_KEY ? secret_key : gateways;
}

static int setting_refuse(enum setting s)
{
    refused = s;
    return CONF_EXIT_SETTINGS;
}

#define conf_str(conf, s)         ((void)(conf), setting_text(s))
#define conf_refuse(conf, s, why) ((void)(conf), (void)(why), setting_refuse(s))
#include "common/bus_remote.c"
#undef conf_str
#undef conf_refuse

#include "authd/registration.h"
#include "gateway/broker/keyring.h"
#include "tests/fuzz/fuzz.h"
#include "traced/collector.h"

static void domains_try(const char *text)
{
    size_t n = strlen(text);

    if (registration_is_domains(text))
        must(!n || (!strstr(text, ",,") && text[n - 1] != ',' && !strpbrk(text, " @\"'\n")));
}

/* What is read as a key can be one of a socket: the daemon's, or the gateway's. */
static void *socket_new(void)
{
    static void *context;

    if (!context)
        context = zmq_ctx_new();
    return zmq_socket(context, ZMQ_DEALER);
}

static void remotes_try(const char *text)
{
    static void *socket;
    const char *at = text, *before = at, *why;
    struct remote r;
    int more;

    if (!socket)
        must(socket = socket_new());
    while ((more = remote_next(&at, &r)) > 0) {
        must(at > before && at <= text + strlen(text));
        must(r.port > 0 && r.port < 65536 && *r.address && strncmp(r.name, r.address, 7) == 0);
        if (before == text)
            must(curve_connect(socket, &r.key, &r.key) == DONE);
        before = at;
    }
    gateways = text;
    must((remotes_check(NULL, &why) == SET_BUS_GATEWAYS) == (more < 0));
}

/* The key that a bus to other hosts needs. */
static void secret_try(const char *text, const char *of_gateways)
{
    struct curve_key key;
    bool has = false;

    secret_key = text;
    gateways = of_gateways;
    refused = SET_COUNT;
    if (bus_key_read(NULL, SET_BUS_GATEWAYS, &key, &has)) {
        must(refused == (*text ? SET_BUS_KEY : SET_BUS_GATEWAYS));
        return;
    }
    must(refused == SET_COUNT && has == (*text != '\0'));
    must(has ? strlen(text) == 64 && strspn(text, "0123456789abcdefABCDEF") == 64 : !*of_gateways);
}

static void keys_try(const char *text)
{
    static struct keyring *k;
    static void *socket;
    const char *why = NULL;

    if (!k) {
        k = calloc(1, sizeof *k);
        must(k != NULL);
        keyring_init(k);
        must(socket = socket_new());
    }
    if (!keyring_read(k, text, &why))
        must(why && *why);
    must(k->count <= KEYRING_MAX);
    for (unsigned i = 0; i < k->count; i++)
        for (int svc = 0; svc < SVC_GATEWAY; svc++) /* that one alone */
            must(keyring_allows(k, (enum svc)svc, &k->keys[i].key) == (svc == (int)k->keys[i].svc));
    if (k->count)
        must(curve_serve(socket, &k->keys[0].key, api_svc_name(k->keys[0].svc)) == DONE);
}

static void sender_try(const char *text, const char *url)
{
    char address[ADDRESS_MAX + 1], name[128];
    bool here;

    if (from_read(text, address, name, sizeof name))
        must(!address_check(address) && !strpbrk(name, "\r\n") && strstr(text, address));
    if (url_is(url, "smtp", "smtps", &here))
        must(strncasecmp(url, "smtp", 4) == 0);
}

static void collector_try(const char *endpoint, const char *headers)
{
    struct collector *c;
    const char *why = NULL;

    if (!collector_check(endpoint, &why)) {
        must(why && *why);
        return;
    }
    c = collector_new(endpoint, headers);
    collector_drop(&c);
    must(!c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cleanup(free_drop) char *text = NULL;
    const char *other;

    if (size < 1 || size > 4096)
        return 0;
    text = fuzz_texts(data, size, &other);
    switch (data[0] % 6) {
    case 0:
        domains_try(text);
        break;
    case 1:
        remotes_try(text);
        break;
    case 2:
        keys_try(text);
        break;
    case 3:
        sender_try(text, other);
        break;
    case 4:
        collector_try(text, other);
        break;
    default:
        secret_try(text, other);
        break;
    }
    return 0;
}
