/* Control: what tests ask the server itself, under /_/. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "call.h"
#include "connection.h"
#include "files.h"
#include "reply.h"
#include "routes.h"
#include "script.h"

enum { CALLS_SHOWN = 4096, CALLS_BYTES = 32 << 20 };

static void reply_done(struct connection *c)
{
    reply_whole(c, 200, "application/json", "{\"ok\":true}", 11);
}

static void call_write(struct buffer *out, const struct call *call)
{
    static const char *const outcomes[] = {
        [OUTCOME_RUNNING] = "running",
        [OUTCOME_COMPLETED] = "completed",
        [OUTCOME_CLIENT_CLOSED] = "client_closed",
        [OUTCOME_CUT] = "cut",
        [OUTCOME_ERROR] = "error",
        [OUTCOME_CANCELLED] = "cancelled",
    };
    const struct question *q = &call->question;

    buffer_print(out,
                 "{\"id\":%llu,\"endpoint\":\"%s\",\"request_id\":\"req_%llu\","
                 "\"response_id\":\"%s%s\",\"model\":",
                 (unsigned long long)call->id, call->dialect->endpoint,
                 (unsigned long long)call->request,
                 call->dialect->api == QUESTION_RESPONSES ? "resp_" : "chatcmpl-", call->key);
    buffer_json_text(out, q->model);
    buffer_print(out, ",\"started\":%.3f,\"ended\":", (double)call->started_us / 1000);
    if (call->outcome == OUTCOME_RUNNING)
        buffer_text(out, "null");
    else
        buffer_print(out, "%.3f", (double)call->ended_us / 1000);
    buffer_print(out,
                 ",\"outcome\":\"%s\",\"held\":%s,\"status\":%d,\"stream\":%s,\"background\":%s,"
                 "\"deltas\":%u,\"bytes\":%llu,\"messages\":%u,\"max_tokens\":%ld,"
                 "\"authorization\":%s,\"temperature\":",
                 outcomes[call->outcome], call->state == CALL_HELD ? "true" : "false", call->status,
                 q->stream ? "true" : "false", q->background ? "true" : "false", call->done,
                 (unsigned long long)call->bytes, q->messages, q->max_tokens,
                 call->authorization ? "true" : "false");
    if (q->has_temperature)
        buffer_print(out, "%g", q->temperature);
    else
        buffer_text(out, "null");
    buffer_text(out, ",\"last\":");
    buffer_json_text(out, q->last);
    buffer_text(out, ",\"system\":");
    buffer_json_text(out, q->system);
    buffer_text(out, ",\"files\":");
    buffer_json_text(out, q->files);
    buffer_text(out, "}");
}

static void counts_write(struct buffer *out)
{
    buffer_print(out,
                 "\"total\":%llu,\"running\":%u,\"streams\":%u,\"closed_by_client\":%llu,"
                 "\"connections\":%u,\"accepted\":%llu,\"requests\":%llu,\"files\":%u,"
                 "\"held\":%u",
                 (unsigned long long)call_counts.total, call_counts.running, call_counts.streams,
                 (unsigned long long)call_counts.closed_by_client, connection_counts.open,
                 (unsigned long long)connection_counts.accepted,
                 (unsigned long long)connection_counts.requests, file_count(), calls_held());
}

void control_stats(struct connection *c)
{
    struct buffer body = {0};

    buffer_text(&body, "{");
    counts_write(&body);
    buffer_text(&body, "}");
    reply_json(c, &body);
    buffer_free(&body);
}

/* The calls after `?after=ID` (the last 4096 without it), oldest first. */
void control_calls(struct connection *c)
{
    struct buffer body = {0};
    uint64_t last = calls_last(), id = last > CALLS_SHOWN ? last - CALLS_SHOWN + 1 : 1;
    unsigned shown = 0;
    char text[24];

    if (http_query(&c->http, "after", text, sizeof text))
        id = strtoull(text, NULL, 10) + 1;
    if (id < calls_first())
        id = calls_first();
    buffer_text(&body, "{");
    counts_write(&body);
    buffer_print(&body, ",\"last\":%llu,\"calls\":[", (unsigned long long)last);
    for (; id && id <= last && shown < CALLS_SHOWN && buffer_length(&body) < CALLS_BYTES; id++) {
        const struct call *call = calls_get(id);
        if (!call)
            continue;
        if (shown++)
            buffer_text(&body, ",");
        call_write(&body, call);
    }
    buffer_text(&body, "]}");
    reply_json(c, &body);
    buffer_free(&body);
}

void control_script(struct connection *c)
{
    char why[BEHAVIOUR_WHY];

    if (script_load(buffer_at(&c->body), buffer_length(&c->body), why))
        reply_done(c);
    else
        reply_invalid(c, "bad_script", NULL, why);
}

void control_release(struct connection *c)
{
    calls_release();
    reply_done(c);
}

/* Forgets calls, counts, files and the script; running foreground calls go on. */
void control_reset(struct connection *c)
{
    calls_reset();
    files_reset();
    script_reset(true);
    reply_done(c);
}
