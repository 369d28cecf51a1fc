/* A provider's stream, as both dialects read it: what comes out is text that we can keep.  And what
 * they ask with a text of a user: the model gets just that. */
#include <json-c/json.h>
#include <string.h>

#include "chatd/upstream/dialect.h"
#include "chatd/upstream/failure.h"
#include "chatd/upstream/mend.h"
#include "chatd/upstream/model_input.h"
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

/* What the last message of a request holds: a text, or parts. */
static struct json_object *asked(struct json_object *o, const char *messages)
{
    struct json_object *list = json_member(o, messages);

    must(json_object_is_type(list, json_type_array));
    return json_member(json_object_array_get_idx(list, json_object_array_length(list) - 1),
                       "content");
}

static void ask_as(const struct dialect *d, const char *messages, const char *text, size_t size,
                   bool files)
{
    static const char *const prompts[] = {"Be brief.", "\"quoted\""};
    static struct model_file list[] = {
        {.kind = MODEL_FILE_IMAGE, .id = 1, .name = "a.png", .provider = "file-1"},
        {.kind = MODEL_FILE_ID, .id = 2, .name = "b.pdf", .provider = "file-2"},
        {.kind = MODEL_FILE_ABSENT, .id = 3, .name = "c", .why = MODEL_FILE_DELETED},
    };
    cleanup(text_drop) struct text body = {0};
    cleanup(json_drop) struct json_object *o = NULL;
    struct model_input in = {.model = "m",
                             .prompts = prompts,
                             .prompt_count = 2,
                             .message = model_question(text, size),
                             .has_temperature = true,
                             .temperature = 0.5,
                             .max_output_tokens = 100,
                             .background = d->background && files};
    struct json_object *last;
    const char *why;

    if (files && d->file_ids) {
        in.message.files = list;
        in.message.file_count = 3;
    }
    model_input_build(&body, d, &in);
    must(json_parse(body.data, body.size, &o, &why) == DONE);
    last = asked(o, messages);
    if (in.message.file_count) {
        must(json_object_is_type(last, json_type_array) && json_object_array_length(last) >= 3);
        return;
    }
    must((size_t)json_object_get_string_len(last) == size);
    must(memcmp(json_object_get_string(last), text, size) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char detail[UPSTREAM_DETAIL_MAX], id[UPSTREAM_ID_MAX];
    cleanup(free_drop) char *s = strndup((const char *)data, size);

    must(s != NULL);
    mend_id(id, sizeof id, s, KEY);
    must(strlen(id) < sizeof id && utf8_check(id, strlen(id)) && !strstr(id, KEY));
    if (utf8_check(s, strlen(s))) {
        ask_as(&dialect_responses, "input", s, strlen(s), size & 1);
        ask_as(&dialect_completions, "messages", s, strlen(s), size & 1);
    }

    read_as(&dialect_responses, (const char *)data, size);
    read_as(&dialect_completions, (const char *)data, size);
    mend_line(detail, sizeof detail, (const char *)data, size, KEY);
    must(utf8_check(detail, strlen(detail)));
    must(!strstr(detail, KEY));
    return 0;
}
