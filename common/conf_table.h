#pragma once
/* The rows of settings.def as data, and the one place where a setting's text gets its type. */
#include "common/conf.h"

enum setting_type { SETTING_STR, SETTING_SECRET, SETTING_I64, SETTING_BOOL, SETTING_ENUM };

struct setting_row {
    const char *name;
    enum setting_type type;
    const char *otherwise; /* the default */
    int64_t min, max;      /* value of I64, bytes of the others */
    const char *unit;      /* for ENUM the words: "a|b|c" */
    unsigned readers;      /* bit per enum svc */
    const char *doc;
};

extern const struct setting_row setting_rows[SET_COUNT];

/* What every process takes on its command line: {option, meaning}; NULL ends it. */
extern const char *const conf_options[][2];

/* Whether SIGHUP takes a change of it over. */
bool setting_is_live(enum setting s);

/* A pair of numbers of which the first may not be greater; less == more ends the table. */
struct setting_order {
    enum setting less, more;
};
extern const struct setting_order setting_orders[];

/* A pair of settings of which the first is of no use without the second; name == other ends the
 * table. */
struct setting_need {
    enum setting name, other;
};
extern const struct setting_need setting_needs[];

/* The setting with that name, or -1. */
int setting_named(const char *name);

/* Whether the row is kept by that process. */
static inline bool setting_is_of(enum setting s, enum svc process)
{
    return setting_rows[s].readers >> process & 1;
}

/*
 * Whether a text is allowed for a setting.  ret_number is the value of I64, and 0 or 1 of BOOL.
 * False: setting_allowed() says what is.
 */
bool setting_read(enum setting s, const char *text, int64_t *ret_number);

/* What is allowed: "a whole number, 1-65535 (port)".  Fits into 256 bytes. */
void setting_allowed(enum setting s, char *buf, size_t capacity);
