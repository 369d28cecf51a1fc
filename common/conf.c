/* The settings of one process: who wins, and what the command line says. */
#include "common/conf.h"

#include <assert.h>
#include <getopt.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/conf_sources.h"
#include "common/conf_table.h"
#include "common/digest.h"
#include "common/dumps.h"
#include "common/log.h"

#define RETIRED_MAX 256 /* texts that reloads have replaced: somebody may still be reading them */

struct value {
    _Atomic(char *) text; /* "" when there is none; owned */
    atomic_int_fast64_t number;
    char *where; /* it was given; NULL: the default */
};

struct conf {
    enum svc process;
    const char *program;
    struct value values[SET_COUNT];
    char **overrides; /* NAME=VALUE in the order given; owned, the texts are argv's */
    int override_count;
    char *retired[RETIRED_MAX];
    int retired_count;
};

struct loading {
    struct conf *conf;
    bool again; /* the process runs already */
    bool bad;
    bool unread; /* something could not be read now: what is missing may be there */
};

enum action { ACTION_RUN, ACTION_HELP, ACTION_PRINT, ACTION_CHECK };

static char *text_copy(const char *text)
{
    char *copy = strdup(text);

    if (!copy)
        abort();
    return copy;
}

static void text_wipe(char *text)
{
    if (text)
        secret_wipe(text, strlen(text));
    free(text);
}

static void value_set(struct value *v, const char *text, int64_t number)
{
    atomic_init(&v->text, text_copy(text));
    atomic_init(&v->number, number);
}

/* ---- what sources say --------------------------------------------------------------------- */

static void on_wrong(void *state, const char *name, const char *where, const char *why)
{
    struct loading *l = state;
    char quoted[128];

    l->bad = true;
    if (name)
        name = log_quote(name, quoted, sizeof quoted);
    if (l->again)
        log_line(LOG_LEVEL_ERR, "event=setting_refused at=%s name=%s why=\"%s\"", where,
                 name ? name : "-", why);
    else
        fprintf(stderr, "%s: %s: %s%s%s\n", l->conf->program, where, name ? name : "",
                name ? ": " : "", why);
}

/* One line of them says enough: the others lack the same. */
static void on_unread(void *state, const char *where, const char *why)
{
    struct loading *l = state;

    if (l->unread)
        return;
    l->unread = true;
    if (l->again)
        log_line(LOG_LEVEL_ERR, "event=settings_unread at=%s detail=\"%s\"", where, why);
    else
        fprintf(stderr, "%s: %s: cannot be read now: %s\n", l->conf->program, where, why);
}

static int verdict(const struct loading *l)
{
    return l->unread ? EXIT_FAILURE : l->bad ? CONF_EXIT_SETTINGS : EXIT_SUCCESS;
}

static void on_value(void *state, enum setting s, const char *text, const char *where)
{
    struct loading *l = state;
    struct value *v = &l->conf->values[s];
    bool secret = setting_rows[s].type == SETTING_SECRET;
    char allowed[256], shown[128], why[512];
    int64_t number;

    if (v->where || !setting_is_of(s, l->conf->process) || (secret && !*text))
        return;
    v->where = text_copy(where);
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
                l->conf->program, where, setting_rows[s].name);
}

/* Numbers that were both given and contradict each other. */
static void orders_check(struct loading *l)
{
    char why[512];

    for (const struct setting_order *o = setting_orders; o->less != o->more; o++) {
        const struct value *less = &l->conf->values[o->less], *more = &l->conf->values[o->more];
        if (!less->where || !more->where || !more->number || less->number <= more->number)
            continue;
        snprintf(why, sizeof why, "must not be more than %s (%s)", setting_rows[o->more].name,
                 more->where);
        on_wrong(l, setting_rows[o->less].name, less->where, why);
    }
}

static void setting_wrong(struct loading *l, enum setting s, const char *why)
{
    const char *where = l->conf->values[s].where;

    on_wrong(l, setting_rows[s].name, where ? where : "default", why);
}

/* What was given and says nothing without another setting. */
static void needs_check(struct loading *l)
{
    const struct value *values = l->conf->values;
    char why[128];

    for (const struct setting_need *n = setting_needs; n->name != n->other; n++) {
        if (!setting_is_of(n->name, l->conf->process) || !setting_is_of(n->other, l->conf->process))
            continue;
        if (!*values[n->name].text || *values[n->other].text)
            continue;
        snprintf(why, sizeof why, "needs %s", setting_rows[n->other].name);
        setting_wrong(l, n->name, why);
    }
}

int conf_refuse(struct conf *c, enum setting s, const char *why)
{
    struct loading l = {.conf = c};

    setting_wrong(&l, s, why);
    return CONF_EXIT_SETTINGS;
}

static conf_check_fn *process_check;

void conf_check_with(conf_check_fn *check)
{
    process_check = check;
}

static void process_look(struct loading *l)
{
    const char *why = NULL;
    enum setting s = process_check ? process_check(l->conf, &why) : SET_COUNT;

    if (s != SET_COUNT)
        setting_wrong(l, s, why);
}

/* ---- the command line --------------------------------------------------------------------- */

static bool command_line_read(int argc, char **argv, struct conf *c, enum action *ret)
{
    static const struct option known[] = {
        {"help", no_argument, NULL, 'h'},
        {"set", required_argument, NULL, 's'},
        {"print-config", no_argument, NULL, 'p'},
        {"check-config", no_argument, NULL, 'c'},
        {0},
    };
    int option;

    c->overrides = calloc((size_t)argc + 1, sizeof *c->overrides);
    if (!c->overrides)
        abort();
    optind = 0; /* glibc: begin anew */
    while ((option = getopt_long(argc, argv, "h", known, NULL)) != -1) {
        if (option == 's')
            c->overrides[c->override_count++] = optarg;
        else if (option == 'h')
            *ret = ACTION_HELP;
        else if (option == 'p')
            *ret = ACTION_PRINT;
        else if (option == 'c')
            *ret = ACTION_CHECK;
        else
            return false;
    }
    if (optind < argc)
        fprintf(stderr, "%s: no arguments are expected but options\n", argv[0]);
    return optind >= argc;
}

/* Takes the overrides, the last first so that it wins.  False: one is not well formed. */
static bool overrides_take(struct loading *l)
{
    const struct conf *c = l->conf;
    bool good = true;

    for (int i = c->override_count - 1; i >= 0; i--) {
        const char *equals = strchr(c->overrides[i], '=');
        size_t size = equals ? (size_t)(equals - c->overrides[i]) : 0;
        char name[64] = "";
        int s = -1;
        if (size && size < sizeof name)
            s = setting_named(memcpy(name, c->overrides[i], size));
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

    printf("usage: %s [--set NAME=VALUE]... [--help | --print-config | --check-config]\n\n",
           program);
    for (size_t i = 0; conf_options[i][0]; i++)
        printf("  %-16s  %s\n", conf_options[i][0], conf_options[i][1]);
    puts("\nSettings come from --set, credentials, the environment, the file $CHATBOT_ENV_FILE,\n"
         "$CHATBOT_CONF_DIR/conf.d/*.conf and $CHATBOT_CONF_DIR/chatbot.conf; the first wins.");
    for (int s = 0; s < SET_COUNT; s++) {
        const struct setting_row *row = &setting_rows[s];
        if (!setting_is_of((enum setting)s, process))
            continue;
        setting_allowed((enum setting)s, allowed, sizeof allowed);
        printf("\n  %s\n      %s\n      %s; default: %s%s\n", row->name, row->doc, allowed,
               *row->otherwise ? row->otherwise : "none",
               setting_is_live((enum setting)s) ? "; taken over on SIGHUP" : "");
    }
}

/* ---- loading ------------------------------------------------------------------------------ */

static void sources_take(struct loading *l)
{
    const struct conf_sink sink = {.state = l,
                                   .value = on_value,
                                   .wrong = on_wrong,
                                   .unread = on_unread,
                                   .exposed = on_exposed};
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

/* All sources but the command line, which has been taken. */
static void conf_fill(struct loading *l)
{
    sources_take(l);
    defaults_take(l->conf);
    if (l->unread)
        return;
    orders_check(l);
    needs_check(l);
    if (!l->bad)
        process_look(l);
}

int conf_load(enum svc process, const char *program, int argc, char **argv, struct conf **ret)
{
    cleanup(conf_drop) struct conf *c = calloc(1, sizeof *c);
    struct loading l = {.conf = c};
    enum action action = ACTION_RUN;
    bool usage;
    int r;

    *ret = NULL;
    if (!c)
        abort();
    dumps_prevent();
    c->process = process;
    c->program = program;
    usage = command_line_read(argc, argv, c, &action);
    if (!usage || (action != ACTION_HELP && !overrides_take(&l))) {
        fprintf(stderr, "%s: --help lists options and settings\n", program);
        return CONF_EXIT_USAGE;
    }
    if (action == ACTION_HELP) {
        help_print(program, process);
        exit(EXIT_SUCCESS);
    }
    conf_fill(&l);
    r = verdict(&l);
    if (!r && action == ACTION_PRINT)
        conf_print(c, stdout);
    if (action != ACTION_RUN)
        exit(r);
    if (!r)
        *ret = TAKE(c);
    return r;
}

void conf_drop(struct conf **c)
{
    for (int s = 0; *c && s < SET_COUNT; s++) {
        text_wipe((*c)->values[s].text);
        free((*c)->values[s].where);
    }
    for (int i = 0; *c && i < (*c)->retired_count; i++)
        text_wipe((*c)->retired[i]);
    if (*c)
        free((*c)->overrides);
    free(*c);
    *c = NULL;
}

/* ---- loading again ------------------------------------------------------------------------ */

/* Takes the new value of a setting that has changed.  False: it needs a restart. */
static bool value_take(struct conf *c, struct value *v, struct value *fresh)
{
    if (c->retired_count == RETIRED_MAX)
        return false;
    c->retired[c->retired_count++] = v->text;
    atomic_store(&v->text, fresh->text);
    atomic_init(&fresh->text, NULL);
    atomic_store(&v->number, fresh->number);
    free(v->where);
    v->where = TAKE(fresh->where);
    return true;
}

static void changes_take(struct conf *c, struct conf *fresh)
{
    char shown[256];

    for (int s = 0; s < SET_COUNT; s++) {
        const struct setting_row *row = &setting_rows[s];
        struct value *v = &c->values[s], *now = &fresh->values[s];
        if (!setting_is_of((enum setting)s, c->process) || strcmp(v->text, now->text) == 0)
            continue;
        if (setting_is_live((enum setting)s) && value_take(c, v, now))
            log_line(LOG_LEVEL_NOTICE, "event=setting name=%s value=%s", row->name,
                     row->type == SETTING_SECRET ? "-" : log_quote(v->text, shown, sizeof shown));
        else
            log_line(LOG_LEVEL_WARN, "event=setting_needs_restart name=%s", row->name);
    }
}

int conf_reload(struct conf *c)
{
    cleanup(conf_drop) struct conf *fresh = calloc(1, sizeof *fresh);
    struct loading l = {.conf = fresh, .again = true};
    int r;

    if (!fresh || !(fresh->overrides = calloc((size_t)c->override_count + 1, sizeof(char *))))
        abort();
    fresh->process = c->process;
    fresh->program = c->program;
    fresh->override_count = c->override_count;
    memcpy(fresh->overrides, c->overrides, (size_t)c->override_count * sizeof(char *));
    if (!overrides_take(&l))
        return CONF_EXIT_SETTINGS;
    conf_fill(&l);
    r = verdict(&l);
    if (!r)
        changes_take(c, fresh);
    return r;
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
    return value_of(c, s)->where != NULL;
}

void conf_print(const struct conf *c, FILE *to)
{
    for (int s = 0; s < SET_COUNT; s++) {
        const struct value *v = &c->values[s];
        if (!setting_is_of((enum setting)s, c->process))
            continue;
        fprintf(to, "%s=", setting_rows[s].name);
        if (setting_rows[s].type == SETTING_SECRET)
            fputs(v->where ? "(set)" : "(unset)", to);
        else /* one line each, whatever a credential or the environment held */
            for (const char *p = v->text; *p; p++)
                fputc((unsigned char)*p < ' ' ? '?' : *p, to);
        fputc('\n', to);
    }
}
