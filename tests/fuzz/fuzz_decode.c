/*
 * A request to every operation: what api_decode() takes keeps every bound of the row.
 * Input: bytes of params (2, little endian), params, JSON body.
 */
#include <json-c/json.h>
#include <math.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/json.h"
#include "proto/api.h"
#include "tests/fuzz/fuzz.h"

static void field_check(const struct field *f, const char *in)
{
    const char *at = in + f->offset;
    bool null = f->nullable && *(const bool *)(in + f->null_offset);

    if (f->optional && !*(const bool *)(in + f->has_offset)) {
        must(!null);
        return;
    }
    if (null)
        return;
    switch (f->type) {
    case T_I64:
        must(*(const int64_t *)at >= f->min && *(const int64_t *)at <= f->max);
        break;
    case T_F64:
        must(isfinite(*(const double *)at));
        must(*(const double *)at >= (double)f->min && *(const double *)at <= (double)f->max);
        break;
    case T_STR:
    case T_SECRET:
    case T_JSON: {
        int64_t n = (int64_t)strlen(*(const char *const *)at);
        must(n >= f->min && n <= f->max);
        break;
    }
    case T_IDS: {
        const struct ids *ids = (const struct ids *)at;
        must((int64_t)ids->count >= f->min && (int64_t)ids->count <= f->max);
        must(ids->count <= IDS_MAX);
        for (size_t i = 0; i < ids->count; i++) {
            must(ids->list[i] > 0);
            for (size_t k = 0; k < i; k++)
                must(ids->list[k] != ids->list[i]);
        }
        break;
    }
    default:
        must(f->type == T_BOOL);
    }
}

static void decode_try(const struct op *op, const char *params, size_t size,
                       struct json_object *body)
{
    cleanup(free_drop) char *in = calloc(1, op->in_size ? op->in_size : 1);
    const char *field = NULL, *why = NULL;
    int status;

    must(in != NULL);
    status = api_decode(op, params, size, body, in, &field, &why);
    if (status != DONE) {
        must(status == BAD_INPUT || status == NOT_FOUND);
        must(field && why && *why && strlen(field) <= 255);
        return;
    }
    for (const struct field *f = op->in; f->name; f++)
        field_check(f, in);
}

/* Puts the same parameters together again, as far as they fit: each is found as it was given. */
static void params_try(const char *data, size_t size)
{
    char block[256];
    struct params p = {.data = block, .capacity = sizeof block};
    const char *end = data + size, *name = data, *value, *value_end;

    while ((value = memchr(name, '\0', (size_t)(end - name)))) {
        if (++value == end || !(value_end = memchr(value, '\0', (size_t)(end - value))))
            value_end = end;
        if (!params_get(p.data, p.size, name) &&
            params_add(&p, name, value, (size_t)(value_end - value))) {
            const char *got = params_get(p.data, p.size, name);
            must(got && strlen(got) == (size_t)(value_end - value));
            must(memcmp(got, value, strlen(got)) == 0);
        }
        if (value_end == end)
            break;
        name = value_end + 1;
    }
    must(p.size <= sizeof block);
    must(!params_add(&p, "name", "a\0b", 3));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cleanup(json_drop) struct json_object *body = NULL;
    const char *params, *why = NULL;
    size_t params_size;

    if (size < 2)
        return 0;
    params_size = (size_t)(data[0] | data[1] << 8);
    params = (const char *)data + 2;
    size -= 2;
    if (params_size > size)
        params_size = size;
    if (json_parse(params + params_size, size - params_size, &body, &why) != DONE)
        body = NULL;
    for (int op = 0; op < OP_COUNT; op++)
        decode_try(api_op(op), params, params_size, body);
    params_try(params, params_size);
    return 0;
}
