/* The beats of other processes. */
#include "chatd/peers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void peers_begin(struct peers *p, int64_t now_us)
{
    int64_t gap = p->round_us ? now_us - p->round_us : 0;

    p->watched_us += gap < PEER_GAP_US ? gap : PEER_GAP_US;
    p->round_us = now_us;
    for (int i = 0; i < p->count; i++)
        p->list[i].listed = false;
}

static struct peer *peer_find(struct peers *p, const char *id)
{
    for (int i = 0; i < p->count; i++)
        if (strcmp(p->list[i].id, id) == 0)
            return &p->list[i];
    return NULL;
}

static struct peer *peer_add(struct peers *p, const char *id)
{
    struct peer *list;

    if (p->count >= PEERS_MAX)
        return NULL;
    list = realloc(p->list, (size_t)(p->count + 1) * sizeof *list);
    if (!list)
        abort();
    p->list = list;
    p->list[p->count] = (struct peer){.beat = -1};
    snprintf(p->list[p->count].id, sizeof p->list->id, "%s", id);
    return &p->list[p->count++];
}

bool peer_seen(struct peers *p, const char *id, int64_t beat)
{
    struct peer *peer = peer_find(p, id);

    if (!peer)
        peer = peer_add(p, id);
    if (!peer)
        return false;
    peer->listed = true;
    if (peer->beat != beat) {
        peer->beat = beat;
        peer->since_us = p->watched_us;
    }
    return p->watched_us - peer->since_us >= PEER_SILENT_US;
}

void peers_end(struct peers *p)
{
    int kept = 0;

    for (int i = 0; i < p->count; i++)
        if (p->list[i].listed)
            p->list[kept++] = p->list[i];
    p->count = kept;
}

void peers_forget(struct peers *p)
{
    free(p->list);
    *p = (struct peers){0};
}
