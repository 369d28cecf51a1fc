/* Which operation a method and a path mean. */
#include <string.h>

#include "proto/api.h"

struct segment {
    const char *text;
    size_t size;
};

/* Cuts the first segment off *path ("/a/b" gives "a" and leaves "/b").  False at the end. */
static bool segment_next(const char **path, struct segment *ret)
{
    if (**path != '/')
        return false;
    ret->text = ++*path;
    ret->size = strcspn(*path, "/");
    *path += ret->size;
    return true;
}

static bool is_placeholder(struct segment s)
{
    return s.size > 2 && s.text[0] == '{';
}

/*
 * Whether a template fits.  ret_literals gets a bit per segment, first segment highest, set where
 * the template is literal: the larger number is the better fit.
 */
static bool template_fits(const char *template, const char *path, unsigned *ret_literals)
{
    struct segment t, p;
    unsigned literals = 0, bit = 1U << 31;

    while (segment_next(&template, &t)) {
        if (!segment_next(&path, &p))
            return false;
        if (is_placeholder(t)) {
            if (p.size == 0)
                return false;
        } else if (t.size != p.size || memcmp(t.text, p.text, t.size) != 0) {
            return false;
        } else {
            literals |= bit;
        }
        bit >>= 1;
    }
    *ret_literals = literals;
    return *path == '\0';
}

static void values_add(const char *template, const char *path, struct params *params)
{
    struct segment t, p;
    char name[64], value[256];

    while (segment_next(&template, &t) && segment_next(&path, &p)) {
        if (!is_placeholder(t))
            continue;
        memcpy(name, t.text + 1, t.size - 2);
        name[t.size - 2] = '\0';
        /* A longer value is no id; cut, it still is none, and decoding answers 404. */
        if (p.size >= sizeof value)
            p.size = sizeof value - 1;
        memcpy(value, p.text, p.size);
        params_add(params, name, value, p.size);
    }
}

struct match api_match(const char *method, const char *path, struct params *ret_params)
{
    struct match best = {0};
    unsigned best_literals = 0, literals;

    for (int i = 0; i < OP_COUNT; i++) {
        const struct op *op = api_op(i);
        if (op->method == METHOD_NONE || !template_fits(op->path, path, &literals))
            continue;
        if (best.allowed && literals < best_literals)
            continue;
        if (literals > best_literals)
            best = (struct match){0};
        best_literals = literals;
        best.allowed |= 1U << op->method;
        if (strcmp(method, api_method_name(op->method)) == 0)
            best.op = op;
    }
    if (best.op)
        values_add(best.op->path, path, ret_params);
    return best;
}
