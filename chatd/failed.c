/* What a failed turn says. */
#include "chatd/failed.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "common/json.h"

static const struct {
    enum status error;
    const char *again, *otherwise;
} table[] = {
#define FAILED(status, again, otherwise) {status, again, otherwise},
#include "chatd/failed.def"
};

static const char *advice_for(enum status error, bool retryable)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (table[i].error == error)
            return retryable ? table[i].again : table[i].otherwise;
    assert(!"a turn fails with a code of failed.def");
    return "";
}

void failed_detail(char *ret, size_t capacity, enum status error, bool retryable, const char *what)
{
    const char *advice = advice_for(error, retryable);
    size_t room = capacity - strlen(advice) - sizeof "; ", n;

    assert(capacity > strlen(advice) + sizeof "; ");
    if (!what || !what[0])
        what = api_text(error);
    n = strlen(what);
    if (n > room)
        for (n = room; n && !utf8_check(what, n);)
            n--;
    snprintf(ret, capacity, "%.*s; %s", (int)n, what, advice);
}
