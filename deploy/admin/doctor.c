/* doctor: its parts, each run as the user whose place it looks at, and the report of all. */
#include "deploy/admin/doctor.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "deploy/admin/ask.h"
#include "deploy/admin/commands.h"
#include "deploy/admin/finding.h"

static const struct {
    const char *name;
    int (*run)(const struct console *con);
} parts[] = {
    {"clock", doctor_clock}, {"database", doctor_database}, {"model", doctor_model},
    {"files", doctor_files}, {"accounts", doctor_accounts}, {"gateway", doctor_gateway},
};

int command_doctor(const struct console *con)
{
    static const char reach[] = "reach-";
    const char *part = console_argument(con, 0);
    int svc;

    if (!part)
        return console_fail(con->command,
                            "use deploy/chatbot-admin, or chatbot-admin of the package");
    if (strcmp(part, "-") == 0)
        return findings_report(con->json);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (strcmp(part, parts[i].name) == 0)
            return parts[i].run(con);
    if (strncmp(part, reach, strlen(reach)) == 0 &&
        (svc = api_svc_named(part + strlen(reach))) >= 0 && svc < SVC_GATEWAY)
        return doctor_reach(con, (enum svc)svc);
    console_fail(part, "there is no such part");
    return EXIT_USAGE;
}
