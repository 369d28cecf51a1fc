/* project_import: an exported project with its prompts, made anew. */
#include "projectd/import.h"

#include <json-c/json.h>
#include <string.h>

#include "common/account_ref.h"
#include "common/call.h"
#include "common/cleanup.h"
#include "common/db.h"
#include "common/json.h"
#include "projectd/import_check.h"
#include "projectd/limits.h"
#include "projectd/queries.h"
#include "proto/envelope.h"

/* What prepare leaves for apply. */
struct import {
    struct text text;
    struct json_object *file;
    struct import_project project;
    char digest[2 * DIGEST_SIZE + 3]; /* as PostgreSQL writes bytea */
};

static void import_end(struct call *c, void *state)
{
    struct import *i = state;

    (void)c;
    text_drop(&i->text);
    json_drop(&i->file);
}

static int file_take(struct call *c, struct text *to)
{
    size_t size;
    int r;

    while (!(r = call_read(c, text_reserve(to, DATA_MAX), DATA_MAX, &size)) && size) {
        to->size += size;
        to->data[to->size] = '\0';
        if (to->size > IMPORT_BYTES_MAX)
            return refuse(c, TOO_LARGE, "file", "a project's file has at most %d bytes",
                          IMPORT_BYTES_MAX);
    }
    return r;
}

int project_import_prepare(struct call *c, const struct project_import_in *in)
{
    struct import *i = arena_alloc(&c->arena, sizeof *i);
    unsigned char digest[DIGEST_SIZE];
    const char *why = NULL;
    int r;

    (void)in;
    c->prepared = c->settle_state = i;
    c->committed = c->undone = import_end;
    r = file_take(c, &i->text);
    if (r)
        return r;
    call_digest(c, digest);
    memcpy(i->digest, "\\x", 3);
    hex_encode(digest, sizeof digest, i->digest + 2);
    r = json_parse(i->text.size ? i->text.data : "", i->text.size, &i->file, &why);
    if (r)
        return refuse(c, r, "file", "the file is not valid JSON: %s", why);
    r = import_check(i->file, &i->project);
    return r ? refuse(c, r, i->project.field, "%s: %s", i->project.field, i->project.why) : r;
}

static int prompts_make(struct call *c, const struct import_project *p)
{
    int r = DONE;

    for (size_t n = 0; !r && n < p->prompt_count; n++)
        r = db_do(c, Q_import_prompt,
                  ARGS(c->caller, c->new_id, p->prompts[n].name, p->prompts[n].content,
                       p->prompts[n].position, p->prompts[n].enabled));
    return r;
}

/* One import of an account at a time comes past the lock. */
int import_make(struct call *c, const struct import_project *p, const char *digest)
{
    const char *ignored;
    int r = db_get(c, Q_owner_lock, ARGS(c->caller), INTO(&ignored));

    if (!r)
        r = db_one(c, Q_import_find, ARGS(c->caller, digest));
    if (r != NOT_FOUND) {
        c->http = 200;
        return r;
    }
    r = ACCOUNT_HOLD(c);
    if (!r)
        r = db_one(c, Q_project_insert,
                   ARGS(c->caller, p->name, p->model,
                        arg_f64_if(p->has_temperature, p->temperature),
                        arg_i64_if(p->has_max_output_tokens, p->max_output_tokens),
                        PROJECTS_PER_ACCOUNT, p->background));
    if (r == NOT_FOUND)
        return refuse(c, LIMIT_REACHED, NULL, "an account has at most %d projects",
                      PROJECTS_PER_ACCOUNT);
    if (!r)
        r = prompts_make(c, p);
    return r ? r : db_do(c, Q_import_insert, ARGS(c->caller, digest, c->new_id));
}

int project_import(struct call *c, const struct project_import_in *in)
{
    const struct import *i = c->prepared;

    (void)in;
    return import_make(c, &i->project, i->digest);
}
