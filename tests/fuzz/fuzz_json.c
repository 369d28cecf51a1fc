/* Strict JSON: json-c parses whatever the check takes, and our own strings are always taken. */
#include <json-c/json.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/json.h"
#include "common/text.h"
#include "proto/api.h"
#include "tests/fuzz/fuzz.h"

static void check_as_text(const char *s, size_t size)
{
    cleanup(json_drop) struct json_object *o = NULL;
    const char *why = NULL, *again;
    bool good = json_check(s, size, &why);

    must(good == (json_parse(s, size, &o, &why) == DONE));
    must(good || why);
    must(!good || utf8_check(s, size));
    if (!good)
        return;
    /* what json-c writes from it is good again */
    again = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN);
    must(json_check(again, strlen(again), &why));
}

static void check_as_string(const char *s, size_t size)
{
    cleanup(json_drop) struct json_object *o = NULL;
    cleanup(text_drop) struct text t = {0};
    const char *why;

    if (!utf8_check(s, size))
        return;
    text_json(&t, s, size);
    must(json_parse(t.data, t.size, &o, &why) == DONE);
    must(json_object_is_type(o, json_type_string));
    must((size_t)json_object_get_string_len(o) == size);
    must(memcmp(json_object_get_string(o), s, size) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_as_text((const char *)data, size);
    if (size)
        check_as_string((const char *)data, size);
    return 0;
}
