#pragma once
/*
 * What a turn needs to know of its project: access, model settings, prompts.  projectd is asked
 * once per account and project; the answer is remembered for at most 5 s, or until projectd says
 * (topic project) that it changed.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct call;
struct contexts;

#define CONTEXTS_MAX    4096       /* remembered at once */
#define CONTEXTS_BYTES  (16 << 20) /* of them all */
#define CONTEXT_LIFE_US 5000000

struct context {
    int64_t version;
    const char *model; /* NULL: the platform's default */
    bool has_temperature;
    double temperature;
    int64_t max_output_tokens; /* 0: the model's default */
    bool background;
    const char **prompts; /* contents, in order */
    size_t prompt_count;
    const char *sent_with; /* JSON for the turn's record, see its column `sent` */
};

struct contexts *contexts_new(void);
void contexts_drop(struct contexts **c);

/*
 * The context of a project for c->caller, in the call's arena.
 * DONE; NOT_FOUND: no such project for this caller; UNAVAILABLE, TOO_LATE: projectd does not
 * answer.
 */
int context_get(struct contexts *all, struct call *c, int64_t project_id, struct context *ret)
    __attribute__((warn_unused_result));

/* A project changed. */
void context_forget(struct contexts *all, int64_t project_id);
