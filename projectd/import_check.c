/* An exported project, checked: the same bounds as the rows project_create and prompt_create have.
 */
#include "projectd/import_check.h"

#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "common/json.h"
#include "proto/api.h"

#define IGNORED "id", "created_at" /* of where it was exported; it has others here */

/* ---- values; each says what is wrong with it, or NULL ---- */

static const char *as_string(struct json_object *v, size_t max, const char **ret)
{
    size_t n;

    if (!json_object_is_type(v, json_type_string))
        return "must be a string";
    *ret = json_object_get_string(v);
    n = (size_t)json_object_get_string_len(v);
    if (strlen(*ret) != n)
        return "holds a NUL character";
    return n < 1 ? "is too short" : n > max ? "is too long" : NULL;
}

static const char *as_integer(struct json_object *v, int64_t min, int64_t max, int64_t *ret)
{
    if (!json_object_is_type(v, json_type_int))
        return "must be an integer";
    *ret = json_object_get_int64(v);
    return *ret < min || *ret > max ? "is out of range" : NULL;
}

static const char *as_flag(struct json_object *v, bool *ret)
{
    if (!json_object_is_type(v, json_type_boolean))
        return "must be a boolean";
    *ret = json_object_get_boolean(v);
    return NULL;
}

static const char *as_temperature(struct json_object *v, double *ret)
{
    if (!json_object_is_type(v, json_type_int) && !json_object_is_type(v, json_type_double))
        return "must be a number";
    *ret = json_object_get_double(v);
    return *ret >= 0 && *ret <= 2 ? NULL : "is out of range";
}

static bool is_one_of(const char *name, const char *const *names)
{
    while (*names && strcmp(*names, name) != 0)
        names++;
    return *names;
}

static int wrong(struct import_project *p, const char *where, const char *name, const char *why)
{
    snprintf(p->field, sizeof p->field, "%s%s%.40s", where, *where && *name ? "." : "", name);
    if (!p->field[0])
        snprintf(p->field, sizeof p->field, "file");
    p->why = why;
    return BAD_INPUT;
}

/* ---- prompts ---- */

static const char *prompt_member(struct import_prompt *to, const char *name, struct json_object *v)
{
    int64_t ignored;

    if (strcmp(name, "name") == 0)
        return as_string(v, PROJECT_NAME_MAX, &to->name);
    if (strcmp(name, "content") == 0)
        return as_string(v, PROMPT_CONTENT_MAX, &to->content);
    if (strcmp(name, "position") == 0)
        return as_integer(v, 0, 1000000, &to->position);
    if (strcmp(name, "enabled") == 0)
        return as_flag(v, &to->enabled);
    return strcmp(name, "version") == 0 ? as_integer(v, 0, INT64_MAX, &ignored) : "is not known";
}

static int prompt_check(struct import_project *p, size_t i, struct json_object *v)
{
    struct import_prompt *to = &p->prompts[i];
    char where[40];

    snprintf(where, sizeof where, "project.prompts[%zu]", i);
    *to = (struct import_prompt){.position = (int64_t)i + 1, .enabled = true};
    if (!json_object_is_type(v, json_type_object))
        return wrong(p, where, "", "must be an object");
    json_object_object_foreach(v, name, value)
    {
        const char *why = prompt_member(to, name, value);
        if (why)
            return wrong(p, where, name, why);
    }
    if (!to->name)
        return wrong(p, where, "name", "is missing");
    return to->content ? DONE : wrong(p, where, "content", "is missing");
}

static int prompts_check(struct import_project *p, struct json_object *v)
{
    int r = DONE;

    if (!json_object_is_type(v, json_type_array) ||
        json_object_array_length(v) > PROMPTS_PER_PROJECT)
        return wrong(p, "project", "prompts", "must be an array of at most 50 prompts");
    p->prompt_count = json_object_array_length(v);
    for (size_t i = 0; !r && i < p->prompt_count; i++)
        r = prompt_check(p, i, json_object_array_get_idx(v, i));
    return r;
}

/* ---- the project ---- */

/* A member that may be null. */
static const char *setting_member(struct import_project *p, const char *name, struct json_object *v)
{
    const char *why;

    if (strcmp(name, "model") == 0)
        return v ? as_string(v, 120, &p->model) : NULL;
    if (strcmp(name, "temperature") == 0) {
        why = v ? as_temperature(v, &p->temperature) : NULL;
        p->has_temperature = v && !why;
        return why;
    }
    why = v ? as_integer(v, 1, 131072, &p->max_output_tokens) : NULL;
    p->has_max_output_tokens = v && !why;
    return why;
}

static int project_member(struct import_project *p, const char *name, struct json_object *v)
{
    static const char *const ignored[] = {IGNORED, NULL};
    static const char *const settings[] = {"model", "temperature", "max_output_tokens", NULL};
    const char *why = "is not known";

    if (strcmp(name, "prompts") == 0)
        return prompts_check(p, v);
    if (is_one_of(name, ignored))
        why = NULL;
    else if (is_one_of(name, settings))
        why = setting_member(p, name, v);
    else if (strcmp(name, "name") == 0)
        why = as_string(v, PROJECT_NAME_MAX, &p->name);
    else if (strcmp(name, "background") == 0)
        why = as_flag(v, &p->background);
    return why ? wrong(p, "project", name, why) : DONE;
}

int import_check(struct json_object *file, struct import_project *ret)
{
    struct json_object *project = json_member(file, "project");
    int r = DONE;

    *ret = (struct import_project){0};
    if (!json_object_is_type(file, json_type_object))
        return wrong(ret, "file", "", "must be a JSON object");
    json_object_object_foreach(file, name, value)
    {
        bool files = strcmp(name, "files") == 0;
        if (!files && strcmp(name, "project") != 0)
            return wrong(ret, "", name, "is not known");
        if (files && !json_object_is_type(value, json_type_array))
            return wrong(ret, "", name, "must be an array");
    }
    if (!json_object_is_type(project, json_type_object))
        return wrong(ret, "project", "", "must be an object");
    json_object_object_foreach(project, member, v)
    {
        if ((r = project_member(ret, member, v)))
            return r;
    }
    return ret->name ? DONE : wrong(ret, "project", "name", "is missing");
}
