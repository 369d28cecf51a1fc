/* What the gateway itself knows about a request, and the session cookie. */
#include "gateway/facts.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#define COOKIE_TLS   "__Host-chatbot"
#define COOKIE_PLAIN "chatbot"
#define VALUE_MAX    128

/* Names that lead to this machine without asking anybody else. */
static bool host_is_loopback(const char *host)
{
    char name[16];
    struct in_addr a;

    snprintf(name, sizeof name, "%.*s", (int)strcspn(host, ":"), host);
    if (strcmp(name, "localhost") == 0)
        return true;
    return inet_pton(AF_INET, name, &a) == 1 && ntohl(a.s_addr) >> 24 == 127;
}

static bool is_own_page(const struct exchange *x)
{
    const char *origin = http_header(x->request, "Origin");
    const char *site = http_header(x->request, "Sec-Fetch-Site");
    const char *host = http_header(x->request, "Host");
    const char *scheme = x->tls ? "https://" : "http://";

    if (!origin || !host || strncmp(origin, scheme, strlen(scheme)) != 0 ||
        strcmp(origin + strlen(scheme), host) != 0)
        return false;
    if (site && strcmp(site, "same-origin") != 0)
        return false;
    return x->tls || (address_is_loopback(x->address) && host_is_loopback(host));
}

/* Copies the cookie of that name out of "a=1; b=2" (RFC 6265, 4.2).  False: it is not there. */
static bool cookie_find(const char *list, const char *name, char ret[VALUE_MAX + 1])
{
    size_t n = strlen(name);

    while (*list) {
        size_t size = strcspn(list, ";");
        if (size > n && strncmp(list, name, n) == 0 && list[n] == '=' &&
            size - n - 1 <= VALUE_MAX) {
            memcpy(ret, list + n + 1, size - n - 1);
            ret[size - n - 1] = '\0';
            return size > n + 1;
        }
        list += size + (list[size] == ';');
        list += strspn(list, " ");
    }
    return false;
}

static bool fact_add(struct exchange *x, const char *name)
{
    const char *cookies = http_header(x->request, "Cookie");
    char value[VALUE_MAX + 1];

    if (strcmp(name, "session") == 0) {
        snprintf(value, sizeof value, "%lld", (long long)x->session);
    } else if (!is_own_page(x)) {
        return true;
    } else if (strcmp(name, "own_page") == 0) {
        snprintf(value, sizeof value, "true");
    } else if (!cookies || !cookie_find(cookies, x->tls ? COOKIE_TLS : COOKIE_PLAIN, value)) {
        return true;
    }
    return params_add(&x->params, name, value, strlen(value));
}

int facts_add(struct exchange *x)
{
    for (const struct field *f = x->op->in; f->name; f++)
        if (f->place == AT_FACT && !fact_add(x, f->name))
            return problem(x, BAD_REQUEST, NULL, "too many parameters");
    return DONE;
}

void cookie_set(struct exchange *x, const char *value)
{
    bool forget = strcmp(value, "-") == 0;
    char line[VALUE_MAX + 128];

    snprintf(line, sizeof line, "%s=%s; Path=/; Max-Age=%d; HttpOnly; SameSite=Strict%s",
             x->tls ? COOKIE_TLS : COOKIE_PLAIN, forget ? "" : value, forget ? 0 : COOKIE_LIFE,
             x->tls ? "; Secure" : "");
    http_reply_header(x->reply, "Set-Cookie", line);
}
