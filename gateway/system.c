/* The operations that the gateway answers itself. */
#include "gateway/system.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/digest.h"
#include "gateway/auth.h"
#include "gateway/health.h"
#include "gateway/meters.h"
#include "gateway/metrics.h"
#include "gateway/ui/files.h"
#include "proto/openapi.h"

static struct ui_file openapi_file = {.type = "application/json"};
static char *openapi_document;

void system_start(void)
{
    openapi_document = openapi_text(&openapi_file.size);
    openapi_file.data = openapi_document;
    ui_file_etag(&openapi_file);
}

void system_stop(void)
{
    free(openapi_document);
    openapi_document = NULL;
}

static int health_answer(struct exchange *x)
{
    json_reply(x, 200);
    x->reply->status = health_write(x->gateway->broker, &x->reply->text);
    x->reply->body = x->reply->text.data;
    x->reply->size = x->reply->text.size;
    return DONE;
}

static int live_answer(struct exchange *x)
{
    text_puts(&x->reply->text, "{\"status\":\"alive\"}");
    json_reply(x, 200);
    return DONE;
}

static int openapi_answer(struct exchange *x)
{
    ui_file_reply(x, &openapi_file);
    return DONE;
}

/* On this machine, and not by way of a proxy on this machine. */
static bool is_local(const struct exchange *x)
{
    static const char *const forwarded[] = {"Forwarded", "X-Forwarded-For", "X-Real-IP", "Via"};

    for (size_t i = 0; i < sizeof forwarded / sizeof *forwarded; i++)
        if (http_header(x->request, forwarded[i]))
            return false;
    return strncmp(x->request->address, "127.", 4) == 0;
}

static int jwks_answer(struct exchange *x)
{
    int r = auth_jwks(x, &x->reply->text);

    if (r == DONE)
        json_reply(x, 200);
    return r;
}

static int metrics_answer(struct exchange *x)
{
    int r;

    if (!is_local(x)) {
        if ((r = auth_identify(x)) != DONE)
            return r;
        if (!x->admin)
            return FORBIDDEN;
    }
    metrics_write(x->gateway, &x->reply->text);
    meters_gather(x, &x->reply->text);
    json_reply(x, 200);
    x->reply->type = "text/plain; version=0.0.4; charset=utf-8";
    return DONE;
}

static int docs_answer(struct exchange *x)
{
    ui_file_reply(x, ui_file_named("docs.html"));
    return DONE;
}

/* The page says which model answers: the one thing in it that changes. */
static int home_answer(struct exchange *x)
{
    static const char mark[] = "@MODEL@";
    const struct ui_file *file = ui_file_named("home.html");
    const char *at = memmem(file->data, file->size, mark, sizeof mark - 1);
    struct text *t = &x->reply->text;
    char model[32];

    assert(at);
    health_model(x->gateway->broker, model);
    text_add(t, file->data, (size_t)(at - file->data));
    text_puts(t, strcmp(model, "demo") == 0      ? "the demo model (it repeats what it is told)"
                 : strcmp(model, "missing") == 0 ? "no model: none is configured"
                                                 : "the configured model");
    at += sizeof mark - 1;
    text_add(t, at, file->size - (size_t)(at - file->data));
    ui_page_reply(x, t->data, t->size);
    return DONE;
}

static step_fn *const answers[OP_COUNT] = {
    [OP_health] = health_answer,   [OP_health_live] = live_answer, [OP_openapi] = openapi_answer,
    [OP_metrics] = metrics_answer, [OP_docs] = docs_answer,        [OP_jwks] = jwks_answer,
    [OP_home] = home_answer,
};

int system_step(struct exchange *x)
{
    assert(answers[x->op->id]);
    return answers[x->op->id](x);
}
