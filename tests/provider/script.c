/* The script: a table of models by name, filled from JSON and by names as they are asked for. */
#include "script.h"

#include <json-c/json.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 1024, LEARNED_MAX = 4096, SEQUENCE_MAX = 1024 };

struct model {
    struct model *next;
    char *name;
    bool scripted;
    uint64_t calls;
    unsigned count; /* of behaviours: one call each, the last for ever */
    struct behaviour **sequence;
};

struct table {
    struct model *buckets[BUCKETS];
    unsigned learned;
};

static struct table table;

static unsigned name_hash(const char *name)
{
    uint32_t hash = 2166136261U;

    for (; *name; name++)
        hash = (hash ^ (unsigned char)*name) * 16777619U;
    return hash % BUCKETS;
}

static void model_drop(struct model **m)
{
    if (!*m)
        return;
    for (unsigned i = 0; i < (*m)->count; i++)
        behaviour_drop(&(*m)->sequence[i]);
    free((*m)->sequence);
    free((*m)->name);
    free(*m);
    *m = NULL;
}

static void table_clear(struct table *t, bool learned_only)
{
    for (unsigned i = 0; i < BUCKETS; i++) {
        for (struct model **at = &t->buckets[i]; *at;) {
            struct model *m = *at;
            if (learned_only && m->scripted) {
                at = &m->next;
                continue;
            }
            *at = m->next;
            model_drop(&m);
        }
    }
    t->learned = 0;
}

static struct model *table_find(struct table *t, const char *name)
{
    struct model *m = t->buckets[name_hash(name)];

    while (m && strcmp(m->name, name) != 0)
        m = m->next;
    return m;
}

static struct model *table_add(struct table *t, const char *name, unsigned count)
{
    struct model *m = calloc(1, sizeof *m);
    unsigned bucket = name_hash(name);

    if (!m || !(m->name = strdup(name)) || !(m->sequence = calloc(count, sizeof *m->sequence)))
        abort();
    m->count = count;
    m->next = t->buckets[bucket];
    t->buckets[bucket] = m;
    return m;
}

/* One entry of "models" (an object or a name) or of "sequence" (an array of them). */
static bool script_entry(struct table *t, const char *name, struct json_object *json,
                         char reterr_why[BEHAVIOUR_WHY])
{
    bool many = json_object_is_type(json, json_type_array);
    size_t count = many ? json_object_array_length(json) : 1;
    struct model *m;

    snprintf(reterr_why, BEHAVIOUR_WHY, "a model that is there twice, or an empty sequence");
    if (!count || count > SEQUENCE_MAX || table_find(t, name))
        return false;
    m = table_add(t, name, (unsigned)count);
    m->scripted = true;
    for (unsigned i = 0; i < count; i++) {
        struct json_object *one = many ? json_object_array_get_idx(json, i) : json;
        m->sequence[i] = behaviour_json(one, 0, reterr_why);
        if (!m->sequence[i])
            return false;
    }
    return true;
}

static bool script_read(struct table *t, struct json_object *json, char reterr_why[BEHAVIOUR_WHY])
{
    snprintf(reterr_why, BEHAVIOUR_WHY, "not a JSON object");
    if (!json_object_is_type(json, json_type_object))
        return false;
    json_object_object_foreach(json, section, entries)
    {
        snprintf(reterr_why, BEHAVIOUR_WHY, "a script has \"models\" and \"sequence\"");
        if ((strcmp(section, "models") != 0 && strcmp(section, "sequence") != 0) ||
            !json_object_is_type(entries, json_type_object))
            return false;
        json_object_object_foreach(entries, name, entry)
        {
            if (!script_entry(t, name, entry, reterr_why))
                return false;
        }
    }
    return true;
}

bool script_load(const char *text, size_t length, char reterr_why[BEHAVIOUR_WHY])
{
    struct json_tokener *tokener = json_tokener_new_ex(32);
    struct json_object *json = json_tokener_parse_ex(tokener, text, (int)length);
    struct table *fresh = calloc(1, sizeof *fresh);
    bool good;

    if (!fresh)
        abort();
    good = script_read(fresh, json, reterr_why);
    if (good) {
        struct table old = table;
        table = *fresh;
        *fresh = old;
    }
    table_clear(fresh, false);
    free(fresh);
    json_object_put(json);
    json_tokener_free(tokener);
    return good;
}

/* A name that the script does not have: "*" in the script, else what the name itself says. */
static struct model *model_learn(const char *name)
{
    struct behaviour *b = behaviour_name(name);
    struct model *star = table_find(&table, "*");
    struct model *m;

    if (!b && star)
        return star;
    if (table.learned >= LEARNED_MAX)
        table_clear(&table, true);
    table.learned++;
    m = table_add(&table, name, 1);
    m->sequence[0] = b ? b : behaviour_unknown();
    return m;
}

const struct behaviour *script_next(const char *name)
{
    struct model *m = table_find(&table, name);
    const struct behaviour *b;
    uint64_t call;

    if (!m)
        m = model_learn(name);
    call = m->calls++;
    b = m->sequence[call < m->count ? call : m->count - 1];
    call = call < m->count ? 0 : call - m->count + 1; /* calls of this behaviour before */
    while (b->knobs.times && b->then && call >= (uint64_t)b->knobs.times) {
        call -= (uint64_t)b->knobs.times;
        b = b->then;
    }
    return b;
}

bool script_knows(const char *name)
{
    struct behaviour *b;
    bool known = table_find(&table, name) || table_find(&table, "*");

    b = known ? NULL : behaviour_name(name);
    known = known || b;
    behaviour_drop(&b);
    return known;
}

bool script_has(const char *name)
{
    struct model *m = table_find(&table, name);

    return m && m->scripted;
}

void script_names(void (*each)(const char *name, void *context), void *context)
{
    static const char *const shown[] = {"demo", "echo", "slow", "gpt-4o-mini"};

    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++)
        if (!table_find(&table, shown[i]) || !table_find(&table, shown[i])->scripted)
            each(shown[i], context);
    for (unsigned i = 0; i < BUCKETS; i++)
        for (struct model *m = table.buckets[i]; m; m = m->next)
            if (m->scripted && strcmp(m->name, "*") != 0)
                each(m->name, context);
}

void script_reset(bool all)
{
    table_clear(&table, !all);
    for (unsigned i = 0; i < BUCKETS; i++)
        for (struct model *m = table.buckets[i]; m; m = m->next)
            m->calls = 0;
}
