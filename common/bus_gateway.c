/* One gateway as a daemon sees it: connect, send, topics. */
#include "common/bus_gateway.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "common/bus_remote.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"

#define RENEW_US 3000000 /* a gateway of another host that is not up for so long: connect anew */

static void dir_drop(DIR **d)
{
    if (*d)
        closedir(*d);
    *d = NULL;
}

static void option_set(void *socket, int option, int value)
{
    zmq_setsockopt(socket, option, &value, sizeof value);
}

static void link_open(struct gateway_link *g, const struct links_config *c)
{
    char endpoint[256];

    g->up_us = clock_us();
    g->socket = zmq_socket(c->context, ZMQ_DEALER);
    option_set(g->socket, ZMQ_LINGER, 500);
    option_set(g->socket, ZMQ_IMMEDIATE, 1); /* queue nothing for a gateway that is not there */
    option_set(g->socket, ZMQ_RECONNECT_IVL, 20);
    option_set(g->socket, ZMQ_RECONNECT_IVL_MAX, 100);
    option_set(g->socket, ZMQ_SNDHWM, 10000);
    option_set(g->socket, ZMQ_RCVHWM, 10000);
    if (!g->remote) {
        snprintf(endpoint, sizeof endpoint, "ipc://%s/%s/%s/bus", c->bus_dir, g->name,
                 api_svc_name(c->svc));
    } else {
        snprintf(endpoint, sizeof endpoint, "tcp://%s:%d", g->address,
                 bus_port_of(g->port, c->svc));
        if (curve_connect(g->socket, c->key, &g->key))
            return; /* said; tried again by link_renew() */
    }
    if (zmq_connect(g->socket, endpoint) != 0)
        log_line(LOG_LEVEL_WARN, "event=bus_connect endpoint=%s error=%s", endpoint,
                 zmq_strerror(zmq_errno()));
}

static void link_close(struct gateway_link *g)
{
    if (g->socket)
        zmq_close(g->socket);
    topic_set_drop(&g->topics);
    *g = (struct gateway_link){.epoch = g->epoch + 1};
}

static bool dir_has(const char *bus_dir, const char *name)
{
    char path[256];

    snprintf(path, sizeof path, "%s/%s", bus_dir, name);
    return access(path, F_OK) == 0;
}

static bool list_has(const struct links_config *c, const struct gateway_link *g)
{
    const char *at = c->remotes;
    struct remote r;

    while (c->key && remote_next(&at, &r) > 0)
        if (strcmp(r.name, g->name) == 0)
            return curve_key_same(&r.key, &g->key);
    return false;
}

static bool is_wanted(const struct links_config *c, const struct gateway_link *g)
{
    return g->remote ? list_has(c, g) : dir_has(c->bus_dir, g->name);
}

/* An unused slot for a gateway; NULL: it has one, or there is none. */
static struct gateway_link *slot_for(struct gateway_link *links, int *count, const char *name,
                                     bool remote)
{
    struct gateway_link *unused = NULL;

    for (int i = 0; i < *count; i++) {
        if (links[i].socket && links[i].remote == remote && strcmp(links[i].name, name) == 0)
            return NULL;
        if (!links[i].socket && !unused)
            unused = &links[i];
    }
    if (!unused && *count < GATEWAYS_MAX)
        unused = &links[(*count)++];
    return unused;
}

static void dir_scan(struct gateway_link *links, int *count, const struct links_config *c)
{
    cleanup(dir_drop) DIR *dir = opendir(c->bus_dir);
    struct dirent *d;

    while (dir && (d = readdir(dir))) {
        struct gateway_link *g;
        size_t n = strlen(d->d_name);
        if (d->d_name[0] == '.' || n >= sizeof g->name)
            continue;
        g = slot_for(links, count, d->d_name, false);
        if (!g)
            continue;
        memcpy(g->name, d->d_name, n + 1);
        link_open(g, c);
    }
}

static void list_scan(struct gateway_link *links, int *count, const struct links_config *c)
{
    const char *at = c->remotes;
    struct remote r;

    while (c->key && remote_next(&at, &r) > 0) {
        struct gateway_link *g = slot_for(links, count, r.name, true);
        if (!g)
            continue;
        memcpy(g->name, r.name, sizeof r.name);
        memcpy(g->address, r.address, sizeof r.address);
        g->port = r.port;
        g->key = r.key;
        g->remote = true;
        link_open(g, c);
    }
}

/* ZeroMQ gives up a connection that was refused, and a host that is back may be another one. */
static void link_renew(struct gateway_link *g, const struct links_config *c)
{
    int64_t now = clock_us();

    if (link_is_up(g)) {
        if (g->lost)
            log_line(LOG_LEVEL_NOTICE, "event=bus_gateway gateway=%s state=up", g->name);
        g->lost = false;
        g->up_us = now;
        return;
    }
    if (now - g->up_us < RENEW_US)
        return;
    if (!g->lost)
        log_line(LOG_LEVEL_WARN, "event=bus_gateway gateway=%s state=lost", g->name);
    g->lost = true;
    zmq_close(g->socket);
    link_forget(g);
    link_open(g, c);
}

int links_scan(struct gateway_link *links, int count, const struct links_config *c)
{
    for (int i = 0; i < count; i++)
        if (links[i].socket && !is_wanted(c, &links[i]))
            link_close(&links[i]);
        else if (links[i].socket && links[i].remote)
            link_renew(&links[i], c);
    dir_scan(links, &count, c);
    list_scan(links, &count, c);
    return count;
}

void links_drop(struct gateway_link *links, int count)
{
    for (int i = 0; i < count; i++)
        link_close(&links[i]);
}

bool link_is_up(const struct gateway_link *g)
{
    return g->socket && g->ready && g->pong_us;
}

void link_forget(struct gateway_link *g)
{
    g->epoch++;
    g->ready = false;
    g->pong_us = 0;
    g->generation = 0;
    topic_set_drop(&g->topics);
}

static void text_free(void *data, void *hint)
{
    (void)hint;
    free(data);
}

bool link_send(struct gateway_link *g, const char *head, size_t size, struct text *body)
{
    bool has_body = body && body->size;
    zmq_msg_t m;

    if (zmq_send(g->socket, head, size, ZMQ_DONTWAIT | (has_body ? ZMQ_SNDMORE : 0)) < 0)
        return false;
    if (!has_body)
        return true;
    zmq_msg_init_data(&m, body->data, body->size, text_free, NULL);
    *body = (struct text){0};
    if (zmq_msg_send(&m, g->socket, ZMQ_DONTWAIT) < 0) { /* takes the head back, too */
        text_add(body, zmq_msg_data(&m), zmq_msg_size(&m));
        zmq_msg_close(&m);
        return false;
    }
    return true;
}

bool link_send_head(struct gateway_link *g, const struct envelope *e)
{
    char head[2048];
    size_t size = envelope_encode(e, head, sizeof head);

    return size && link_send(g, head, size, NULL);
}

bool link_send_events(struct gateway_link *g, const char *instance, uint32_t count,
                      struct text *records)
{
    struct envelope e = {.kind = FRAME_EVENT, .instance = instance, .count = count};
    char head[512];
    size_t size = envelope_encode(&e, head, sizeof head);

    return size && link_send(g, head, size, records);
}

void topic_set_add(struct followed **topics, const char *name, bool text)
{
    size_t n = strlen(name);
    struct followed *t;

    HASH_FIND(hh, *topics, name, n, t);
    if (t) {
        t->text |= text;
        return;
    }
    if (HASH_COUNT(*topics) >= TOPICS_MAX)
        return;
    t = calloc(1, sizeof *t + n + 1);
    if (!t)
        abort();
    memcpy(t->name, name, n);
    t->text = text;
    HASH_ADD_KEYPTR(hh, *topics, t->name, n, t);
}

void topic_set_remove(struct followed **topics, const char *name)
{
    struct followed *t;

    HASH_FIND(hh, *topics, name, strlen(name), t);
    if (!t)
        return;
    HASH_DEL(*topics, t);
    free(t);
}

bool topic_set_wants(struct followed *topics, const char *name, bool is_delta)
{
    struct followed *t;

    HASH_FIND(hh, topics, name, strlen(name), t);
    return t && (t->text || !is_delta);
}

void topic_set_drop(struct followed **topics)
{
    struct followed *t, *tmp;

    HASH_ITER(hh, *topics, t, tmp)
    {
        HASH_DEL(*topics, t);
        free(t);
    }
}
