#pragma once
/*
 * Asks this gateway for GET /health/live over HTTP, the way that clients come, and has a pulse
 * ("http") that beats with each answer, whatever that says: so a listener that accepts nothing, or
 * threads that all hang, are noticed.
 */
struct http_server;
struct probe;

/* Owned by the caller (probe_drop, before the server's end).  DONE or a fault. */
int probe_start(const char *listen, int port, const struct http_server *http, struct probe **ret)
    __attribute__((warn_unused_result));
void probe_drop(struct probe **p);
