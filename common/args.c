/* Parameters of statements, as text. */
#include <inttypes.h>
#include <stdio.h>

#include "common/db.h"

void args_values(size_t n, const struct arg *args, const char **ret)
{
    for (size_t i = 0; i < n; i++)
        ret[i] = args[i].text ? args[i].text : args[i].number[0] ? args[i].number : NULL;
}

const char *ids_array(struct arena *a, const struct ids *ids)
{
    size_t capacity = 3 + ids->count * 21, n = 1;
    char *s = arena_alloc(a, capacity);

    s[0] = '{';
    for (size_t i = 0; i < ids->count; i++)
        n += (size_t)snprintf(s + n, capacity - n, "%s%" PRId64, i ? "," : "", ids->list[i]);
    s[n] = '}';
    return s;
}

struct arg arg_i64(int64_t v)
{
    struct arg a = {0};

    snprintf(a.number, sizeof a.number, "%" PRId64, v);
    return a;
}

struct arg arg_f64(double v)
{
    struct arg a = {0};

    snprintf(a.number, sizeof a.number, "%.17g", v);
    return a;
}

struct arg arg_bool(bool v)
{
    return (struct arg){.text = v ? "t" : "f"};
}

struct arg arg_str(const char *v)
{
    return (struct arg){.text = v};
}

struct arg arg_i64_if(bool given, int64_t v)
{
    return given ? arg_i64(v) : (struct arg){0};
}

struct arg arg_f64_if(bool given, double v)
{
    return given ? arg_f64(v) : (struct arg){0};
}

struct arg arg_bool_if(bool given, bool v)
{
    return given ? arg_bool(v) : (struct arg){0};
}
