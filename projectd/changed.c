/* News of changed projects, for chatd's cache of project_context. */
#include "projectd/changed.h"

#include "common/call.h"
#include "common/events.h"
#include "common/service.h"

static void publish(struct call *c, void *project_id)
{
    daemon_publish(c->daemon, &(struct event){.topic = "project",
                                              .what = EVENT_CHANGED,
                                              .cursor = *(const uint64_t *)project_id});
}

void project_changed(struct call *c, int64_t project_id)
{
    int64_t *id = arena_alloc(&c->arena, sizeof *id);

    *id = project_id;
    c->committed = publish;
    c->settle_state = id;
}
