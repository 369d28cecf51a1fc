#pragma once
/*
 * What the other processes hand over, until the collector has it.
 *
 * One batch is kept.  While the collector does not take it nothing is read from the socket, which
 * fills up; then the others' buffers do, and they count what they drop (GET /metrics).  So nothing
 * is bounded here but the batch.
 */
struct collector;

#define INTAKE_BATCH_MAX 524288 /* bytes */

/* A socket of this host for datagrams, for the owner and the group; < 0: a fault. */
int intake_open(const char *path);

/* Until signals (a signalfd) has one; then what is there is sent, if the collector takes it. */
void intake_run(int socket, int signals, struct collector *collector);
