/* X-Forwarded-For of trusted proxies. */
#include "gateway/forwarded.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/text.h"
#include "proto/api.h"

#define PROXIES_MAX 32

struct proxies {
    struct {
        uint32_t address, mask; /* host byte order */
    } networks[PROXIES_MAX];
    size_t count;
};

/* "10.1.0.0/16" or "127.0.0.1" */
static bool network_read(struct proxies *p, char *item)
{
    char *slash = strchr(item, '/'), *end = NULL;
    unsigned long bits = 32;
    struct in_addr a;

    if (slash) {
        *slash++ = '\0';
        bits = strtoul(slash, &end, 10);
        if (slash[strspn(slash, "0123456789")] || end == slash || bits > 32)
            return false;
    }
    if (inet_pton(AF_INET, item, &a) != 1 || p->count == PROXIES_MAX)
        return false;
    p->networks[p->count].mask = bits ? ~UINT32_C(0) << (32 - bits) : 0;
    p->networks[p->count].address = ntohl(a.s_addr) & p->networks[p->count].mask;
    p->count++;
    return true;
}

int proxies_new(const char *list, struct proxies **ret, const char **reterr_item)
{
    struct proxies *p = calloc(1, sizeof *p);
    char *copy = strdup(list), *rest = copy, *item;
    int r = DONE;

    if (!p || !copy)
        abort();
    while (r == DONE && (item = strsep(&rest, ", ")) != NULL) {
        if (*item && !network_read(p, item)) {
            *reterr_item = list + (item - copy);
            r = BAD_INPUT;
        }
    }
    free(copy);
    if (r != DONE)
        proxies_drop(&p);
    *ret = p;
    return r;
}

void proxies_drop(struct proxies **p)
{
    free(*p);
    *p = NULL;
}

static bool is_proxy(const struct proxies *p, const char *address)
{
    struct in_addr a;

    if (inet_pton(AF_INET, address, &a) != 1)
        return false;
    for (size_t i = 0; i < p->count; i++)
        if ((ntohl(a.s_addr) & p->networks[i].mask) == p->networks[i].address)
            return true;
    return false;
}

/* The last header: a proxy adds its own behind what the client sent. */
static const char *header_last(const struct http_request *r)
{
    for (size_t i = r->header_count; i > 0; i--)
        if (strcasecmp(r->headers[i - 1].name, "X-Forwarded-For") == 0)
            return r->headers[i - 1].value;
    return NULL;
}

/* Takes the last element off the list that ends at *end; in the one spelling of an address.  False:
 * there is none, or it is no address. */
static bool address_take(const char *list, size_t *end, char *ret)
{
    unsigned char binary[sizeof(struct in6_addr)];
    char text[CLIENT_MAX + 1];
    size_t from = *end, size;
    int family;

    while (from > 0 && list[from - 1] != ',')
        from--;
    size = *end - from;
    *end = from ? from - 1 : 0;
    while (size && (list[from] == ' ' || list[from] == '\t'))
        from++, size--;
    while (size && (list[from + size - 1] == ' ' || list[from + size - 1] == '\t'))
        size--;
    if (!size || size > CLIENT_MAX)
        return false;
    snprintf(text, sizeof text, "%.*s", (int)size, list + from);
    family = strchr(text, ':') ? AF_INET6 : AF_INET;
    return inet_pton(family, text, binary) == 1 &&
           inet_ntop(family, binary, ret, CLIENT_MAX + 1) != NULL;
}

void forwarded_client(const struct proxies *p, const struct http_request *r, char *ret)
{
    const char *list = p && p->count && is_proxy(p, r->address) ? header_last(r) : NULL;
    size_t end = list ? strlen(list) : 0;
    char address[CLIENT_MAX + 1];

    snprintf(ret, CLIENT_MAX + 1, "%s", r->address);
    while (end > 0 && is_proxy(p, ret) && address_take(list, &end, address))
        snprintf(ret, CLIENT_MAX + 1, "%s", address);
}
