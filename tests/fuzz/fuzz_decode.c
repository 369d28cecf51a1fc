/*
 * Requests against every operation: what api_decode() takes keeps every bound of its row.
 * Input: operation (1 byte), bytes of params (2, little endian), params, JSON body.
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cleanup(json_drop) struct json_object *body = NULL;
    cleanup(free_drop) char *in = NULL;
    const struct op *op;
    const char *params, *field = NULL, *why = NULL;
    size_t params_size;
    int status;

    if (size < 3)
        return 0;
    op = api_op(data[0] % OP_COUNT);
    params_size = (size_t)(data[1] | data[2] << 8);
    params = (const char *)data + 3;
    size -= 3;
    if (params_size > size)
        params_size = size;
    if (json_parse(params + params_size, size - params_size, &body, &why) != DONE)
        body = NULL;
    in = calloc(1, op->in_size ? op->in_size : 1);
    must(in != NULL);
    status = api_decode(op, params, params_size, body, in, &field, &why);
    if (status != DONE) {
        must(status == BAD_INPUT || status == NOT_FOUND);
        must(field && why && *why && strlen(field) <= 255);
        return 0;
    }
    for (const struct field *f = op->in; f->name; f++)
        field_check(f, in);
    return 0;
}
