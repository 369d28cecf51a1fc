/* The table of settings, and what its types allow. */
#include "common/conf_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"

/* the letters of the readers column */
enum {
    G = 1 << SVC_GATEWAY,
    A = 1 << SVC_AUTH,
    P = 1 << SVC_PROJECT,
    C = 1 << SVC_CHAT,
    F = 1 << SVC_FILE,
    T = 1 << SVC_TRACE,
};

const struct setting_row setting_rows[SET_COUNT] = {
#define SETTING(name, type, otherwise, min, max, unit, readers, text) \
    [SET_##name] = {#name, SETTING_##type, otherwise, min, max, unit, readers, text},
#include "common/settings.def"
};

static const bool live[SET_COUNT] = {
#define SETTING_LIVE(name) [SET_##name] = true,
#include "common/settings.def"
};

const struct setting_order setting_orders[] = {
#define SETTING_ORDER(less, more) {SET_##less, SET_##more},
#include "common/settings.def"
    {0},
};

const struct setting_need setting_needs[] = {
#define SETTING_NEEDS(name, other) {SET_##name, SET_##other},
#include "common/settings.def"
    {0},
};

const char *const conf_options[][2] = {
    {"--set NAME=VALUE", "give a setting; may be repeated; not for secrets"},
    {"--print-config", "print the settings in force and end"},
    {"--check-config", "end with 0 when all settings are good, with 78 otherwise"},
    {"--help", "print options and settings and end"},
    {NULL, NULL},
};

bool setting_is_live(enum setting s)
{
    return live[s];
}

int setting_named(const char *name)
{
    for (int s = 0; s < SET_COUNT; s++)
        if (strcmp(setting_rows[s].name, name) == 0)
            return s;
    return -1;
}

/* A whole decimal number without plus, spaces or leading zeros. */
static bool number_read(const char *text, int64_t *ret)
{
    const char *digits = text[0] == '-' ? text + 1 : text;
    char *end;

    if (digits[0] < '0' || digits[0] > '9' || (digits[0] == '0' && digits[1]))
        return false;
    errno = 0;
    *ret = strtoll(text, &end, 10);
    return errno == 0 && *end == '\0';
}

static bool word_is_one_of(const char *words, const char *word)
{
    size_t n = strlen(word);

    for (const char *at = words; n; at++) {
        size_t size = strcspn(at, "|");
        if (size == n && memcmp(at, word, n) == 0)
            return true;
        at += size;
        if (!*at)
            break;
    }
    return false;
}

bool setting_read(enum setting s, const char *text, int64_t *ret_number)
{
    const struct setting_row *row = &setting_rows[s];
    size_t size = strlen(text);

    *ret_number = 0;
    switch (row->type) {
    case SETTING_I64:
        return number_read(text, ret_number) && *ret_number >= row->min && *ret_number <= row->max;
    case SETTING_BOOL:
        *ret_number = strcmp(text, "on") == 0;
        return *ret_number || strcmp(text, "off") == 0;
    case SETTING_ENUM:
        return word_is_one_of(row->unit, text);
    case SETTING_STR:
    case SETTING_SECRET:
        break;
    }
    return (int64_t)size >= row->min && (int64_t)size <= row->max && utf8_check(text, size);
}

void setting_allowed(enum setting s, char *buf, size_t capacity)
{
    const struct setting_row *row = &setting_rows[s];
    const char *unit = row->unit[0] ? row->unit : "text";

    switch (row->type) {
    case SETTING_I64:
        snprintf(buf, capacity, "a whole number, %lld-%lld (%s)", (long long)row->min,
                 (long long)row->max, unit);
        break;
    case SETTING_BOOL:
        snprintf(buf, capacity, "on or off");
        break;
    case SETTING_ENUM:
        snprintf(buf, capacity, "one of %s", unit);
        break;
    case SETTING_STR:
    case SETTING_SECRET:
        snprintf(buf, capacity, "%lld-%lld bytes of UTF-8 (%s)", (long long)row->min,
                 (long long)row->max, row->type == SETTING_SECRET ? "secret" : unit);
        break;
    }
}
