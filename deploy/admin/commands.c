/* The table of commands. */
#include "deploy/admin/commands.h"

#include <string.h>

const struct command commands[] = {
#define COMMAND(name, function, ...) {name, command_##function, __VA_ARGS__},
#include "deploy/admin/commands.def"
    {0},
};

const struct command *command_named(const char *name)
{
    for (const struct command *c = commands; c->name; c++)
        if (strcmp(c->name, name) == 0)
            return c;
    return NULL;
}

const char *console_argument(const struct console *con, int n)
{
    return n < con->count ? con->arguments[n] : NULL;
}
