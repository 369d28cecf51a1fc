/*
 * What a provider says beside its answers, the first byte picks which: how long to wait, a title,
 * lists of files, lists of models.
 */
#include <string.h>

#include "chatd/upstream/models.c"

#include "chatd/titles.h"
#include "chatd/upstream/retry.h"
#include "common/cleanup.h"
#include "common/json.h"
#include "common/text.h"
#include "filed/provider.h"
#include "tests/fuzz/fuzz.h"

#define WALL   INT64_C(1800000000)
#define DAY_MS INT64_C(86400000)

static void wait_try(const char *one, const char *other)
{
    int64_t ms = retry_after(one, other, WALL);

    must(ms >= -1 && ms <= DAY_MS);
}

static void title_try(const char *said, size_t size)
{
    cleanup(text_drop) struct text title = {0};

    if (!utf8_check(said, size) || memchr(said, '\0', size))
        return; /* answers never are */
    title_clean(&title, said, size);
    must(title.size <= TITLE_MAX && utf8_check(title.data ? title.data : "", title.size));
    must(!title.size || (!memchr(title.data, '\n', title.size) && title.data[0] != ' '));
}

static void file_see(void *state, const struct provider_file *f)
{
    must(*f->id && strlen(f->id) < PROVIDER_ID_MAX && f->filename);
    ++*(int *)state;
}

static void list_try(const char *json, size_t size)
{
    struct provider_call call = {.answer = {.data = (char *)json, .size = size}};
    char after[PROVIDER_ID_MAX];
    int seen = 0;

    if (provider_listed(&call, file_see, &seen, after))
        must(!*after || seen > 0);
    else
        must(seen == 0);
}

static void models_try(const char *said, size_t size)
{
    cleanup(text_drop) struct text ids = {0};
    cleanup(json_drop) struct json_object *names = NULL;
    const char *why;

    if (answer_read(said, size, &ids) != DONE) {
        must(ids.size == 0);
        return;
    }
    must(json_parse(ids.data, ids.size, &names, &why) == DONE);
    must(json_object_is_type(names, json_type_array));
    must(json_object_array_length(names) <= UPSTREAM_MODELS_MAX);
    for (size_t i = 0; i < json_object_array_length(names); i++) {
        const char *name = json_object_get_string(json_object_array_get_idx(names, i));
        must(*name && strlen(name) <= MODEL_ID_MAX && utf8_check(name, strlen(name)));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cleanup(free_drop) char *text = NULL;

    if (size < 1 || size > 65536)
        return 0;
    text = calloc(1, size + 1);
    must(text != NULL);
    memcpy(text, data + 1, size - 1);
    switch (data[0] % 4) {
    case 0:
        wait_try(text, strlen(text) + 1 < size ? text + strlen(text) + 1 : NULL);
        break;
    case 1:
        title_try(text, size - 1);
        break;
    case 2:
        list_try(text, size - 1);
        break;
    default:
        models_try(text, size - 1);
        break;
    }
    return 0;
}
