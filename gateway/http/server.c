/* HTTP over civetweb: its callbacks, its start with all threads, its drain and stop. */
#include <civetweb.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/fault.h"
#include "common/log.h"
#include "gateway/http/listener.h"
#include "gateway/http/thread.h"
#include "proto/api.h"

#define QUEUE_SIZE      20   /* accepted connections that wait for a thread */
#define OTHER_FDS       256  /* bus, log, timers, reserve */
#define START_WAIT_MS   5000 /* for all threads to come up */
#define ALIVE_MS        5000
#define REQUEST_SIZE    "32768" /* civetweb's buffer per thread: target, headers, and some body */

struct http_server {
    struct http_config config;
    struct mg_context *civet;
    struct slots *slots;
    struct listener listener;
    struct http_thread *threads;
    atomic_uint started;
    atomic_bool draining;
};

int http_descriptors(unsigned threads)
{
    return (int)threads + QUEUE_SIZE + OTHER_FDS;
}

/*
 * Whether civetweb's parser took every byte of the head.  It stops without a word at the 65th
 * field and at a folded line, and takes bare line feeds and loose spaces; so the fields must lie in
 * its buffer exactly as in a sound request: one space between the words of the first line, CRLF
 * (which it overwrites with NULs) after each line, and the empty line after the last one.
 */
static bool head_is_whole(const struct mg_request_info *ri, const char *target_end)
{
    const char *line_end = ri->http_version + strlen(ri->http_version);

    if (ri->method_end_check)
        return false;
    return line_end && target_end;
}
