/* Prompts: the instructions a project gives its model. */
#include "common/call.h"
#include "common/db.h"
#include "projectd/changed.h"
#include "projectd/limits.h"
#include "projectd/queries.h"

int prompt_create(struct call *c, const struct prompt_create_in *in)
{
    int64_t project = 0;
    int r = db_get(c, Q_project_touch, ARGS(c->caller, in->project_id), INTO(&project));

    if (r)
        return r;
    project_changed(c, project);
    r = db_one(c, Q_prompt_insert,
               ARGS(c->caller, project, in->name, in->content,
                    arg_i64_if(in->has_position, in->position),
                    arg_bool_if(in->has_enabled, in->enabled), PROMPTS_PER_PROJECT));
    if (r == NOT_FOUND)
        return refuse(c, LIMIT_REACHED, NULL, "a project has at most %d prompts",
                      PROMPTS_PER_PROJECT);
    return r;
}

/* Finds the prompt's project, checks access and locks it. */
static int project_of(struct call *c, int64_t prompt)
{
    int64_t project = 0;
    int r = db_get(c, Q_prompt_project_touch, ARGS(c->caller, prompt), INTO(&project));

    if (!r)
        project_changed(c, project);
    return r;
}

int prompt_update(struct call *c, const struct prompt_update_in *in)
{
    int r = project_of(c, in->prompt_id);

    if (r)
        return r;
    return db_one(c, Q_prompt_change,
                  ARGS(c->caller, in->prompt_id, in->name, in->content,
                       arg_i64_if(in->has_position, in->position),
                       arg_bool_if(in->has_enabled, in->enabled)));
}

int prompt_delete(struct call *c, const struct prompt_delete_in *in)
{
    int r = project_of(c, in->prompt_id);

    return r ? r : db_do(c, Q_prompt_remove, ARGS(c->caller, in->prompt_id));
}
