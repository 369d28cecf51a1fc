/* Request targets: paths and queries; what is decoded and written back decodes to the same. */
#include <string.h>

#include "common/cleanup.h"
#include "common/json.h"
#include "common/text.h"
#include "gateway/http/target.h"
#include "proto/api.h"
#include "tests/fuzz/fuzz.h"

static void path_try(const char *raw)
{
    cleanup(free_drop) char *decoded = malloc(strlen(raw) + 1), *again = malloc(strlen(raw) + 1);
    struct text escaped = {0};
    const char *why;

    must(decoded && again);
    if (path_decode(raw, decoded, &why) != DONE)
        return;
    must(strlen(decoded) <= strlen(raw));
    must(utf8_check(decoded, strlen(decoded)));
    for (const char *s = decoded; *s; s++) {
        char one[2] = {*s, '\0'};
        /* raw control bytes never get here: civetweb refuses them */
        if (*s == '/' || (unsigned char)*s < 0x20 || *s == 0x7f)
            text_add(&escaped, s, 1);
        else
            target_escape(&escaped, one);
    }
    again = realloc(again, escaped.size + 1);
    must(path_decode(escaped.data ? escaped.data : "", again, &why) == DONE);
    must(strcmp(again, decoded) == 0);
    text_drop(&escaped);
}

static void query_try(const char *raw)
{
    cleanup(free_drop) char *buf = malloc(strlen(raw) + 2);
    struct text escaped = {0};
    struct query_pair p;
    const char *at = raw;
    int r;

    must(buf != NULL);
    while ((r = query_next(&at, buf, &p)) == 1) {
        must(at > raw && at <= raw + strlen(raw));
        must(utf8_check(p.name, strlen(p.name)) && utf8_check(p.value, strlen(p.value)));
        text_clear(&escaped);
        target_escape(&escaped, p.value);
        must(p.nul || strlen(p.value) <= escaped.size);
    }
    must(r == 0 || r == -1);
    text_drop(&escaped);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cleanup(free_drop) char *raw = strndup((const char *)data, size);

    must(raw != NULL);
    path_try(raw);
    query_try(raw);
    return 0;
}
