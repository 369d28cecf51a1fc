/* Projects of the seed's users, with their prompts. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/call.h"
#include "common/cleanup.h"
#include "common/conf.h"
#include "common/db.h"
#include "common/digest.h"
#include "deploy/admin/as_projectd.h"
#include "deploy/admin/ask.h"
#include "deploy/admin/seed.h"
#include "deploy/admin/seed_file.h"
#include "deploy/admin/seed_people.h"
#include "projectd/import.h"
#include "projectd/import_check.h"

#define DIGEST_TEXT_SIZE (2 * DIGEST_SIZE + 3)

/* A prompt as it stands in the file; there are few enough of them to hold them all. */
struct prompt {
    int64_t id, project;
    char *name, *content; /* NULL: missing */
};

struct prompts {
    struct prompt *list; /* by project, then by number */
    size_t count, capacity;
};

static void prompts_drop(struct prompts *p)
{
    for (size_t i = 0; i < p->count; i++) {
        free(p->list[i].name);
        free(p->list[i].content);
    }
    free(p->list);
    *p = (struct prompts){0};
}

static char *copied(const char *s)
{
    char *copy = s ? strdup(s) : NULL;

    if (s && !copy)
        abort();
    return copy;
}

static int by_project(const void *a, const void *b)
{
    const struct prompt *x = a, *y = b;

    if (x->project != y->project)
        return x->project < y->project ? -1 : 1;
    return (x->id > y->id) - (x->id < y->id);
}

static void prompt_add(struct prompts *p, const struct seed_row *row)
{
    if (p->count == p->capacity) {
        p->capacity = p->capacity ? 2 * p->capacity : 256;
        p->list = reallocarray(p->list, p->capacity, sizeof *p->list);
        if (!p->list)
            abort();
    }
    p->list[p->count++] =
        (struct prompt){row->id, row->owner, copied(row->text[0]), copied(row->text[1])};
}

static int prompts_read(struct seed_file *f, struct prompts *ret)
{
    const char *why = seed_begin(f, SEED_PROMPTS);
    struct seed_row row;

    while (!why && seed_next(f, &row, &why) > 0)
        prompt_add(ret, &row);
    if (why)
        return console_fail("the file", why);
    if (ret->count)
        qsort(ret->list, ret->count, sizeof *ret->list, by_project);
    return 0;
}

/* The first of a project's prompts. */
static struct prompt *prompts_of(const struct prompts *p, int64_t project)
{
    size_t low = 0, high = p->count;

    while (low < high) {
        size_t middle = (low + high) / 2;
        if (p->list[middle].project < project)
            low = middle + 1;
        else
            high = middle;
    }
    return p->list + low;
}

/* A name that may be given here: as it is, cut to whole characters, or made of a number. */
static const char *name_make(struct call *c, const char *name, const char *kind, int64_t id)
{
    char made[40];
    size_t n = name ? strlen(name) : 0;

    if (n > PROJECT_NAME_MAX)
        for (n = PROJECT_NAME_MAX; ((unsigned char)name[n] & 0xc0) == 0x80;)
            n--;
    if (n)
        return arena_strndup(&c->arena, name, n);
    snprintf(made, sizeof made, "%s %" PRId64, kind, id);
    return arena_strndup(&c->arena, made, strlen(made));
}

static const char *prompt_refused(const struct prompt *p, size_t taken)
{
    size_t n = p->content ? strlen(p->content) : 0;

    if (taken >= PROMPTS_PER_PROJECT)
        return "its project has 50 others";
    return !p->content              ? "it has no text"
           : !n                     ? "its text is empty"
           : n > PROMPT_CONTENT_MAX ? "its text is longer than 32768 bytes"
                                    : NULL;
}

/* Counts those that cannot be taken; says so of them when their project is new. */
static size_t prompts_take(struct call *c, const struct prompts *all, int64_t project,
                           struct import_project *to)
{
    size_t refused = 0;

    for (struct prompt *p = prompts_of(all, project);
         p < all->list + all->count && p->project == project; p++) {
        if (prompt_refused(p, to->prompt_count)) {
            refused++;
            continue;
        }
        to->prompts[to->prompt_count] =
            (struct import_prompt){.name = name_make(c, p->name, "prompt", p->id),
                                   .content = p->content,
                                   .position = (int64_t)to->prompt_count + 1,
                                   .enabled = true};
        to->prompt_count++;
    }
    return refused;
}

static void refused_tell(const struct seed_run *run, const struct prompts *all, int64_t project)
{
    size_t taken = 0;

    for (struct prompt *p = prompts_of(all, project);
         p < all->list + all->count && p->project == project; p++) {
        const char *why = prompt_refused(p, taken);
        if (why)
            seed_tell(run, "prompt", p->id, "skipped: %s", why);
        taken += !why;
    }
}

/* What is the same project when it comes again, whatever was done with it since. */
static void identity_make(int64_t user, int64_t project, char ret[DIGEST_TEXT_SIZE])
{
    unsigned char digest[DIGEST_SIZE];
    char name[80];
    int n = snprintf(name, sizeof name, "seed user %" PRId64 " project %" PRId64, user, project);

    digest_sha256(name, (size_t)n, digest);
    memcpy(ret, "\\x", 3);
    hex_encode(digest, sizeof digest, ret + 2);
}

static int project_make(struct call *c, const struct seed_run *run, const struct import_project *p,
                        const char *digest)
{
    int r = db_begin(c->db);

    if (!r)
        r = import_make(c, p, digest);
    if (r || run->dry) {
        db_rollback(c->db);
        return r;
    }
    return db_commit(c->db);
}

static void project_tell(struct call *c, struct seed_run *run, const struct seed_row *row, int r,
                         size_t prompts, size_t refused)
{
    if (r) {
        run->projects.skipped++;
        run->prompts.skipped += (int64_t)(prompts + refused);
        seed_tell(run, "project", row->id, "skipped, with its prompts: %s", c->detail);
    } else if (c->http == 200) {
        run->projects.there++;
        run->prompts.there += (int64_t)(prompts + refused);
    } else {
        run->projects.taken++;
        run->prompts.taken += (int64_t)prompts;
        run->prompts.skipped += (int64_t)refused;
        seed_tell(run, "project", row->id, "taken, with %zu prompts", prompts);
    }
}

/* Without its user it belongs to nobody. */
static void orphan_tell(struct seed_run *run, const struct prompts *all, const struct seed_row *row)
{
    const struct prompt *first = prompts_of(all, row->id), *p = first;

    while (p < all->list + all->count && p->project == row->id)
        p++;
    run->projects.skipped++;
    run->prompts.skipped += p - first;
    seed_tell(run, "project", row->id,
              "skipped, with its prompts: its user %" PRId64 " is not taken", row->owner);
}

/* DONE, or what the database says. */
static int project_import_one(struct call *c, struct seed_run *run, const struct prompts *prompts,
                              const struct seed_row *row)
{
    struct import_project *p;
    char digest[DIGEST_TEXT_SIZE];
    size_t refused;
    int r;

    c->http = 0;
    c->detail = NULL;
    if (!row->id || !seed_people_find(run->people, row->owner, &c->caller)) {
        orphan_tell(run, prompts, row);
        return DONE;
    }
    p = arena_alloc(&c->arena, sizeof *p);
    *p = (struct import_project){.name = name_make(c, row->text[0], "project", row->id)};
    refused = prompts_take(c, prompts, row->id, p);
    identity_make(row->owner, row->id, digest);
    r = project_make(c, run, p, digest);
    if (!r || r == LIMIT_REACHED)
        project_tell(c, run, row, r, p->prompt_count, refused);
    if (!r && c->http != 200)
        refused_tell(run, prompts, row->id);
    text_clear(&c->out);
    text_clear(&c->news);
    arena_reset(&c->arena);
    return r == LIMIT_REACHED ? DONE : r;
}

static int projects_walk(struct call *c, struct seed_run *run, const struct prompts *prompts)
{
    const char *why = seed_begin(run->file, SEED_PROJECTS);
    struct seed_row row;
    int64_t rest;
    int r = 0;

    while (!why && !r && seed_next(run->file, &row, &why) > 0)
        r = project_import_one(c, run, prompts, &row);
    if (r)
        return console_fail("the database", "did not take a project");
    if (why)
        return console_fail("the file", why);
    rest = (int64_t)prompts->count - run->prompts.taken - run->prompts.there - run->prompts.skipped;
    if (rest > 0)
        fprintf(run->report, "prompts of no project that is there: %" PRId64 "\n", rest);
    run->prompts.skipped += rest;
    return 0;
}

int seed_projects(struct seed_run *run)
{
    cleanup(conf_drop) struct conf *conf = NULL;
    cleanup(db_close) struct db *db = NULL;
    cleanup(prompts_drop) struct prompts prompts = {0};
    struct call c = {.op = api_op(OP_project_import), .address = "console"};
    int status = projectd_connect(run->con, &conf, &db);

    if (!status)
        status = prompts_read(run->file, &prompts);
    if (status)
        return status;
    c.db = db;
    status = projects_walk(&c, run, &prompts);
    text_drop(&c.out);
    text_drop(&c.news);
    arena_drop(&c.arena);
    return status;
}
