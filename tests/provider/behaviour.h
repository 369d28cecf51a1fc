#pragma once
/* Behaviours: what a model does, from a script's JSON or from steps in a model's name. */
#include <stdbool.h>
#include <stddef.h>

struct buffer;
struct json_object;

/* The numbers of behaviour.def. */
struct knobs {
#define NUMBER(name, kind, standard, min, max, doc) int name;
#include "behaviour.def"
};

struct behaviour {
    struct knobs knobs;
#define TEXT(name, doc) char *name;
#include "behaviour.def"
    struct behaviour *then; /* after `times` calls; NULL: the same without its faults */
};

enum { BEHAVIOUR_WHY = 160 }; /* room for the reason of a refusal */

/* All defaults. */
struct behaviour *behaviour_new(void);

/* NULL, with a reason, when the JSON says something that behaviour.def does not know. */
struct behaviour *behaviour_json(struct json_object *json, unsigned depth,
                                 char reterr_why[BEHAVIOUR_WHY]);

/* From a name like "n-50x20" or "echo+delay_ms=100"; NULL when it means nothing. */
struct behaviour *behaviour_name(const char *name);

/* For a name that means nothing: OpenAI's 404 model_not_found. */
struct behaviour *behaviour_unknown(void);

void behaviour_drop(struct behaviour **b);

/* A new one without the faults of `b`: what follows `times` when there is no `then`. */
struct behaviour *behaviour_healed(const struct behaviour *b);

/* Writes all names and knobs as Markdown tables. */
void behaviour_manual(struct buffer *out);
