/* Prints what is written about settings and programs: manual pages, the commented default file, a
 * table. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/conf_table.h"
#include "common/roff.h"

static const struct program {
    enum svc svc;
    const char *name, *what, *unit;
} programs[] = {
    {SVC_GATEWAY, "gateway", "HTTP in, message bus out: the process that clients talk to",
     "chatbot-gateway@N.service"},
    {SVC_AUTH, "authd", "accounts, sessions and the keys that sign tokens",
     "chatbot-authd.service"},
    {SVC_PROJECT, "projectd", "projects and prompts", "chatbot-projectd.service"},
    {SVC_CHAT, "chatd", "conversations, turns and the model provider", "chatbot-chatd@N.service"},
    {SVC_FILE, "filed", "uploaded files and their copies at the model provider",
     "chatbot-filed.service"},
    {SVC_TRACE, "traced", "spans of all processes to a collector of traces",
     "chatbot-traced.service"},
};

#define PROGRAMS (sizeof programs / sizeof *programs)

/* Settings that the units give; in a file they would have no effect. */
static const char *const of_units[] = {"GATEWAY_NUMBER", "GATEWAY_NAME", "PEER_USERS", NULL};

/* Where the package differs from the table, as far as the table knows the name. */
static const char *const of_package[][2] = {{"REGISTRATION", "invite"}, {NULL, NULL}};

static bool is_of_units(const char *name)
{
    for (size_t i = 0; of_units[i]; i++)
        if (strcmp(of_units[i], name) == 0)
            return true;
    return false;
}

static const char *packaged(const char *name)
{
    for (size_t i = 0; of_package[i][0]; i++)
        if (strcmp(of_package[i][0], name) == 0)
            return of_package[i][1];
    return NULL;
}

static void lower_print(const char *name)
{
    for (; *name; name++)
        putchar(tolower((unsigned char)*name));
}

static void readers_print(enum setting s)
{
    const char *between = "";

    for (size_t i = 0; i < PROGRAMS; i++)
        if (setting_is_of(s, programs[i].svc)) {
            printf("%s%s", between, programs[i].name);
            between = ", ";
        }
}

/* ---- chatbot.conf ---- */

static void conf_row_print(enum setting s)
{
    const struct setting_row *row = &setting_rows[s];
    const char *other = packaged(row->name);
    char allowed[256];

    setting_allowed(s, allowed, sizeof allowed);
    printf("\n# %s.\n# %s; read by ", row->doc, allowed);
    readers_print(s);
    puts(setting_is_live(s) ? "; systemctl reload is enough." : ".");
    if (row->type == SETTING_SECRET) {
        printf("# A secret: give it as the file /etc/chatbot/credentials/");
        lower_print(row->name);
        puts(", for root alone.");
    } else if (other) {
        printf("%s=%s\n", row->name, other);
    } else {
        printf("#%s=%s\n", row->name, row->otherwise);
    }
}

static void conf_file_print(void)
{
    puts("# Settings of the Chatbot Platform, with their defaults: see chatbot.conf(5).\n"
         "#\n"
         "# Take away the # where you set something, or write it into a file of your own in\n"
         "# /etc/chatbot/conf.d, whose name ends in .conf: it wins over this one.  No quotes are "
         "needed\n"
         "# and no spaces around \"=\"; what follows a space and # is a comment.  After a change:\n"
         "# systemctl restart chatbot.target; for what can change live,\n"
         "# systemctl reload 'chatbot-*.service'.");
    for (int s = 0; s < SET_COUNT; s++)
        if (!is_of_units(setting_rows[s].name))
            conf_row_print((enum setting)s);
}

/* ---- manual pages ---- */

static void man_begin(const char *title, const char *section, const char *name, const char *what)
{
    printf(".TH %s %s \"\" \"Chatbot Platform " VERSION "\"\n.ad l\n.nh\n.SH NAME\n", title,
           section);
    roff_print(name);
    printf(" \\- ");
    roff_print(what);
    putchar('\n');
}

static void man_row_print(enum setting s, bool with_readers)
{
    const struct setting_row *row = &setting_rows[s];
    char allowed[256];

    setting_allowed(s, allowed, sizeof allowed);
    printf(".TP\n.B %s\n", row->name);
    roff_print(row->doc);
    fputs(".\n.br\n", stdout);
    roff_print(allowed);
    fputs("; default: ", stdout);
    roff_print(*row->otherwise ? row->otherwise : "none");
    if (with_readers) {
        fputs("; read by ", stdout);
        readers_print(s);
    }
    fputs(setting_is_live(s) ? "; taken over on SIGHUP.\n" : ".\n", stdout);
    if (row->type == SETTING_SECRET) {
        fputs("Given as the credential ", stdout);
        lower_print(row->name);
        fputs(", never on the command line.\n", stdout);
    }
    if (is_of_units(row->name))
        puts("Set by the unit.");
}

static void man_conf_print(void)
{
    man_begin("CHATBOT.CONF", "5", "chatbot.conf", "settings of the Chatbot Platform");
    puts(
        ".SH SYNOPSIS\n"
        ".nf\n/etc/chatbot/chatbot.conf\n/etc/chatbot/conf.d/*.conf\n/etc/chatbot/credentials/"
        "*\n.fi\n"
        ".SH DESCRIPTION\n"
        "One setting per line, NAME=VALUE.  No quotes are needed; what follows a space and # is a\n"
        "comment.  The first of these that gives a setting wins: \\-\\-set on the command line, a\n"
        "systemd credential, the environment, the file named by CHATBOT_ENV_FILE, conf.d (the "
        "last\n"
        "file by name first), chatbot.conf, the default.\n"
        ".PP\n"
        "A name that no program knows, a value out of its bounds, a setting that stands twice in "
        "a\n"
        "file and numbers that contradict each other are refused: the service does not start, and\n"
        "its journal names file and line.  A service that runs already keeps what it has.\n"
        ".PP\n"
        "After a change restart chatbot.target; where \"taken over on SIGHUP\" is said below,\n"
        ".B systemctl reload\n"
        "of the service is enough: it checks the settings first.\n"
        ".SH SETTINGS");
    for (int s = 0; s < SET_COUNT; s++)
        man_row_print((enum setting)s, true);
    puts(".SH CONTRADICTIONS\nWhen both are given, the first must not be greater than the second.");
    for (const struct setting_order *o = setting_orders; o->less != o->more; o++)
        printf(".TP\n.B %s\n%s\n", setting_rows[o->less].name, setting_rows[o->more].name);
    puts(".PP\nOf these, the first says nothing without the second.");
    for (const struct setting_need *n = setting_needs; n->name != n->other; n++)
        printf(".TP\n.B %s\n%s\n", setting_rows[n->name].name, setting_rows[n->other].name);
    puts(".SH SEE ALSO\n.BR chatbot\\-platform (7),\n.BR systemd.exec (5)");
}

static void man_program_print(const struct program *p)
{
    char title[32], name[32];
    size_t n = (size_t)snprintf(name, sizeof name, "chatbot-%s", p->name);

    for (size_t i = 0; i <= n; i++)
        title[i] = (char)toupper((unsigned char)name[i]);
    man_begin(title, "8", name, p->what);
    printf(".SH SYNOPSIS\n.B /usr/libexec/chatbot/%s\n[OPTION]...\n.SH DESCRIPTION\n", p->name);
    printf("A service of the Chatbot Platform, run by systemd as\n.BR %s .\n"
           ".SH OPTIONS\n",
           p->unit);
    for (size_t i = 0; conf_options[i][0]; i++) {
        fputs(".TP\n.B ", stdout);
        roff_print(conf_options[i][0]);
        putchar('\n');
        roff_print(conf_options[i][1]);
        puts(".");
    }
    puts(".SH SIGNALS\n.TP\n.B SIGTERM\nDrain: finish what has begun, hand over the rest, end.\n"
         ".TP\n.B SIGHUP\nRead the settings again.\n"
         ".SH SETTINGS\nSee\n.BR chatbot.conf (5)\nfor where they come from.");
    for (int s = 0; s < SET_COUNT; s++)
        if (setting_is_of((enum setting)s, p->svc))
            man_row_print((enum setting)s, false);
    puts(".SH EXIT STATUS\n0: ended as asked; 1: failed at run time; 2: wrong command line; 78: "
         "wrong\n"
         "setting.\n.SH SEE ALSO\n.BR chatbot.conf (5),\n.BR chatbot\\-platform (7)");
}

/* ---- a table ---- */

static void table_print(void)
{
    char allowed[256];

    puts("| name | meaning | allowed | default | read by | live |\n|---|---|---|---|---|---|");
    for (int s = 0; s < SET_COUNT; s++) {
        const struct setting_row *row = &setting_rows[s];
        setting_allowed((enum setting)s, allowed, sizeof allowed);
        printf("| `%s` | %s | ", row->name, row->doc);
        for (const char *at = allowed; *at; at++) {
            if (*at == '|')
                putchar('\\');
            putchar(*at);
        }
        printf(" | %s%s%s | ", *row->otherwise ? "`" : "", row->otherwise,
               *row->otherwise ? "`" : "");
        readers_print((enum setting)s);
        puts(setting_is_live((enum setting)s) ? " | yes |" : " | |");
    }
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    bool known = true;

    if (strcmp(what, "conf") == 0)
        conf_file_print();
    else if (strcmp(what, "table") == 0)
        table_print();
    else if (strcmp(what, "chatbot.conf.5") == 0)
        man_conf_print();
    else
        known = false;
    for (size_t i = 0; i < PROGRAMS; i++) {
        char page[32];
        snprintf(page, sizeof page, "chatbot-%s.8", programs[i].name);
        if (strcmp(what, page) == 0) {
            man_program_print(&programs[i]);
            known = true;
        }
    }
    if (!known) {
        fputs("usage: reference conf | table | chatbot.conf.5 | chatbot-PROGRAM.8\n", stderr);
        return CONF_EXIT_USAGE;
    }
    return fflush(stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
}
