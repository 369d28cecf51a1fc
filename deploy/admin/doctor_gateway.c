/* doctor: what answers at a gateway's port, and what that says of the services. */
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/conf.h"
#include "common/json.h"
#include "deploy/admin/commands.h"
#include "deploy/admin/doctor.h"
#include "deploy/admin/finding.h"
#include "deploy/admin/http_get.h"

static void services_look(struct json_object *services)
{
    json_object_object_foreach(services, name, state)
    {
        bool up = strcmp(json_str(state, "status", ""), "up") == 0;
        finding(up ? FINDING_OK : FINDING_BAD, "service",
                "look at its log: journalctl -u 'chatbot-*', or DIR/log", "%s: %s, %lld instances",
                name, up ? "up" : "down", (long long)json_i64(state, "instances", 0));
    }
}

static void health_look(const char *url, int status, const struct text *body)
{
    cleanup(json_drop) struct json_object *o = NULL;
    struct json_object *services;
    const char *why;

    if (json_parse(body->data, body->size, &o, &why) != DONE ||
        !json_object_object_get_ex(o, "services", &services)) {
        finding(FINDING_BAD, "port", "choose another PORT, or stop what has taken it",
                "something else answers at %s (%d)", url, status);
        return;
    }
    finding(status == 200 ? FINDING_OK : FINDING_BAD, "health", "see the services below",
            "%s says %s", url, json_str(o, "status", "nothing"));
    if (json_flag(o, "model_paused", false))
        finding(FINDING_WARN, "model_paused", "wait, or raise the limit at the provider",
                "the provider has asked for a pause; turns wait");
    services_look(services);
}

int doctor_gateway(const struct console *con)
{
    cleanup(conf_drop) struct conf *conf = NULL;
    cleanup(text_drop) struct text body = {0}, url = {0};
    const char *origins, *why;
    int status, r = conf_load(SVC_GATEWAY, "chatbot-admin", con->option_count, con->options, &conf);

    if (r)
        return r;
    status = gateway_get(conf, "/health", &url, &body, &why);
    if (status)
        health_look(url.data, status, &body);
    else
        finding(FINDING_BAD, "port", "start the gateway; its log says why it does not run",
                "nothing answers at %s: %s", url.data, why);
    origins = conf_str(conf, SET_CORS_ORIGINS);
    finding(FINDING_OK, "cors", NULL, "pages of %s may call the API%s",
            *origins ? origins : "no other site",
            *origins ? "" : "; a browser's CORS error means that its page needs CORS_ORIGINS");
    return EXIT_SUCCESS;
}
