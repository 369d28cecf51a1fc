/* Which peers are proxies of ours, and which client they speak for. */
#include "gateway/proxies.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "proto/api.h"

#define PROXIES_MAX 64
#define BITS        128

/* IPv4 is written as IPv4-mapped IPv6 (RFC 4291, 2.5.5.2). */
struct network {
    unsigned char bytes[16];
    unsigned bits;
};

struct proxies {
    struct network networks[PROXIES_MAX];
    size_t count;
};

static bool address_read(const char *s, unsigned char ret[16])
{
    struct in_addr v4;

    if (inet_pton(AF_INET, s, &v4) == 1) {
        memset(ret, 0, 10);
        memset(ret + 10, 0xff, 2);
        memcpy(ret + 12, &v4, 4);
        return true;
    }
    return inet_pton(AF_INET6, s, ret) == 1;
}

static bool network_has(const struct network *n, const unsigned char address[16])
{
    unsigned whole = n->bits / 8, rest = n->bits % 8;

    if (memcmp(n->bytes, address, whole) != 0)
        return false;
    return !rest || (n->bytes[whole] ^ address[whole]) >> (8 - rest) == 0;
}

bool proxies_trust(const struct proxies *p, const char *address)
{
    unsigned char bytes[16];

    if (!address_read(address, bytes))
        return false;
    for (size_t i = 0; i < p->count; i++)
        if (network_has(&p->networks[i], bytes))
            return true;
    return false;
}

/* "10.0.0.0/8", "::1" */
static bool network_read(const char *item, struct network *ret)
{
    char address[ADDRESS_TEXT_MAX];
    size_t n = strcspn(item, "/");
    unsigned bits = 0, whole = strchr(item, ':') ? BITS : 32;
    const char *digit = item + n + 1;

    if (n >= sizeof address)
        return false;
    memcpy(address, item, n);
    address[n] = '\0';
    if (!address_read(address, ret->bytes))
        return false;
    ret->bits = BITS;
    if (!item[n])
        return true;
    if (strlen(digit) < 1 || strlen(digit) > 3 || digit[strspn(digit, "0123456789")])
        return false;
    for (; *digit; digit++)
        bits = bits * 10 + (unsigned)(*digit - '0');
    ret->bits = BITS - whole + bits;
    return bits <= whole;
}

int proxies_new(const char *list, struct proxies **ret, const char **reterr_item)
{
    struct proxies *p = calloc(1, sizeof *p);
    char item[ADDRESS_TEXT_MAX + 4];

    if (!p)
        abort();
    for (const char *at = list + strspn(list, ", "); *at; at += strspn(at, ", ")) {
        size_t n = strcspn(at, ", ");
        snprintf(item, sizeof item, "%.*s", (int)n, at);
        if (n >= sizeof item || p->count == PROXIES_MAX ||
            !network_read(item, &p->networks[p->count])) {
            *reterr_item = at;
            proxies_drop(&p);
            return BAD_INPUT;
        }
        p->count++;
        at += n;
    }
    *ret = p;
    return DONE;
}

void proxies_drop(struct proxies **p)
{
    free(*p);
    *p = NULL;
}

/* The last element of a list, cut off from it; *size is what is left.  False: none is left, or it
 * is longer than ret. */
static bool last_take(const char *list, size_t *size, char *ret, size_t capacity)
{
    size_t end = *size, begin;

    while (end && (list[end - 1] == ' ' || list[end - 1] == '\t'))
        end--;
    for (begin = end; begin && list[begin - 1] != ',';)
        begin--;
    *size = begin ? begin - 1 : 0;
    while (begin < end && (list[begin] == ' ' || list[begin] == '\t'))
        begin++;
    if (begin == end || end - begin >= capacity)
        return false;
    memcpy(ret, list + begin, end - begin);
    ret[end - begin] = '\0';
    return true;
}

/* Goes through one X-Forwarded-For from its end.  True: the search is over. */
static bool forwarded_walk(const struct proxies *p, const char *list, char *ret_address)
{
    char address[ADDRESS_TEXT_MAX];
    unsigned char bytes[16];

    for (size_t size = strlen(list); size;) {
        if (!last_take(list, &size, address, sizeof address) || !address_read(address, bytes))
            return true;
        memcpy(ret_address, address, sizeof address);
        if (!proxies_trust(p, address))
            return true;
    }
    return false;
}

static const char *header_last(const struct http_request *r, const char *name)
{
    for (size_t i = r->header_count; i-- > 0;)
        if (strcasecmp(r->headers[i].name, name) == 0)
            return r->headers[i].value;
    return NULL;
}

bool proxies_client(const struct proxies *p, const struct http_request *r,
                    char ret_address[ADDRESS_TEXT_MAX], bool *ret_tls)
{
    const char *proto;
    bool over = false;

    snprintf(ret_address, ADDRESS_TEXT_MAX, "%s", r->address);
    *ret_tls = false;
    if (!p->count || !proxies_trust(p, r->address))
        return false;
    proto = header_last(r, "X-Forwarded-Proto");
    *ret_tls = proto && strcasecmp(proto, "https") == 0;
    for (size_t i = r->header_count; i-- > 0 && !over;)
        if (strcasecmp(r->headers[i].name, "X-Forwarded-For") == 0)
            over = forwarded_walk(p, r->headers[i].value, ret_address);
    return true;
}

void address_group(const char *address, char ret[ADDRESS_TEXT_MAX])
{
    unsigned char bytes[16];

    snprintf(ret, ADDRESS_TEXT_MAX, "%s", address);
    if (!strchr(address, ':') || inet_pton(AF_INET6, address, bytes) != 1)
        return;
    memset(bytes + 8, 0, 8);
    inet_ntop(AF_INET6, bytes, ret, ADDRESS_TEXT_MAX);
}

bool address_is_loopback(const char *address)
{
    return strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0;
}
