/* A provider's stream, as both dialects read it: what comes out is text that we can keep. */
#include <string.h>

#include "chatd/upstream/dialect.h"
#include "chatd/upstream/failure.h"
#include "chatd/upstream/mend.h"
#include "chatd/upstream/sse_reader.h"
#include "common/cleanup.h"
#include "common/json.h"
#include "tests/fuzz/fuzz.h"

#define KEY "sk-12345"

struct reading {
    const struct dialect *dialect;
    struct answer answer;
    struct text delta, scratch;
};

static bool take(void *state, const struct sse_event *e)
{
    struct reading *r = state;
    struct sse_event mended = *e;

    mend_json(&r->scratch, &mended.data, &mended.size);
    must(utf8_check(mended.data, mended.size));
    return r->dialect->event(&r->answer, &mended, &r->delta) && r->answer.state == ANSWER_OPEN;
}

static void check_answer(struct reading *r)
{
    struct failure f;

    must(utf8_check(r->delta.data ? r->delta.data : "", r->delta.size));
    must(r->delta.size == 0 || !memchr(r->delta.data, '\0', r->delta.size));
    must(r->answer.message.size <= ANSWER_MESSAGE_MAX);
    if (r->answer.state == ANSWER_FAILED) {
        failure_judge(&f, FAILURE_EVENT, 200, r->answer.code, r->answer.message.data,
                      r->answer.message.size, KEY);
        must(utf8_check(f.detail, strlen(f.detail)));
        must(!strstr(f.detail, KEY));
    }
}

static void read_as(const struct dialect *d, const char *data, size_t size)
{
    struct reading r = {.dialect = d};
    cleanup(sse_reader_drop) struct sse_reader reader = {0};

    answer_reset(&r.answer);
    must(sse_reader_feed(&reader, data, size, take, &r));
    if (r.answer.state == ANSWER_OPEN)
        d->end(&r.answer);
    check_answer(&r);
    answer_drop(&r.answer);
    text_drop(&r.delta);
    text_drop(&r.scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char detail[UPSTREAM_DETAIL_MAX];

    read_as(&dialect_responses, (const char *)data, size);
    read_as(&dialect_completions, (const char *)data, size);
    mend_line(detail, sizeof detail, (const char *)data, size, KEY);
    must(utf8_check(detail, strlen(detail)));
    must(!strstr(detail, KEY));
    return 0;
}
