/* Whether the platform can do its work, as the broker sees it. */
#include "gateway/health.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "gateway/broker/broker.h"

#define LOOK_US     100000
#define LOOK_BAD_US 5000 /* while something is missing, which may come at any moment */
#define PAUSED      "paused "

struct look {
    int64_t at_us;
    struct service_state services[SVC_GATEWAY];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct look last;

static bool is_whole(const struct look *l)
{
    for (int i = 0; i < SVC_GATEWAY; i++)
        if (!l->services[i].instances || !l->services[i].database)
            return false;
    return true;
}

static void look_now(struct broker *b, struct look *ret)
{
    pthread_mutex_lock(&lock);
    if (!last.at_us || clock_us() - last.at_us > (is_whole(&last) ? LOOK_US : LOOK_BAD_US)) {
        last.at_us = clock_us();
        for (int i = 0; i < SVC_GATEWAY; i++)
            broker_service_state(b, (enum svc)i, &last.services[i]);
    }
    *ret = last;
    pthread_mutex_unlock(&lock);
}

/* Connected when every daemon that is up says so, and one is. */
static bool is_connected(const struct look *l)
{
    bool any = false;

    for (int i = 0; i < SVC_GATEWAY; i++) {
        if (l->services[i].instances && !l->services[i].database)
            return false;
        any |= l->services[i].instances > 0;
    }
    return any;
}

static bool is_up(const struct look *l, enum svc svc)
{
    return l->services[svc].instances > 0;
}

static void services_write(const struct look *l, struct text *to)
{
    text_json_name(to, "services");
    text_putc(to, '{');
    for (int i = 0; i < SVC_GATEWAY; i++) {
        text_json_name(to, api_svc_name((enum svc)i));
        text_putc(to, '{');
        text_member_str(to, "status", is_up(l, (enum svc)i) ? "up" : "down");
        text_member_i64(to, "instances", l->services[i].instances);
        text_putc(to, '}');
    }
    text_putc(to, '}');
}

/* The provider asked for fewer requests, so that turns wait (proto/frames.def, PING). */
static bool is_paused(const struct look *l)
{
    return is_up(l, SVC_CHAT) &&
           strncmp(l->services[SVC_CHAT].note, PAUSED, sizeof PAUSED - 1) == 0;
}

static const char *model_of(const struct look *l)
{
    const char *note = l->services[SVC_CHAT].note + (is_paused(l) ? sizeof PAUSED - 1 : 0);

    return is_up(l, SVC_CHAT) && note[0] ? note : "missing";
}

int health_write(struct broker *b, struct text *to)
{
    struct look l;
    bool connected, works;

    look_now(b, &l);
    connected = is_connected(&l);
    works = connected && is_up(&l, SVC_AUTH) && is_up(&l, SVC_PROJECT) && is_up(&l, SVC_CHAT);
    text_putc(to, '{');
    text_member_str(to, "status",
                    !works                ? "unhealthy"
                    : is_up(&l, SVC_FILE) ? "healthy"
                                          : "degraded");
    text_member_str(to, "database", connected ? "connected" : "disconnected");
    text_member_str(to, "model", model_of(&l));
    text_member_str(to, "mail",
                    is_up(&l, SVC_AUTH) && l.services[SVC_AUTH].note[0] ? l.services[SVC_AUTH].note
                                                                        : "off");
    text_json_name(to, "model_paused");
    text_puts(to, is_paused(&l) ? "true" : "false");
    services_write(&l, to);
    text_putc(to, '}');
    return works ? 200 : 503;
}
