#pragma once
/* The commands of chatbot-admin, from commands.def. */
#include <stdbool.h>
#include <stddef.h>

#define EXIT_USAGE 2

/* The command line of one run. */
struct console {
    int option_count; /* program and --set NAME=VALUE..., as conf_load() takes them */
    char **options;
    int count; /* arguments behind the command's name */
    char **arguments;
    const char *command; /* its name */
    bool json;           /* --json: it prints one JSON value */
};

/* The n-th argument, NULL if it was left out. */
const char *console_argument(const struct console *con, int n);

/* Runs a command; returns the program's exit status, and has said on stderr what went wrong. */
typedef int command_fn(const struct console *con);

struct command {
    const char *name;
    command_fn *run;
    int least, most; /* arguments */
    const char *arguments, *exits, *text;
};

/* The last one has a NULL name. */
extern const struct command commands[];

/* NULL: there is none of that name. */
const struct command *command_named(const char *name);

#define COMMAND(name, function, ...) command_fn command_##function;
#include "deploy/admin/commands.def"
