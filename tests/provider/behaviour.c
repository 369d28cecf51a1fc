/* Behaviours: decodes what behaviour.def and names.def describe. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "behaviour.h"

#include <ctype.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buffer.h"

enum { THEN_DEPTH = 8, STEPS_MAX = 512 };
enum knob_kind { ANSWER, FAULT };

struct knob {
    const char *name;
    size_t offset;
    enum knob_kind kind;
    int standard, min, max;
    const char *doc;
};

static const struct knob knobs[] = {
#define NUMBER(name, kind, standard, min, max, doc) \
    {#name, offsetof(struct knobs, name), kind, standard, min, max, doc},
#include "behaviour.def"
};

static const struct {
    const char *name;
    size_t offset;
    const char *doc;
} texts[] = {
#define TEXT(name, doc) {#name, offsetof(struct behaviour, name), doc},
#include "behaviour.def"
};

static const struct {
    const char *pattern;
    const char *steps;
    const char *doc;
} names[] = {
#define NAME(pattern, steps, doc) {pattern, steps, doc},
#include "names.def"
};

static const struct {
    const char *word;
    int number;
} words[] = {
    {"event", 1}, {"body", 2}, {"nested", 1}, {"flat", 2}, {"false", 0}, {"true", 1},
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

static int *knob_at(struct behaviour *b, const struct knob *knob)
{
    return (int *)((char *)&b->knobs + knob->offset);
}

static char **text_at(struct behaviour *b, size_t i)
{
    return (char **)((char *)b + texts[i].offset);
}

static char *text_copy(const char *text)
{
    char *copy = text ? strdup(text) : NULL;

    if (text && !copy)
        abort();
    return copy;
}

struct behaviour *behaviour_new(void)
{
    struct behaviour *b = calloc(1, sizeof *b);

    if (!b)
        abort();
    for (size_t i = 0; i < COUNT(knobs); i++)
        *knob_at(b, &knobs[i]) = knobs[i].standard;
    return b;
}

void behaviour_drop(struct behaviour **b)
{
    if (!*b)
        return;
    for (size_t i = 0; i < COUNT(texts); i++)
        free(*text_at(*b, i));
    behaviour_drop(&(*b)->then);
    free(*b);
    *b = NULL;
}

struct behaviour *behaviour_healed(const struct behaviour *b)
{
    struct behaviour *healed = behaviour_new();

    for (size_t i = 0; i < COUNT(knobs); i++)
        if (knobs[i].kind == ANSWER)
            *knob_at(healed, &knobs[i]) = *knob_at((struct behaviour *)b, &knobs[i]);
    healed->reply = text_copy(b->reply);
    return healed;
}

struct behaviour *behaviour_unknown(void)
{
    struct behaviour *b = behaviour_new();

    b->knobs.status = 404;
    b->type = text_copy("invalid_request_error");
    b->code = text_copy("model_not_found");
    b->message = text_copy("The model `{model}` does not exist or you do not have access to it.");
    return b;
}

/* Settles what can be said in two ways. */
static void behaviour_settle(struct behaviour *b)
{
    if (b->knobs.cut_after >= 0) {
        b->knobs.cut = 1;
        b->knobs.after = b->knobs.cut_after;
    }
    if (b->knobs.times && !b->then)
        b->then = behaviour_healed(b);
}

/* Sets one knob or text; false when the name or the value is not one. */
static bool behaviour_set(struct behaviour *b, const char *name, const char *value)
{
    char *end;
    long number = strtol(value, &end, 10);

    for (size_t i = 0; i < COUNT(texts); i++) {
        if (strcmp(texts[i].name, name) != 0)
            continue;
        free(*text_at(b, i));
        *text_at(b, i) = text_copy(value);
        return true;
    }
    if (end == value || *end) {
        size_t i = 0;
        while (i < COUNT(words) && strcmp(words[i].word, value) != 0)
            i++;
        if (i == COUNT(words))
            return false;
        number = words[i].number;
    }
    for (size_t i = 0; i < COUNT(knobs); i++) {
        if (strcmp(knobs[i].name, name) != 0)
            continue;
        *knob_at(b, &knobs[i]) = (int)number;
        return number == 0 || (number >= knobs[i].min && number <= knobs[i].max);
    }
    return false;
}

/* "usage": false, or an object with OpenAI's names. */
static bool usage_set(struct behaviour *b, struct json_object *json)
{
    static const char *const keys[][2] = {
        {"input_tokens", "usage_input"},
        {"output_tokens", "usage_output"},
        {"cached_tokens", "usage_cached"},
        {"reasoning_tokens", "usage_reasoning"},
    };

    if (!json_object_is_type(json, json_type_object))
        return behaviour_set(b, "no_usage", json_object_get_boolean(json) ? "0" : "1");
    json_object_object_foreach(json, key, value)
    {
        size_t i = 0;
        while (i < COUNT(keys) && strcmp(keys[i][0], key) != 0)
            i++;
        if (i == COUNT(keys) || !behaviour_set(b, keys[i][1], json_object_get_string(value)))
            return false;
    }
    return true;
}

__attribute__((nonnull(2))) static bool member_set(struct behaviour *b, const char *key,
                                                   struct json_object *value, unsigned depth,
                                                   char reterr_why[BEHAVIOUR_WHY])
{
    const char *text = value ? json_object_get_string(value) : "0";

    if (!strcmp(key, "then")) {
        behaviour_drop(&b->then);
        b->then = behaviour_json(value, depth + 1, reterr_why);
        return b->then;
    }
    snprintf(reterr_why, BEHAVIOUR_WHY, "no such key, or no such value: %s", key);
    if (!strcmp(key, "usage"))
        return usage_set(b, value);
    if (!strcmp(key, "tokens"))
        key = "deltas";
    if (!strcmp(key, "hang") && json_object_is_type(value, json_type_int))
        key = "hang_after";
    return behaviour_set(b, key, text);
}

struct behaviour *behaviour_json(struct json_object *json, unsigned depth,
                                 char reterr_why[BEHAVIOUR_WHY])
{
    struct behaviour *b = NULL;

    snprintf(reterr_why, BEHAVIOUR_WHY, "a behaviour is an object or a known name");
    if (json_object_is_type(json, json_type_string))
        return behaviour_name(json_object_get_string(json));
    if (!json_object_is_type(json, json_type_object) || depth > THEN_DEPTH)
        return NULL;
    b = behaviour_new();
    json_object_object_foreach(json, key, value)
    {
        if (!member_set(b, key, value, depth, reterr_why)) {
            behaviour_drop(&b);
            return NULL;
        }
    }
    behaviour_settle(b);
    return b;
}

/* "deltas=5+gap_ms=20", with $1 and $2 put in. */
static bool steps_set(struct behaviour *b, const char *steps, const long numbers[2])
{
    char text[STEPS_MAX], number[24], *rest = text;

    if (strlen(steps) >= sizeof text)
        return false;
    snprintf(text, sizeof text, "%s", steps);
    for (char *step; (step = strsep(&rest, "+"));) {
        char *value = strchr(step, '=');
        if (!*step)
            continue;
        if (!value)
            return false;
        *value++ = 0;
        if (numbers && value[0] == '$') {
            snprintf(number, sizeof number, "%ld", numbers[value[1] - '1']);
            value = number;
        }
        if (!behaviour_set(b, step, value))
            return false;
    }
    return true;
}

static bool name_matches(const char *pattern, const char *name, long ret_numbers[2])
{
    unsigned count = 0;

    for (; *pattern; pattern++) {
        if (*pattern != '#') {
            if (*pattern != *name++)
                return false;
            continue;
        }
        if (!isdigit((unsigned char)*name))
            return false;
        ret_numbers[count++] = strtol(name, (char **)&name, 10);
    }
    return !*name;
}

/* Names of real models behave as the demo, so that any setting of OPENAI_MODEL works with it. */
static bool name_is_real(const char *name)
{
    static const char *const starts[] = {"gpt-",    "chatgpt-", "o1",       "o3",      "o4",
                                         "codex-",  "text-",    "claude-",  "gemini-", "llama",
                                         "mistral", "qwen",     "deepseek", "gemma",   "phi"};

    for (size_t i = 0; i < COUNT(starts); i++)
        if (!strncmp(name, starts[i], strlen(starts[i])))
            return true;
    return false;
}

struct behaviour *behaviour_name(const char *name)
{
    struct behaviour *b = NULL;
    char base[STEPS_MAX];
    size_t length = strcspn(name, "+");
    long numbers[2] = {0};
    const char *steps = NULL;

    if (length >= sizeof base)
        return NULL;
    memcpy(base, name, length);
    base[length] = 0;
    if (name_is_real(base))
        steps = "";
    else if (!strncmp(name, "script-", 7))
        steps = "", length = 6;
    base[strcspn(base, ".")] = 0; /* ".tag": the same behaviour, counted by itself */
    for (size_t i = 0; i < COUNT(names) && !steps; i++)
        if (name_matches(names[i].pattern, base, numbers))
            steps = names[i].steps;
    if (!steps || !strcmp(base, "unknown"))
        return NULL;
    b = behaviour_new();
    if (!steps_set(b, steps, numbers) || (name[length] && !steps_set(b, name + length + 1, NULL)))
        behaviour_drop(&b);
    else
        behaviour_settle(b);
    return b;
}

void behaviour_manual(struct buffer *out)
{
    buffer_text(out, "| model name | same as | what it does |\n|---|---|---|\n");
    for (size_t i = 0; i < COUNT(names); i++)
        buffer_print(out, "| `%s` | %s%s%s | %s |\n", names[i].pattern, *names[i].steps ? "`" : "",
                     names[i].steps, *names[i].steps ? "`" : "", names[i].doc);
    buffer_text(out, "\n| key | range | default | what it does |\n|---|---|---|---|\n");
    for (size_t i = 0; i < COUNT(texts); i++)
        buffer_print(out, "| `%s` | text | | %s |\n", texts[i].name, texts[i].doc);
    for (size_t i = 0; i < COUNT(knobs); i++) {
        buffer_print(out, "| `%s` | %d-%d | ", knobs[i].name, knobs[i].min, knobs[i].max);
        if (knobs[i].standard >= knobs[i].min)
            buffer_number(out, knobs[i].standard);
        buffer_print(out, " | %s |\n", knobs[i].doc);
    }
}
