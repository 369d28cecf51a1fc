/*
 * chatbot-admin: what whoever runs the platform does on its console.  It works on the database as
 * the daemons do, with their settings and roles, and needs no process of the platform.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "deploy/admin/commands.h"
#include "deploy/admin/usage.h"

static bool is_help(const char *argument)
{
    return strcmp(argument, "--help") == 0 || strcmp(argument, "-h") == 0;
}

/* Takes --json out of the arguments, wherever it stands. */
static bool json_take(int *argc, char **argv)
{
    int n = 0;

    for (int i = 0; i < *argc; i++)
        if (i == 0 || strcmp(argv[i], "--json") != 0)
            argv[n++] = argv[i];
    argv[n] = NULL;
    if (n == *argc)
        return false;
    *argc = n;
    return true;
}

int main(int argc, char **argv)
{
    const struct command *command;
    struct console con = {.option_count = 1, .options = argv, .json = json_take(&argc, argv)};

    while (con.option_count + 1 < argc && strcmp(argv[con.option_count], "--set") == 0)
        con.option_count += 2;
    if (argc == 2 && strcmp(argv[1], "--manual") == 0) {
        manual_print();
        return fflush(stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
    }
    if (argc == 2 && strcmp(argv[1], "--completion") == 0) {
        completion_print();
        return fflush(stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
    }
    if (argc > 1 && is_help(argv[argc - 1])) {
        usage_print(stdout, command_named(argv[con.option_count]));
        return EXIT_SUCCESS;
    }
    con.command = con.option_count < argc ? argv[con.option_count] : "";
    con.arguments = argv + con.option_count + 1;
    con.count = argc - con.option_count - 1;
    command = command_named(con.command);
    if (!command || con.count < command->least || con.count > command->most) {
        usage_print(stderr, command);
        return EXIT_USAGE;
    }
    log_name("chatbot-admin");
    log_limit(LOG_LEVEL_WARN); /* what was done, commands say themselves; the audit has it, too */
    return command->run(&con);
}
