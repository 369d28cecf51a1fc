#pragma once
/*
 * Settings: every name, type, default and bound is a row of settings.def.
 *
 * Sources, first one wins: --set NAME=VALUE, systemd credential (file of that lower-case name in
 * $CREDENTIALS_DIRECTORY), environment, the file named by $CHATBOT_ENV_FILE (the checkout's .env),
 * *.conf in $CHATBOT_CONF_DIR/conf.d, $CHATBOT_CONF_DIR/chatbot.conf, default.
 * A process keeps only the settings whose row names it; the others are checked for their name only.
 * Names that no row knows are refused in files and on --set, and ignored in the environment.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "proto/api.h"

/* traced is no service of the bus, but has settings. */
#define SVC_TRACE ((enum svc)SVC_COUNT)

enum setting {
#define SETTING(name, ...) SET_##name,
#include "common/settings.def"
    SET_COUNT
};

#define CONF_EXIT_USAGE    2  /* wrong command line */
#define CONF_EXIT_SETTINGS 78 /* wrong setting, EX_CONFIG */

struct conf;

/*
 * A process' own look at settings whose types cannot say what is right (lists, addresses): called
 * by conf_load() and conf_reload() with values that are good each by itself.  Returns the setting
 * that is wrong and sets *reterr_why, or SET_COUNT.
 */
typedef enum setting conf_check_fn(const struct conf *c, const char **reterr_why);
/* From now on; NULL: none. */
void conf_check_with(conf_check_fn *check);

/*
 * Reads the command line and all sources for one process.
 * Handles --help, --print-config, --check-config (these end the program with 0, 1 or 78).
 * Returns 0, or the exit code (CONF_EXIT_*; EXIT_FAILURE where a file could not be read for want of
 * a descriptor or the like, so that starting again may help) after printing to stderr what is
 * wrong: which setting, where it came from (file:line), and what is allowed; never a secret's
 * value. argv must outlive *ret.
 */
int conf_load(enum svc process, const char *program, int argc, char **argv, struct conf **ret)
    __attribute__((warn_unused_result));
void conf_drop(struct conf **c);

/* What shows only when a process starts: says on stderr that a setting is wrong, and where it came
 * from.  Returns CONF_EXIT_SETTINGS. */
int conf_refuse(struct conf *c, enum setting s, const char *why);

/*
 * Reads all sources again and takes over what may change while the process runs (SETTING_LIVE);
 * each change is logged, those that need a restart as warnings.  Wrong settings are logged and
 * change nothing.  Returns 0, EXIT_FAILURE or CONF_EXIT_SETTINGS, as above.  One thread at a time;
 * the others may go on reading: a text that conf_str() gave stays as it was until conf_drop().
 */
int conf_reload(struct conf *c) __attribute__((warn_unused_result));

/* Typed values.  Asking with the wrong type, or for a setting of other processes, is an assert. */
const char *conf_str(const struct conf *c, enum setting s);
int64_t conf_i64(const struct conf *c, enum setting s);
bool conf_bool(const struct conf *c, enum setting s);
/* Whether any source but the default gave it. */
bool conf_given(const struct conf *c, enum setting s);

/* NAME=VALUE lines of the settings the process keeps; secrets as "(set)" or "(unset)". */
void conf_print(const struct conf *c, FILE *to);
