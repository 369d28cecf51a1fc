/* News of changed projects, for chatd's cache of project_context. */
#include "projectd/changed.h"

#include "common/call.h"
#include "common/events.h"
#include "common/service.h"

void project_changed(struct call *c, int64_t project_id)
{
    text_clear(&c->news);
    event_append(
        &c->news,
        &(struct event){.topic = "project", .what = EVENT_CHANGED, .cursor = (uint64_t)project_id});
}
