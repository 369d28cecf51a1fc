/* What a failed request means, looked up in failure.def. */
#include "chatd/upstream/failure.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "chatd/upstream/mend.h"

struct row {
    enum failure_cause cause;
    int from, to;
    const char *code;
    enum status status;
    enum again again;
    bool retryable;
    const char *text;
};

static const struct row rows[] = {
#define FAILURE(cause, from, to, code, status, again, retryable, text) \
    {FAILURE_##cause, from, to, code, status, AGAIN_##again, retryable, text},
#include "chatd/upstream/failure.def"
};

static bool code_fits(const char *pattern, const char *code)
{
    size_t n = strlen(pattern);

    if (n > 0 && pattern[n - 1] == '*')
        return strncmp(pattern, code, n - 1) == 0;
    return strcmp(pattern, code) == 0;
}

static const struct row *row_for(enum failure_cause cause, int http, const char *code)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct row *r = &rows[i];
        if (r->cause == cause && (r->to == 0 || (http >= r->from && http <= r->to)) &&
            code_fits(r->code, code))
            return r;
    }
    return NULL;
}

/* The row's own text; with the HTTP status where that says more. */
static void own_text(struct failure *f, const struct row *r, int http)
{
    if (r->cause == FAILURE_HTTP && r->to > 0)
        snprintf(f->detail, sizeof f->detail, "%s (HTTP %d)", r->text, http);
    else
        snprintf(f->detail, sizeof f->detail, "%s", r->text);
}

static void provider_text(struct failure *f, const struct row *r, int http, const char *message,
                          size_t size, const char *key)
{
    const char *said = r->status == UPSTREAM_REFUSED ? "the model provider refused the request"
                                                     : "the model provider reports an error";
    size_t n;

    if (size == 0 && http > 0 && r->cause == FAILURE_HTTP)
        snprintf(f->detail, sizeof f->detail, "%s (HTTP %d)", said, http);
    else
        snprintf(f->detail, sizeof f->detail, "%s%s", said, size > 0 ? ": " : "");
    n = strlen(f->detail);
    mend_line(f->detail + n, sizeof f->detail - n, message, size, key);
}

void failure_judge(struct failure *ret, enum failure_cause cause, int http, const char *code,
                   const char *message, size_t message_size, const char *key)
{
    const struct row *r = row_for(cause, http, code);

    assert(r);
    ret->status = r->status;
    ret->again = r->again;
    ret->retryable = r->retryable;
    if (r->text)
        own_text(ret, r, http);
    else
        provider_text(ret, r, http, message, message_size, key);
}
