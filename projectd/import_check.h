#pragma once
/* An exported project (projects/K.json of an account's archive): what it says, and every rule that
 * it has to keep.  Pure. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "projectd/limits.h"

struct json_object;

struct import_prompt {
    const char *name, *content;
    int64_t position;
    bool enabled;
};

/* Strings are those of the JSON. */
struct import_project {
    const char *name, *model; /* model NULL: the platform's default */
    bool has_temperature, has_max_output_tokens, background;
    double temperature;
    int64_t max_output_tokens;
    struct import_prompt prompts[PROMPTS_PER_PROJECT];
    size_t prompt_count;

    /* of an error: which field, and why */
    char field[96];
    const char *why;
};

/* DONE, or BAD_INPUT with field and why. */
int import_check(struct json_object *file, struct import_project *ret)
    __attribute__((warn_unused_result));
