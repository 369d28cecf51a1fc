/* Models: the list that OpenAI's /v1/models gives. */
#include <stdio.h>
#include <string.h>

#include "connection.h"
#include "reply.h"
#include "routes.h"
#include "script.h"

static void model_write(const char *name, void *context)
{
    struct buffer *out = context;

    if (buffer_length(out) && out->data[out->end - 1] == '}')
        buffer_text(out, ",");
    buffer_text(out, "{\"id\":");
    buffer_json_text(out, name);
    buffer_text(out, ",\"object\":\"model\",\"created\":1700000000,\"owned_by\":\"demo\"}");
}

void model_list(struct connection *c)
{
    struct buffer body = {0};

    buffer_text(&body, "{\"object\":\"list\",\"data\":[");
    script_names(model_write, &body);
    buffer_text(&body, "]}");
    reply_json(c, &body);
    buffer_free(&body);
}

void model_get(struct connection *c)
{
    struct buffer body = {0};
    char message[200];

    if (script_knows(c->id)) {
        model_write(c->id, &body);
        reply_json(c, &body);
        buffer_free(&body);
        return;
    }
    snprintf(message, sizeof message, "The model '%s' does not exist", c->id);
    reply_error(c, &(struct api_error){.status = 404,
                                       .type = "invalid_request_error",
                                       .param = "model",
                                       .code = "model_not_found",
                                       .message = message});
}
