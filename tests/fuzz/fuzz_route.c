/* Paths: the first byte picks the method, the rest is the path. */
#include <string.h>

#include "common/cleanup.h"
#include "proto/api.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const methods[] = {"GET", "POST", "PUT", "DELETE", "PATCH", ""};
    static char block[PARAMS_MAX];
    cleanup(free_drop) char *path = NULL, *in = NULL;
    struct params params = {.data = block, .capacity = sizeof block};
    const char *field, *why;
    struct match m;

    if (!size)
        return 0;
    path = strndup((const char *)data + 1, size - 1);
    must(path != NULL);
    m = api_match(methods[data[0] % 6], path, &params);
    must(m.allowed < 1U << METHOD_NONE);
    must(params.size <= PARAMS_MAX);
    if (!m.op) {
        must(params.count == 0);
        return 0;
    }
    must(m.allowed & 1U << m.op->method);
    must(strcmp(api_method_name(m.op->method), methods[data[0] % 6]) == 0);
    for (const struct field *f = m.op->in; f->name; f++)
        must((f->place == AT_PATH) == (params_get(params.data, params.size, f->name) != NULL));
    in = calloc(1, m.op->in_size ? m.op->in_size : 1);
    must(in != NULL);
    must(api_decode(m.op, params.data, params.size, NULL, in, &field, &why) >= DONE);
    return 0;
}
