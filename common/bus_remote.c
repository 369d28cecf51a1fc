/* Gateways of other hosts: the list of them, and our key. */
#include "common/bus_remote.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#define PORT_MAX (65535 - SVC_GATEWAY + 1) /* so that all services have theirs */

static bool port_read(const char *text, size_t size, int *ret)
{
    *ret = 0;
    if (size == 0 || size > 5 || strspn(text, "0123456789") < size || *text == '0')
        return false;
    for (size_t i = 0; i < size; i++)
        *ret = 10 * *ret + (text[i] - '0');
    return *ret <= PORT_MAX;
}

/* address:port=KEY */
static bool remote_read(const char *item, size_t size, struct remote *ret)
{
    const char *equals = memchr(item, '=', size), *colon = memchr(item, ':', size);
    struct in_addr a;

    *ret = (struct remote){0};
    if (!equals || !colon || colon > equals || (size_t)(colon - item) >= sizeof ret->address)
        return false;
    memcpy(ret->address, item, (size_t)(colon - item));
    if (inet_pton(AF_INET, ret->address, &a) != 1 ||
        !port_read(colon + 1, (size_t)(equals - colon - 1), &ret->port))
        return false;
    snprintf(ret->name, sizeof ret->name, "%s:%d", ret->address, ret->port);
    return curve_key_read(equals + 1, (size_t)(item + size - equals - 1), &ret->key);
}

int remote_next(const char **at, struct remote *ret)
{
    const char *item = *at + strspn(*at, " ");
    size_t size = strcspn(item, " ");

    *at = item + size;
    if (!size)
        return 0;
    return remote_read(item, size, ret) ? 1 : -1;
}

enum setting remotes_check(const struct conf *conf, const char **reterr_why)
{
    const char *at = conf_str(conf, SET_BUS_GATEWAYS);
    struct remote r;
    int more;

    *reterr_why = "must hold gateways of other hosts like 10.0.0.1:8100=KEY, KEY being the 64 "
                  "hexadecimal digits of a public key";
    while ((more = remote_next(&at, &r)) > 0)
        ;
    return more < 0 ? SET_BUS_GATEWAYS : SET_COUNT;
}

int bus_key_read(struct conf *conf, enum setting needs, struct curve_key *ret, bool *ret_has)
{
    const char *hex = conf_str(conf, SET_BUS_KEY);

    *ret_has = *hex;
    if (*hex && !curve_key_read(hex, strlen(hex), ret))
        return conf_refuse(conf, SET_BUS_KEY, "must be the 64 hexadecimal digits of a secret key");
    if (!*hex && *conf_str(conf, needs))
        return conf_refuse(conf, needs, "needs the secret BUS_KEY");
    return 0;
}
