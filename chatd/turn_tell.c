/* What others are told of turns. */
#include <inttypes.h>
#include <stdio.h>

#include "chatd/chatd.h"
#include "chatd/turn.h"
#include "common/cleanup.h"
#include "common/db.h"
#include "common/events.h"
#include "common/service.h"
#include "common/text.h"

void turn_publish_end(struct chatd *d, int64_t id, int64_t attempt, const char *finish_reason,
                      const char *json, size_t size)
{
    cleanup(text_drop) struct text data = {0};
    char topic[32];

    text_puts(&data, "{\"turn\":");
    text_add(&data, json, size);
    text_member_str(&data, "finish_reason", *finish_reason ? finish_reason : NULL);
    text_putc(&data, '}');
    snprintf(topic, sizeof topic, "turn:%" PRId64, id);
    daemon_publish(d->daemon, &(struct event){.topic = topic,
                                              .what = EVENT_ENDED,
                                              .attempt = (uint32_t)attempt,
                                              .data = data.data,
                                              .size = data.size});
    daemon_publish(d->daemon, &(struct event){.topic = "queue", .what = EVENT_CHANGED});
}

void turn_tell(struct chatd *d, const struct turn_told *t, const char *state)
{
    cleanup(text_drop) struct text data = {0};
    char topic[32];

    text_putc(&data, '{');
    text_member_str(&data, "event", "turn");
    text_member_i64(&data, "turn_id", t->id);
    text_member_i64(&data, "conversation_id", t->conversation);
    text_member_i64(&data, "project_id", t->project);
    text_member_str(&data, "state", state);
    text_putc(&data, '}');
    snprintf(topic, sizeof topic, "account:%" PRId64, t->account);
    daemon_publish(d->daemon, &(struct event){.topic = topic,
                                              .what = EVENT_CHANGED,
                                              .cursor = (uint64_t)t->id,
                                              .data = data.data,
                                              .size = data.size});
}

void turns_tell(struct chatd *d, const struct pg_result *rows, const char *state)
{
    for (int i = 0; i < rows_count(rows); i++)
        turn_tell(d,
                  &(struct turn_told){.id = rows_i64(rows, i, 0),
                                      .account = rows_i64(rows, i, 1),
                                      .project = rows_i64(rows, i, 2),
                                      .conversation = rows_i64(rows, i, 3)},
                  state);
}
