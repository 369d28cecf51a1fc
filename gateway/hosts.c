/* Names that this site is asked by. */
#include "gateway/hosts.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "proto/api.h"

#define HOSTS_MAX 64
#define NAME_MAX_ 253 /* bytes of a name (RFC 1035, 2.3.4) */

struct hosts {
    char names[HOSTS_MAX][NAME_MAX_ + 2]; /* ".example.org": those below it */
    size_t count;
    bool any;
    char own[NAME_MAX_ + 1]; /* this machine's */
};

/* Letters, digits, hyphens and dots; one dot may lead. */
static bool name_is_good(const char *s, size_t n)
{
    if (n < 1 || n > NAME_MAX_ || (n == 1 && *s == '.'))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._[]:", s[i]))
            return false;
    return true;
}

int hosts_new(const char *list, struct hosts **ret, const char **reterr_item)
{
    struct hosts *h = calloc(1, sizeof *h);

    if (!h)
        abort();
    if (gethostname(h->own, sizeof h->own - 1) != 0)
        h->own[0] = '\0';
    for (const char *at = list + strspn(list, ", "); *at; at += strspn(at, ", ")) {
        size_t n = strcspn(at, ", ");
        if (n == 1 && *at == '*') {
            h->any = true;
        } else if (h->count < HOSTS_MAX && name_is_good(at, n)) {
            memcpy(h->names[h->count++], at, n);
        } else {
            *reterr_item = at;
            hosts_drop(&h);
            return BAD_INPUT;
        }
        at += n;
    }
    *ret = h;
    return DONE;
}

void hosts_drop(struct hosts **h)
{
    free(*h);
    *h = NULL;
}

/* The header without its port and a last dot.  False: too long for a name. */
static bool name_cut(const char *host, char ret[NAME_MAX_ + 1])
{
    size_t n = *host == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");

    if (n > strlen(host))
        n = strlen(host);
    if (n > 1 && host[n - 1] == '.')
        n--;
    if (n < 1 || n > NAME_MAX_)
        return false;
    memcpy(ret, host, n);
    ret[n] = '\0';
    return true;
}

static bool is_address(const char *name)
{
    unsigned char bytes[16];
    char inner[NAME_MAX_ + 1];
    size_t n = strlen(name);

    if (inet_pton(AF_INET, name, bytes) == 1)
        return true;
    if (n < 3 || name[0] != '[' || name[n - 1] != ']')
        return false;
    memcpy(inner, name + 1, n - 2);
    inner[n - 2] = '\0';
    return inet_pton(AF_INET6, inner, bytes) == 1;
}

static bool is_below(const char *name, const char *suffix)
{
    size_t n = strlen(name), m = strlen(suffix);

    return n > m && strcasecmp(name + n - m, suffix) == 0;
}

static bool is_local(const struct hosts *h, const char *name)
{
    return is_address(name) || strcasecmp(name, "localhost") == 0 || is_below(name, ".localhost") ||
           (h->own[0] && strcasecmp(name, h->own) == 0);
}

bool hosts_allow(const struct hosts *h, const char *host, bool by_proxy)
{
    char name[NAME_MAX_ + 1];

    if (h->any || !host || (!h->count && by_proxy))
        return true;
    if (!name_cut(host, name))
        return false;
    for (size_t i = 0; i < h->count; i++)
        if (h->names[i][0] == '.' ? is_below(name, h->names[i])
                                  : strcasecmp(name, h->names[i]) == 0)
            return true;
    return !h->count && is_local(h, name);
}
