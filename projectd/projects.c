/* Projects: the agents that people make. */
#include "common/call.h"
#include "common/db.h"
#include "projectd/changed.h"
#include "projectd/limits.h"
#include "projectd/queries.h"

/* Inserts unless the account has `limit` projects or more: then NOT_FOUND. */
static int project_insert(struct call *c, const struct project_create_in *in, int limit)
{
    return db_one(c, Q_project_insert,
                  ARGS(c->caller, in->name, in->model,
                       arg_f64_if(in->has_temperature && !in->null_temperature, in->temperature),
                       arg_i64_if(in->has_max_output_tokens && !in->null_max_output_tokens,
                                  in->max_output_tokens),
                       limit));
}

int project_create(struct call *c, const struct project_create_in *in)
{
    const char *ignored;
    /* Far from the limit nobody waits; near it one insert at a time keeps it exact. */
    int r = project_insert(c, in, PROJECTS_PER_ACCOUNT - PROJECTS_AT_ONCE);

    if (r != NOT_FOUND)
        return r;
    r = db_get(c, Q_owner_lock, ARGS(c->caller), INTO(&ignored));
    if (!r)
        r = project_insert(c, in, PROJECTS_PER_ACCOUNT);
    if (r == NOT_FOUND)
        return refuse(c, LIMIT_REACHED, NULL, "an account has at most %d projects",
                      PROJECTS_PER_ACCOUNT);
    return r;
}

int project_update(struct call *c, const struct project_update_in *in)
{
    project_changed(c, in->project_id);
    return db_one(c, Q_project_change,
                  ARGS(c->caller, in->project_id, in->name, in->has_model, in->model,
                       in->has_temperature, arg_f64_if(!in->null_temperature, in->temperature),
                       in->has_max_output_tokens,
                       arg_i64_if(!in->null_max_output_tokens, in->max_output_tokens)));
}

int project_delete(struct call *c, const struct project_delete_in *in)
{
    project_changed(c, in->project_id);
    return db_do(c, Q_project_remove, ARGS(c->caller, in->project_id));
}
