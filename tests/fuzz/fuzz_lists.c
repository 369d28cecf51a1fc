/*
 * Settings whose types do not say what is right, the first byte picks which: domains, gateways and
 * daemons of other hosts with their keys, the mails' sender, the collector of traces.
 */
#include <string.h>

#include "authd/mail/post.c"
#undef must /* its own; fuzz.h has another one */

#include "authd/registration.h"
#include "common/bus_remote.h"
#include "gateway/broker/keyring.h"
#include "tests/fuzz/fuzz.h"
#include "traced/collector.h"

static void domains_try(const char *text)
{
    size_t n = strlen(text);

    if (registration_is_domains(text))
        must(!n || (!strstr(text, ",,") && text[n - 1] != ',' && !strpbrk(text, " @\"'\n")));
}

static void remotes_try(const char *text)
{
    const char *at = text, *before = at;
    struct remote r;
    int more;

    while ((more = remote_next(&at, &r)) > 0) {
        must(at > before && at <= text + strlen(text));
        must(r.port > 0 && r.port < 65536 && *r.address && strncmp(r.name, r.address, 7) == 0);
        before = at;
    }
}

static void keys_try(const char *text)
{
    static struct keyring *k;
    const char *why = NULL;

    if (!k) {
        k = calloc(1, sizeof *k);
        must(k != NULL);
        keyring_init(k);
    }
    if (!keyring_read(k, text, &why))
        must(why && *why);
    must(k->count <= KEYRING_MAX);
    for (unsigned i = 0; i < k->count; i++)
        must(keyring_allows(k, k->keys[i].svc, &k->keys[i].key));
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
    switch (data[0] % 5) {
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
    default:
        collector_try(text, other);
        break;
    }
    return 0;
}
