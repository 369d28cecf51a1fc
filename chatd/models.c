/* GET /models: what the provider offers, remembered for a minute. */
#include <json-c/json.h>
#include <pthread.h>
#include <string.h>

#include "chatd/chatd.h"
#include "chatd/upstream/upstream.h"
#include "common/call.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/conf.h"
#include "common/fault.h"
#include "common/json.h"
#include "common/spans.h"

#define MODELS_LIFE_US 60000000

/* One per process: the SLOW lane's workers share it. */
static struct {
    pthread_mutex_t lock;
    struct text ids; /* JSON array of names */
    int64_t until_us;
} models = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void model_add(struct text *out, const char *id, bool is_default)
{
    if (out->data[out->size - 1] == '}')
        text_putc(out, ',');
    text_puts(out, "{\"id\":");
    text_json(out, id, strlen(id));
    text_puts(out, is_default ? ",\"is_default\":true}" : ",\"is_default\":false}");
}

/* The default first, then the provider's others in its order. */
static int list_write(struct text *out, const struct text *ids, const char *normal)
{
    cleanup(json_drop) struct json_object *list = NULL;
    const char *why;

    if (json_parse(ids->data, ids->size, &list, &why))
        return FAULT("models: %s", why);
    text_putc(out, '[');
    model_add(out, normal, true);
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        const char *id = json_object_get_string(json_object_array_get_idx(list, i));
        if (strcmp(id, normal) != 0)
            model_add(out, id, false);
    }
    text_putc(out, ']');
    return DONE;
}

/* Asks the provider, within the trace of who asks us. */
static int models_ask(const struct call *c, const struct chatd *d)
{
    char header[TRACEPARENT_SIZE];
    struct span_call span;
    int r;

    span_call_begin(&span, c->trace ? c->trace : "");
    span_call_header(&span, header);
    r = upstream_models(d->upstream, conf_bool(d->conf, SET_UPSTREAM_TRACEPARENT) ? header : NULL,
                        &models.ids);
    span_call_end(
        &span, "models", r != DONE,
        &(struct span_fact){.name = "error.type", .text = r ? api_code(r) : NULL, .number = -1}, 1);
    return r;
}

int model_list(struct call *c, const struct model_list_in *in)
{
    struct chatd *d = call_state(c);
    int r = DONE;

    (void)in;
    if (!d->upstream)
        return MODEL_NOT_CONFIGURED;
    pthread_mutex_lock(&models.lock);
    if (clock_us() >= models.until_us) {
        text_clear(&models.ids);
        r = models_ask(c, d);
        if (!r)
            models.until_us = clock_us() + MODELS_LIFE_US;
    }
    if (!r)
        r = list_write(&c->out, &models.ids, conf_str(d->conf, SET_OPENAI_MODEL));
    pthread_mutex_unlock(&models.lock);
    return r;
}
