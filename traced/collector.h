#pragma once
/* The collector: where spans go. */
#include <stdbool.h>
#include <stddef.h>

struct collector;

/* Whether it is a base URL: http:// or https://, and no query.  Empty is one, too. */
bool collector_check(const char *endpoint, const char **reterr_why);

/* headers: "name=value,name=value", values percent-encoded; or NULL.  Ends the process' use of it
 * with collector_drop(). */
struct collector *collector_new(const char *endpoint, const char *headers);
void collector_drop(struct collector **c);

enum sent {
    SENT,
    SENT_LATER, /* it is away, or has too much to do: the same again */
    SENT_NEVER, /* it refuses this */
};
/* Sends {"resourceSpans":[...]}; blocks for at most 10 s.  Tells the log when the collector goes
 * and when it is back. */
enum sent collector_send(struct collector *c, const char *json, size_t size);
