/* What an account's other tabs are told of its conversations. */
#include "chatd/conversation_tell.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/call.h"
#include "common/cleanup.h"
#include "common/events.h"

void conversation_tell(struct call *c, const struct conversation_told *t,
                       enum conversation_news what)
{
    static const char *const words[] = {
        [CONVERSATION_CREATED] = "created",
        [CONVERSATION_CHANGED] = "changed",
        [CONVERSATION_DELETED] = "deleted",
    };
    cleanup(text_drop) struct text data = {0};
    char topic[32];

    text_putc(&data, '{');
    text_member_str(&data, "event", "conversation");
    text_member_i64(&data, "conversation_id", t->id);
    text_member_i64(&data, "project_id", t->project);
    text_member_str(&data, "what", words[what]);
    text_putc(&data, '}');
    snprintf(topic, sizeof topic, "account:%" PRId64, t->account);
    event_append(&c->news, &(struct event){.topic = topic,
                                           .what = EVENT_CHANGED,
                                           .cursor = (uint64_t)t->id,
                                           .data = data.data,
                                           .size = data.size});
}
