#pragma once
/*
 * Uploads and downloads on the broker's thread: pieces between HTTP threads and workers, a little
 * in each round and behind all small messages, each transfer in turn.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

struct broker;
struct broker_transfer;
struct bus_message;
struct worker;

TAILQ_HEAD(transfer_turns, broker_transfer);
LIST_HEAD(transfer_list, broker_transfer);

struct transfers {
    struct transfer_list all;
    struct transfer_turns turns; /* that have something to send */
};

void transfers_init(struct transfers *t);

/* DATA and WINDOW have come from w; what nobody waits for is dropped. */
void transfers_data(struct broker *b, struct worker *w, struct bus_message *m);
void transfers_window(struct broker *b, struct worker *w, const struct bus_message *m);

/* Sends some pieces. */
void transfers_serve(struct broker *b);
/* Whether more are to be sent. */
bool transfers_wait(const struct broker *b);

/* Whether a sending of its request got a WINDOW: then only that one counts, and nothing can be sent
 * again. */
bool transfer_is_bound(const struct broker_transfer *t);
bool transfer_is_bound_to(const struct broker_transfer *t, uint64_t id);
/* A REPLY says that DATA follows under that id. */
void transfers_stream(struct broker_transfer *t, uint64_t id);
/* Its worker is gone. */
void transfers_break(struct broker_transfer *t);
/* The broker ends. */
void transfers_break_all(struct broker *b);
