/* What a daemon counts. */
#include "common/meters.h"

#include <assert.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "common/call.h"
#include "common/daemon.h"
#include "common/text.h"

struct cells {
    const struct meter *row;
    size_t count;          /* values, or bounds */
    double *bounds;        /* of a histogram */
    atomic_llong *number;  /* by value; of a histogram by bound, and one for what is above all */
    atomic_llong observed; /* of a histogram: sum, in millionths */
};

struct meters {
    const char *service, *instance;
    struct cells *cells;
    int count;
};

static const struct meter runtime[] = {
#define METER METER_ROW
#include "common/meters.def"
    {0},
};

static size_t words_count(const char *words)
{
    size_t n = 1;

    for (; words && *words; words++)
        n += *words == '|';
    return n;
}

static void cells_init(struct cells *c, const struct meter *row)
{
    const char *at = row->values;
    char *end;

    *c = (struct cells){.row = row, .count = words_count(row->values)};
    assert(c->count <= METER_CELLS_MAX);
    assert(row->type == METER_HISTOGRAM ? !row->label && row->values : !row->label == !row->values);
    c->number = calloc(c->count + 1, sizeof *c->number);
    c->bounds = calloc(c->count, sizeof *c->bounds);
    if (!c->number || !c->bounds)
        abort();
    for (size_t i = 0; row->type == METER_HISTOGRAM && i < c->count; i++) {
        c->bounds[i] = strtod(at, &end);
        assert(end > at && (i == 0 || c->bounds[i] > c->bounds[i - 1]));
        at = end + 1;
    }
}

struct meters *meters_new(const char *service, const char *instance, const struct meter *own)
{
    struct meters *m = calloc(1, sizeof *m);
    int n = 0;

    if (!m)
        abort();
    while (own && own[n].name)
        n++;
    m->service = service;
    m->instance = instance;
    m->count = RUNTIME_METERS + n;
    m->cells = calloc((size_t)m->count, sizeof *m->cells);
    if (!m->cells)
        abort();
    for (int i = 0; i < m->count; i++)
        cells_init(&m->cells[i], i < RUNTIME_METERS ? &runtime[i] : &own[i - RUNTIME_METERS]);
    return m;
}

void meters_drop(struct meters **meters)
{
    struct meters *m = *meters;

    if (!m)
        return;
    for (int i = 0; i < m->count; i++) {
        free(m->cells[i].number);
        free(m->cells[i].bounds);
    }
    free(m->cells);
    free(m);
    *meters = NULL;
}

/* The cell of a label's value. */
static atomic_llong *cell(struct meters *m, int meter, const char *value)
{
    struct cells *c = &m->cells[meter];
    const char *at = c->row->values;
    size_t size = value ? strlen(value) : 0;

    assert(meter >= 0 && meter < m->count && c->row->type != METER_HISTOGRAM);
    assert(!value == !c->row->label);
    for (size_t i = 0; i < c->count; i++) {
        size_t n = at ? strcspn(at, "|") : 0;
        if (n == size && (!n || memcmp(at, value, n) == 0))
            return &c->number[i];
        at = at ? at + n + 1 : NULL;
    }
    assert(!"a value that the meter's row does not list");
    return NULL;
}

void meter_add(struct meters *m, int meter, const char *value, int64_t n)
{
    if (m)
        atomic_fetch_add_explicit(cell(m, meter, value), n, memory_order_relaxed);
}

void meter_set(struct meters *m, int meter, const char *value, int64_t now)
{
    if (m)
        atomic_store_explicit(cell(m, meter, value), now, memory_order_relaxed);
}

void meter_observe(struct meters *m, int meter, int64_t millionths)
{
    struct cells *c;
    size_t i = 0;

    if (!m)
        return;
    c = &m->cells[meter];
    assert(meter >= 0 && meter < m->count && c->row->type == METER_HISTOGRAM);
    while (i < c->count && (double)millionths > c->bounds[i] * 1e6)
        i++;
    atomic_fetch_add_explicit(&c->number[i], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&c->observed, millionths, memory_order_relaxed);
}

static void histogram_write(const struct meters *m, struct cells *c, struct text *to)
{
    const char *name = c->row->name, *id = m->instance;
    long long sum = 0;

    for (size_t i = 0; i < c->count; i++) {
        sum += atomic_load(&c->number[i]);
        text_printf(to, "chatbot_%s_%s_bucket{instance=\"%s\",le=\"%g\"} %lld\n", m->service, name,
                    id, c->bounds[i], sum);
    }
    sum += atomic_load(&c->number[c->count]);
    text_printf(to, "chatbot_%s_%s_bucket{instance=\"%s\",le=\"+Inf\"} %lld\n", m->service, name,
                id, sum);
    text_printf(to, "chatbot_%s_%s_sum{instance=\"%s\"} %.6f\n", m->service, name, id,
                (double)atomic_load(&c->observed) / 1e6);
    text_printf(to, "chatbot_%s_%s_count{instance=\"%s\"} %lld\n", m->service, name, id, sum);
}

static void numbers_write(const struct meters *m, struct cells *c, struct text *to)
{
    const char *at = c->row->values;

    for (size_t i = 0; i < c->count; i++) {
        size_t n = at ? strcspn(at, "|") : 0;
        text_printf(to, "chatbot_%s_%s{instance=\"%s\"", m->service, c->row->name, m->instance);
        if (c->row->label)
            text_printf(to, ",%s=\"%.*s\"", c->row->label, (int)n, at);
        text_printf(to, "} %lld\n", (long long)atomic_load(&c->number[i]));
        at = at ? at + n + 1 : NULL;
    }
}

void meters_write(struct meters *m, struct text *to)
{
    static const char *const types[] = {"counter", "gauge", "histogram"};

    for (int i = 0; i < m->count; i++) {
        struct cells *c = &m->cells[i];
        text_printf(to, "# HELP chatbot_%s_%s %s\n# TYPE chatbot_%s_%s %s\n", m->service,
                    c->row->name, c->row->text, m->service, c->row->name, types[c->row->type]);
        if (c->row->type == METER_HISTOGRAM)
            histogram_write(m, c, to);
        else
            numbers_write(m, c, to);
    }
}

int meters_answer(struct call *c, const void *in)
{
    struct text figures = {0};

    (void)in;
    meters_write(c->daemon->meters, &figures);
    text_putc(&c->out, '{');
    text_json_name(&c->out, "text");
    text_json(&c->out, figures.data, figures.size);
    text_putc(&c->out, '}');
    text_drop(&figures);
    return DONE;
}
