/* API keys of one project: what they reach is looked up before it is served. */
#include "gateway/key_project.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/fault.h"
#include "common/json.h"
#include "gateway/auth.h"

/* Which internal operation tells the project of an object in the path. */
static const struct {
    const char *name;
    enum op_id op;
} objects[] = {
    {"prompt_id", OP_prompt_project},
    {"turn_id", OP_turn_project},
    {"conversation_id", OP_conversation_project},
    {"message_id", OP_message_project},
    {"file_id", OP_file_project},
};

static int project_compare(const struct exchange *x, int64_t project)
{
    return project == x->rights.project ? DONE : NOT_FOUND;
}

/* What the daemon would refuse is none of our business here: it is in no project. */
static int body_compare(const struct exchange *x)
{
    cleanup(json_drop) struct json_object *body = NULL;
    const char *why;
    int r = json_parse(x->body.size ? x->body.data : "", x->body.size, &body, &why);

    return r ? r : project_compare(x, json_i64(body, "project_id", 0));
}

static int object_compare(struct exchange *x, enum op_id op, const char *name, const char *id)
{
    cleanup(json_drop) struct json_object *answer = NULL;
    char data[64];
    struct params params = {.data = data, .capacity = sizeof data};
    int r;

    if (!params_add(&params, name, id, strlen(id)))
        return NOT_FOUND;
    r = auth_ask(x, op, x->caller, &params, &answer);
    return r ? r : project_compare(x, json_i64(answer, "project_id", 0));
}

/* The one object in the path. */
static int path_compare(struct exchange *x, const struct field *f)
{
    const char *id = params_get(x->params.data, x->params.size, f->name);

    if (!id)
        return FAULT("%s has no %s", x->op->name, f->name);
    if (strcmp(f->name, "project_id") == 0)
        return project_compare(x, strtoll(id, NULL, 10));
    for (size_t i = 0; i < sizeof objects / sizeof *objects; i++)
        if (strcmp(f->name, objects[i].name) == 0)
            return object_compare(x, objects[i].op, f->name, id);
    return FORBIDDEN;
}

int key_project_step(struct exchange *x)
{
    bool found = false;
    int r = DONE;

    if (!x->rights.project || x->op->id == OP_user_me || x->op->id == OP_model_list)
        return DONE;
    for (const struct field *f = x->op->in; f->name && r == DONE; f++) {
        bool in_body = f->place == AT_BODY && strcmp(f->name, "project_id") == 0;
        if (f->place == AT_PATH)
            r = path_compare(x, f);
        else if (in_body)
            r = body_compare(x);
        found |= in_body || f->place == AT_PATH;
    }
    if (!found)
        r = FORBIDDEN;
    return r == FORBIDDEN ? problem(x, r, NULL, "this API key is for one project only") : r;
}
