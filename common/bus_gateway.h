#pragma once
/* One gateway as a daemon sees it: its socket, what it follows, whether it knows us.  Those of this
 * host are directories of BUS_DIR, those of others are in BUS_GATEWAYS. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uthash.h>

#include "common/curve.h"
#include "common/text.h"
#include "proto/api.h"
#include "proto/envelope.h"

#define GATEWAYS_MAX 64
#define PING_US      250000
#define SILENCE_US   2000000 /* without PONG: what it follows is forgotten */
#define TOPICS_MAX   200000  /* that one gateway may follow */

struct followed {
    bool text; /* also text deltas */
    UT_hash_handle hh;
    char name[];
};

struct gateway_link {
    char name[64];
    void *socket; /* NULL: the slot is free */
    bool remote;  /* on another host: where, and its key */
    char address[16];
    int port; /* its first */
    struct curve_key key;
    int64_t up_us;       /* when it was last up, or connected to */
    bool lost;           /* it was said that it does not answer */
    bool ready;          /* READY was sent and not been contradicted */
    unsigned epoch;      /* grows whenever it may have forgotten us, and over the slot's owners */
    uint64_t generation; /* as the last PONG said; 0: unknown */
    int64_t pong_us, ping_due_us;
    struct followed *topics;
};

/* What a daemon's links have in common. */
struct links_config {
    void *context; /* ZeroMQ's */
    enum svc svc;
    const char *bus_dir, *remotes; /* BUS_DIR, BUS_GATEWAYS */
    const struct curve_key *key;   /* ours on other hosts; NULL: none */
};

/* Connects to gateways that came, drops those that are gone from BUS_DIR or BUS_GATEWAYS, and
 * connects anew to those of other hosts that have not answered for a while.  Returns the slots in
 * use. */
int links_scan(struct gateway_link *links, int count, const struct links_config *c);
void links_drop(struct gateway_link *links, int count);

/* Whether it has answered since READY. */
bool link_is_up(const struct gateway_link *g);

/* Forgets what the gateway followed; READY is due again. */
void link_forget(struct gateway_link *g);

/* Send without blocking; false when it could not be sent.  `body` may be NULL; its memory is given
 * away, unless it could not be sent. */
bool link_send(struct gateway_link *g, const char *head, size_t size, struct text *body);
bool link_send_head(struct gateway_link *g, const struct envelope *e);
bool link_send_events(struct gateway_link *g, const char *instance, uint32_t count,
                      struct text *records);

void topic_set_add(struct followed **topics, const char *name, bool text);
void topic_set_remove(struct followed **topics, const char *name);
bool topic_set_wants(struct followed *topics, const char *name, bool is_delta);
void topic_set_drop(struct followed **topics);
