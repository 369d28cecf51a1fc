/* doctor: the model provider, asked for its models with the key that chatd has. */
#include <ctype.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/conf.h"
#include "common/json.h"
#include "deploy/admin/commands.h"
#include "deploy/admin/doctor.h"
#include "deploy/admin/finding.h"
#include "deploy/admin/http_get.h"

/* What is wrong with the key's looks, or NULL. */
static const char *key_look(const char *key)
{
    size_t n = strlen(key);

    if (n && (strchr("\"'", key[0]) || strchr("\"'", key[n - 1])))
        return "it is in quotes";
    for (const char *c = key; *c; c++)
        if (isspace((unsigned char)*c) || !isprint((unsigned char)*c))
            return "it has a space or another character that keys do not have";
    return NULL;
}

static bool is_listed(const struct text *body, const char *model)
{
    cleanup(json_drop) struct json_object *o = NULL;
    struct json_object *list;
    const char *why;

    if (json_parse(body->data, body->size, &o, &why) != DONE ||
        !json_object_object_get_ex(o, "data", &list) || !json_object_is_type(list, json_type_array))
        return true; /* it does not tell */
    for (size_t i = 0; i < json_object_array_length(list); i++)
        if (strcmp(json_str(json_object_array_get_idx(list, i), "id", ""), model) == 0)
            return true;
    return false;
}

static void answer_judge(const struct conf *conf, int status, const struct text *body,
                         const char *why)
{
    const char *base = conf_str(conf, SET_OPENAI_BASE_URL),
               *model = conf_str(conf, SET_OPENAI_MODEL);

    finding(status ? FINDING_OK : FINDING_BAD, "model_reachable",
            "look at OPENAI_BASE_URL, the network, name service and firewall, and at the "
            "provider's status page",
            "%s %s", base, status ? "answers" : why);
    if (!status)
        return;
    if (status == 401 || status == 403)
        finding(FINDING_BAD, "model_key",
                "get a new one from the provider, put it into OPENAI_API_KEY (in /etc/chatbot: "
                "credentials/openai_api_key), and restart chatd and filed; an older one in the "
                "environment goes before the file",
                "the provider refuses the key (%d)", status);
    else if (status == 429)
        finding(FINDING_WARN, "model_key", "raise the limit or pay the bill at the provider",
                "the provider says that there were too many calls, or the quota is used up");
    else
        finding(FINDING_OK, "model_key", NULL, "the provider accepts it (%d)", status);
    if (status == 200) {
        bool listed = is_listed(body, model);
        finding(listed ? FINDING_OK : FINDING_BAD, "model",
                "set OPENAI_MODEL to one that GET /models lists", "%s%s", model,
                listed ? "" : " is not among the provider's models");
    }
}

int doctor_model(const struct console *con)
{
    cleanup(conf_drop) struct conf *conf = NULL;
    cleanup(text_drop) struct text body = {0}, url = {0};
    const char *why, *wrong;
    int status, r = conf_load(SVC_CHAT, "chatbot-admin", con->option_count, con->options, &conf);

    if (r)
        return r;
    if (!conf_given(conf, SET_OPENAI_API_KEY) && !conf_given(conf, SET_OPENAI_BASE_URL)) {
        finding(FINDING_BAD, "model_key",
                "put OPENAI_API_KEY=sk-... into .env (without quotes or spaces), or the key into "
                "/etc/chatbot/credentials/openai_api_key, and restart chatd and filed",
                "no OPENAI_API_KEY is set: POST /chat answers 503 model_not_configured");
        return EXIT_SUCCESS;
    }
    if ((wrong = key_look(conf_str(conf, SET_OPENAI_API_KEY)))) {
        finding(FINDING_BAD, "model_key", "write it again, without quotes or spaces",
                "OPENAI_API_KEY is no key: %s", wrong);
        return EXIT_SUCCESS;
    }
    text_printf(&url, "%s/models", conf_str(conf, SET_OPENAI_BASE_URL));
    text_putc(&url, '\0');
    status = http_get(url.data, conf_str(conf, SET_OPENAI_API_KEY), &body, &why);
    answer_judge(conf, status, &body, why);
    return EXIT_SUCCESS;
}
