/* Access to projects, which projectd decides. */
#include "filed/project.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/call.h"

int project_access(struct call *c, int64_t project_id)
{
    char data[64], number[24];
    struct params params = {.data = data, .capacity = sizeof data};
    const char *reply;
    size_t size;

    snprintf(number, sizeof number, "%" PRId64, project_id);
    params_add(&params, "project_id", number, strlen(number));
    return call_peer(c, OP_project_context, &params, &reply, &size);
}
