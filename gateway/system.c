/* The operations that the gateway answers itself. */
#include "gateway/system.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/digest.h"
#include "gateway/auth.h"
#include "gateway/health.h"
#include "gateway/meters.h"
#include "gateway/metrics.h"
#include "gateway/ui/files.h"
#include "proto/openapi.h"

static char *openapi_document;
static size_t openapi_size;
static char openapi_etag[ETAG_SIZE];

void system_start(void)
{
    unsigned char digest[DIGEST_SIZE];
    char hex[17];

    openapi_document = openapi_text(&openapi_size);
    digest_sha256(openapi_document, openapi_size, digest);
    hex_encode(digest, 8, hex);
    snprintf(openapi_etag, sizeof openapi_etag, "\"%s\"", hex);
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
    page_headers(x);
    if (page_is_known(x, openapi_etag))
        return DONE;
    x->reply->status = 200;
    x->reply->type = "application/json";
    x->reply->body = openapi_document;
    x->reply->size = openapi_size;
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

/* One page, which finds out by its path what it shows. */
static int app_answer(struct exchange *x)
{
    ui_file_reply(x, ui_file_named("app.html"));
    return DONE;
}

static step_fn *const answers[OP_COUNT] = {
    [OP_health] = health_answer,   [OP_health_live] = live_answer,
    [OP_openapi] = openapi_answer, [OP_metrics] = metrics_answer,
    [OP_docs] = docs_answer,       [OP_jwks] = jwks_answer,
    [OP_home] = app_answer,        [OP_dashboard_page] = app_answer,
    [OP_chat_page] = app_answer,   [OP_settings_page] = app_answer,
};

int system_step(struct exchange *x)
{
    assert(answers[x->op->id]);
    return answers[x->op->id](x);
}
