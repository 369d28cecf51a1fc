/* The settings of one process: who wins, and what the command line says. */
#include "common/conf.h"

#include <assert.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/conf_sources.h"
#include "common/conf_table.h"
#include "common/digest.h"
#include "common/log.h"

struct value {
    char *text; /* "" when there is none; owned */
    int64_t number;
    bool given;
};

struct conf {
    enum svc process;
    struct value values[SET_COUNT];
};

struct loading {
    struct conf *conf;
    const char *program;
    bool bad;
};

enum action { ACTION_RUN, ACTION_HELP, ACTION_PRINT, ACTION_CHECK };

struct command_line {
    enum action action;
    char **overrides; /* NAME=VALUE in the order given; owned, the texts are argv's */
    int count;
};

static void value_set(struct value *v, const char *text, int64_t number)
{
    v->text = strdup(text);
    if (!v->text)
        abort();
    v->number = number;
}

/* ---- what sources say --------------------------------------------------------------------- */

static void on_wrong(void *state, const char *name, const char *where, const char *why)
{
    struct loading *l = state;
    char quoted[128];

    l->bad = true;
    fprintf(stderr, "%s: %s: %s%s%s\n", l->program, where,
            name ? log_quote(name, quoted, sizeof quoted) : "", name ? ": " : "", why);
}

static void on_value(void *state, enum setting s, const char *text, const char *where)
{
    struct loading *l = state;
    struct value *v = &l->conf->values[s];
    bool secret = setting_rows[s].type == SETTING_SECRET;
    char allowed[256], shown[128], why[512];
    int64_t number;

    if (v->given || !setting_is_of(s, l->conf->process) || (secret && !*text))
        return;
    v->given = true;
    if (setting_read(s, text, &number)) {
        value_set(v, text, number);
        return;
    }
    setting_allowed(s, allowed, sizeof allowed);
    if (secret)
        snprintf(why, sizeof why, "must be %s", allowed);
    else
        snprintf(why, sizeof why, "must be %s, not %s", allowed,
                 log_quote(text, shown, sizeof shown));
    on_wrong(l, setting_rows[s].name, where, why);
}

static void on_exposed(void *state, enum setting s, const char *where)
{
    struct loading *l = state;

    if (setting_is_of(s, l->conf->process))
        fprintf(stderr, "<4>%s: %s: %s is in a file that everybody can read; chmod o-r helps\n",
                l->program, where, setting_rows[s].name);
}

/* ---- the command line --------------------------------------------------------------------- */

static bool command_line_read(int argc, char **argv, struct command_line *ret)
{
    static const struct option known[] = {
        {"help", no_argument, NULL, 'h'},
        {"set", required_argument, NULL, 's'},
        {"print-config", no_argument, NULL, 'p'},
        {"check-config", no_argument, NULL, 'c'},
        {0},
    };
    int option;

    ret->overrides = calloc((size_t)argc + 1, sizeof *ret->overrides);
    if (!ret->overrides)
        abort();
    optind = 0; /* glibc: begin anew */
    while ((option = getopt_long(argc, argv, "h", known, NULL)) != -1) {
        if (option == 's')
            ret->overrides[ret->count++] = optarg;
        else if (option == 'h')
            ret->action = ACTION_HELP;
        else if (option == 'p')
            ret->action = ACTION_PRINT;
        else if (option == 'c')
            ret->action = ACTION_CHECK;
        else
            return false;
    }
    if (optind < argc)
        fprintf(stderr, "%s: no arguments are expected but options\n", argv[0]);
    return optind >= argc;
}

/* Takes the overrides, the last first so that it wins.  False: one is not well formed. */
static bool overrides_take(const struct command_line *line, struct loading *l)
{
    bool good = true;

    for (int i = line->count - 1; i >= 0; i--) {
        const char *equals = strchr(line->overrides[i], '=');
        size_t size = equals ? (size_t)(equals - line->overrides[i]) : 0;
        char name[64] = "";
        int s = -1;
        if (size && size < sizeof name)
            s = setting_named(memcpy(name, line->overrides[i], size));
        if (s >= 0 && setting_rows[s].type != SETTING_SECRET) {
            on_value(l, (enum setting)s, equals + 1, "--set");
            continue;
        }
        good = false;
        on_wrong(l, size && *name ? name : NULL, "--set",
                 !size   ? "NAME=VALUE was expected"
                 : s < 0 ? "no such setting"
                         : "secrets are not given on the command line, where everybody sees them");
    }
    return good;
}

static void help_print(const char *program, enum svc process)
{
    char allowed[256];

    printf("usage: %s [--set NAME=VALUE]... [--help | --print-config | --check-config]\n\n"
           "  --set NAME=VALUE  give a setting; may be repeated; not for secrets\n"
           "  --print-config    print the settings in force and end\n"
           "  --check-config    end with 0 when all settings are good, with 78 otherwise\n\n"
           "Settings come from --set, credentials, the environment, the file $CHATBOT_ENV_FILE,\n"
           "$CHATBOT_CONF_DIR/conf.d/*.conf and $CHATBOT_CONF_DIR/chatbot.conf; the first wins.\n",
           program);
    for (int s = 0; s < SET_COUNT; s++) {
        const struct setting_row *row = &setting_rows[s];
        if (!setting_is_of((enum setting)s, process))
            continue;
        setting_allowed((enum setting)s, allowed, sizeof allowed);
        printf("\n  %s\n      %s\n      %s; default: %s\n", row->name, row->doc, allowed,
               *row->otherwise ? row->otherwise : "none");
    }
}

/* ---- loading ------------------------------------------------------------------------------ */

static void sources_take(struct loading *l)
{
    const struct conf_sink sink = {
        .state = l, .value = on_value, .wrong = on_wrong, .exposed = on_exposed};
    const char *file = getenv("CHATBOT_ENV_FILE"), *directory = getenv("CHATBOT_CONF_DIR");
    char path[PATH_MAX];

    conf_from_credentials(&sink);
    conf_from_environment(&sink);
    if (file && *file)
        conf_from_file(file, &sink);
    if (!directory || !*directory)
        return;
    if ((size_t)snprintf(path, sizeof path, "%s/chatbot.conf", directory) >= sizeof path)
        return on_wrong(l, NULL, "$CHATBOT_CONF_DIR", "the path is too long");
    snprintf(path, sizeof path, "%s/conf.d", directory);
    conf_from_directory(path, &sink);
    snprintf(path, sizeof path, "%s/chatbot.conf", directory);
    conf_from_file(path, &sink);
}

static void defaults_take(struct conf *c)
{
    for (int s = 0; s < SET_COUNT; s++) {
        const struct setting_row *row = &setting_rows[s];
        int64_t number;
        bool good = setting_read((enum setting)s, row->otherwise, &number);
        /* "" is the default of what may be missing, whatever it must be when it is there */
        assert(good || !*row->otherwise);
        if (!c->values[s].text)
            value_set(&c->values[s], row->otherwise, number);
    }
}

int conf_load(enum svc process, const char *program, int argc, char **argv, struct conf **ret)
{
    cleanup(conf_drop) struct conf *c = calloc(1, sizeof *c);
    struct command_line line = {0};
    cleanup(free_drop) char **overrides = NULL;
    struct loading l = {.program = program};
    bool usage;

    *ret = NULL;
    if (!(l.conf = c))
        abort();
    c->process = process;
    usage = command_line_read(argc, argv, &line);
    overrides = line.overrides;
    if (!usage || (line.action != ACTION_HELP && !overrides_take(&line, &l))) {
        fprintf(stderr, "%s: --help lists options and settings\n", program);
        return CONF_EXIT_USAGE;
    }
    if (line.action == ACTION_HELP) {
        help_print(program, process);
        exit(EXIT_SUCCESS);
    }
    sources_take(&l);
    defaults_take(c);
    if (!l.bad && line.action == ACTION_PRINT)
        conf_print(c, stdout);
    if (line.action != ACTION_RUN)
        exit(l.bad ? CONF_EXIT_SETTINGS : EXIT_SUCCESS);
    if (l.bad)
        return CONF_EXIT_SETTINGS;
    *ret = TAKE(c);
    return 0;
}

void conf_drop(struct conf **c)
{
    for (int s = 0; *c && s < SET_COUNT; s++) {
        char *text = (*c)->values[s].text;
        if (text)
            secret_wipe(text, strlen(text));
        free(text);
    }
    free(*c);
    *c = NULL;
}

/* ---- reading ------------------------------------------------------------------------------ */

static const struct value *value_of(const struct conf *c, enum setting s)
{
    assert((unsigned)s < SET_COUNT && setting_is_of(s, c->process));
    return &c->values[s];
}

const char *conf_str(const struct conf *c, enum setting s)
{
    assert(setting_rows[s].type != SETTING_I64 && setting_rows[s].type != SETTING_BOOL);
    return value_of(c, s)->text;
}

int64_t conf_i64(const struct conf *c, enum setting s)
{
    assert(setting_rows[s].type == SETTING_I64);
    return value_of(c, s)->number;
}

bool conf_bool(const struct conf *c, enum setting s)
{
    assert(setting_rows[s].type == SETTING_BOOL);
    return value_of(c, s)->number != 0;
}

bool conf_given(const struct conf *c, enum setting s)
{
    return value_of(c, s)->given;
}

void conf_print(const struct conf *c, FILE *to)
{
    for (int s = 0; s < SET_COUNT; s++) {
        const struct value *v = &c->values[s];
        if (!setting_is_of((enum setting)s, c->process))
            continue;
        fprintf(to, "%s=", setting_rows[s].name);
        if (setting_rows[s].type == SETTING_SECRET)
            fputs(v->given ? "(set)" : "(unset)", to);
        else /* one line each, whatever a credential or the environment held */
            for (const char *p = v->text; *p; p++)
                fputc((unsigned char)*p < ' ' ? '?' : *p, to);
        fputc('\n', to);
    }
}
