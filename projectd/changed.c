/* News of changed projects, for chatd's cache of project_context. */
#include "projectd/changed.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/call.h"
#include "common/events.h"
#include "common/service.h"

static void publish(struct call *c, void *project_id)
{
    char topic[32];

    snprintf(topic, sizeof topic, "project:%" PRId64, *(const int64_t *)project_id);
    daemon_publish(c->daemon, &(struct event){.topic = topic, .what = EVENT_CHANGED});
}

void project_changed(struct call *c, int64_t project_id)
{
    int64_t *id = arena_alloc(&c->arena, sizeof *id);

    *id = project_id;
    c->committed = publish;
    c->committed_state = id;
}
