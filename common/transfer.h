#pragma once
/*
 * The bytes of one upload or download inside of a daemon: what the bus thread and the worker that
 * serves it share.  At most DATA_WINDOW pieces wait here.
 */
#include <stdbool.h>
#include <stdint.h>
#include <zmq.h>

#include "proto/envelope.h"

struct bus;
struct transfer;

/* ---- the bus thread ---- */

/* Of the request `id`, from the link with that slot and epoch; bus NULL: what it sends goes nowhere
 * (tests). */
struct transfer *transfer_open(struct bus *bus, int gateway, unsigned epoch, uint64_t id);
/* The worker is done with it. */
void transfer_close(struct transfer **t);

/* DATA has come; the payload is taken.  One that is missing, too big or too many breaks it off. */
void transfer_data(struct transfer *t, const struct envelope *e, zmq_msg_t *payload);
/* WINDOW has come. */
void transfer_window(struct transfer *t, uint32_t n);
/* Nobody is at the other end any more. */
void transfer_break(struct transfer *t);

/* The list of those under way. */
void transfers_add(struct transfer **list, struct transfer *t);
void transfers_remove(struct transfer **list, struct transfer *t);
struct transfer *transfers_find(struct transfer *list, int gateway, uint64_t id);
/* Breaks off those whose link is not `epoch` any more, of all links: is_alive says. */
void transfers_check(struct transfer *list,
                     bool (*is_alive)(void *state, int gateway, unsigned epoch), void *state);

/* ---- the worker ---- */

/* Whether the whole upload was read. */
bool transfer_ended(const struct transfer *t);
/* Whether the reply has been sent: DATA goes out. */
bool transfer_streams(const struct transfer *t);
/* The last DATA of a download: the end, or broken off. */
void transfer_finish(struct transfer *t, bool whole);
/* Bytes read or written. */
int64_t transfer_bytes(const struct transfer *t);
