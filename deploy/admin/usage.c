/* What chatbot-admin says of itself: usage and manual page, from the table of commands. */
#include "deploy/admin/usage.h"

#include <string.h>

#include "common/roff.h"
#include "deploy/admin/commands.h"

#define WIDTH  96
#define INDENT 23 /* of what stands beside a command's name */

static const char statuses[] = "0 done, 1 failed, 2 wrong usage, 78 wrong settings";

/* Words of a text, broken into lines; `column` is where the first one begins. */
static void wrapped_print(FILE *to, const char *text, int column)
{
    const char *between = "";

    while (*text) {
        int n = (int)strcspn(text, " ");
        if (*between && column + 1 + n > WIDTH) {
            fprintf(to, "\n%*s", INDENT, "");
            column = INDENT;
            between = "";
        }
        column += fprintf(to, "%s%.*s", between, n, text);
        between = " ";
        text += n + (text[n] == ' ');
    }
    fputc('\n', to);
}

static void command_print(FILE *to, const struct command *c)
{
    int column = fprintf(to, "  %s%s%s", c->name, *c->arguments ? " " : "", c->arguments);

    if (column + 2 > INDENT) {
        fputc('\n', to);
        column = 0;
    }
    fprintf(to, "%*s", INDENT - column, "");
    wrapped_print(to, c->text, INDENT);
    if (*c->exits) {
        fprintf(to, "%*s", INDENT, "");
        wrapped_print(to, c->exits, INDENT);
    }
}

void usage_print(FILE *to, const struct command *only)
{
    fputs("usage: chatbot-admin [--set NAME=VALUE]... COMMAND [--json]\n"
          "       chatbot-admin [COMMAND] --help | --manual | --completion\n\n",
          to);
    for (const struct command *c = commands; c->name; c++)
        if (!only || c == only)
            command_print(to, c);
    fprintf(to,
            "\n--json: what a command has to say is one JSON value.\nSettings are authd's (authd "
            "--help).\nExit status: %s.\n",
            statuses);
}

static void manual_command_print(const struct command *c)
{
    fputs(".TP\n.B ", stdout);
    roff_print(c->name);
    fputs(*c->arguments ? " \\fR" : "", stdout);
    roff_print(c->arguments);
    putchar('\n');
    roff_print(c->text);
    putchar('\n');
    if (*c->exits) {
        fputs("Exit status ", stdout);
        roff_print(c->exits);
        fputs(".\n", stdout);
    }
}

void manual_print(void)
{
    puts(".TH CHATBOT-ADMIN 8 \"\" \"Chatbot Platform " VERSION "\"\n.ad l\n.nh\n"
         ".SH NAME\n"
         "chatbot\\-admin \\- look after the Chatbot Platform from its console\n"
         ".SH SYNOPSIS\n"
         ".B chatbot\\-admin\n"
         "[\\-\\-set NAME=VALUE]... COMMAND [\\-\\-json]\n"
         ".SH DESCRIPTION\n"
         "Run as root on the host of the services. It works as the users of the services, with\n"
         "their secrets and database roles. With\n"
         ".B \\-\\-json\n"
         "what a command has to say is one JSON value on standard output; what goes wrong is told\n"
         "on standard error, as ever.\n"
         ".B rotate\\-secret\n"
         "takes no FILE there: the secret is\n"
         ".I /etc/chatbot/credentials/secret_key\n"
         "or, encrypted,\n"
         ".IR secret_key.cred .\n"
         ".SH COMMANDS");
    for (const struct command *c = commands; c->name; c++)
        manual_command_print(c);
    printf(".SH SETTINGS\n"
           "Those of authd: see\n"
           ".BR chatbot\\-authd (8).\n"
           ".SH EXIT STATUS\n"
           "%s.\n"
           ".SH SEE ALSO\n"
           ".BR chatbot\\-authd (8),\n"
           ".BR chatbot.conf (5),\n"
           ".BR chatbot\\-platform (7)\n",
           statuses);
}

/* The options among a command's arguments: "FILE [--dry-run]". */
static void options_print(const char *arguments)
{
    for (const char *at = arguments; (at = strstr(at, "--")) != NULL;) {
        size_t n = 2 + strspn(at + 2, "abcdefghijklmnopqrstuvwxyz-");
        printf("%.*s ", (int)n, at);
        at += n;
    }
}

void completion_print(void)
{
    puts("# bash completion of chatbot-admin; printed by chatbot-admin --completion\n"
         "_chatbot_admin() {\n"
         "    local i command=\n"
         "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
         "        case ${COMP_WORDS[i]} in\n"
         "        --set | --data) ((i++)) ;;\n"
         "        -*) ;;\n"
         "        *) command=${COMP_WORDS[i]} && break ;;\n"
         "        esac\n"
         "    done\n"
         "    case $command in\n"
         "    '') COMPREPLY=($(compgen -W '\\");
    for (const struct command *c = commands; c->name; c++)
        printf("        %s \\\n", c->name);
    puts("        --help --set --data' -- \"$2\")) ;;");
    for (const struct command *c = commands; c->name; c++) {
        bool file = strstr(c->arguments, "FILE") || strstr(c->arguments, "DIR") ||
                    strstr(c->arguments, "ARCHIVE");
        printf("    %s) COMPREPLY=($(compgen %s-W '", c->name, file ? "-f " : "");
        options_print(c->arguments);
        puts("--json --help' -- \"$2\")) ;;");
    }
    puts("    esac\n"
         "}\n"
         "complete -o filenames -F _chatbot_admin chatbot-admin deploy/chatbot-admin");
}
