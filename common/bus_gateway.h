#pragma once
/* One gateway as a daemon sees it: its socket, what it follows, whether it knows us. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uthash.h>

#include "common/text.h"
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
    void *socket;        /* NULL: the slot is free */
    bool ready;          /* READY was sent and not been contradicted */
    unsigned epoch;      /* grows whenever it may have forgotten us, and over the slot's owners */
    uint64_t generation; /* as the last PONG said; 0: unknown */
    int64_t pong_us, ping_due_us;
    struct followed *topics;
};

/* Connects to gateways that came, drops those whose directory is gone.  Returns the slots in use.
 */
int links_scan(struct gateway_link *links, int count, void *context, const char *bus_dir,
               const char *service);
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
