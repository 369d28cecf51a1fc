/* Projects: the agents that people make. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/account_ref.h"
#include "common/audit_owed.h"
#include "common/call.h"
#include "common/db.h"
#include "common/fault.h"
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
                       limit, arg_bool_if(true, in->background)));
}

int project_create(struct call *c, const struct project_create_in *in)
{
    const char *ignored;
    int r = ACCOUNT_HOLD(c);

    /* Far from the limit nobody waits; near it one insert at a time keeps it exact. */
    if (!r)
        r = project_insert(c, in, PROJECTS_PER_ACCOUNT - PROJECTS_AT_ONCE);
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
                       arg_i64_if(!in->null_max_output_tokens, in->max_output_tokens),
                       arg_bool_if(in->has_background, in->background)));
}

/* Who keeps something of projects; each gets its own line of events, so that none waits for
 * another. */
static const struct {
    enum op_id op;
    const char *object;
} keepers[] = {
    {OP_chat_project_erase, "chat of project:"},
    {OP_file_project_erase, "files of project:"},
};

/* Has others erase what they keep of the project. */
static int erase_elsewhere(struct call *c, int64_t project_id)
{
    char data[64], id[24], object[48];
    struct params params = {.data = data, .capacity = sizeof data};
    int r = DONE;

    snprintf(id, sizeof id, "%" PRId64, project_id);
    if (!params_add(&params, "project_id", id, strlen(id)))
        return FAULT("a project id does not fit");
    for (size_t i = 0; !r && i < sizeof keepers / sizeof *keepers; i++) {
        snprintf(object, sizeof object, "%s%s", keepers[i].object, id);
        r = outbox_add(c, keepers[i].op, object, &params);
    }
    return r;
}

int project_delete(struct call *c, const struct project_delete_in *in)
{
    int r = db_do(c, Q_project_remove, ARGS(c->caller, in->project_id));

    if (r)
        return r;
    project_changed(c, in->project_id);
    r = erase_elsewhere(c, in->project_id);
    return r ? r : audit_owed(c, "project_deleted", "project", in->project_id);
}
