/* Commands that take more than one user or program. */
#include "deploy/admin/ask.h"
#include "deploy/admin/commands.h"

int command_by_wrapper(const struct console *con)
{
    return console_fail(con->command, "use deploy/chatbot-admin, or chatbot-admin of the package");
}
