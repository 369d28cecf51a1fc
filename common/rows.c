/* Rows of a result: cells, and a row as the JSON object of its shape. */
#include <assert.h>
#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/db.h"
#include "common/text.h"

void rows_drop(PGresult **r)
{
    PQclear(*r);
    *r = NULL;
}

int rows_count(const PGresult *r)
{
    return PQntuples(r);
}

int rows_columns(const PGresult *r)
{
    return PQnfields(r);
}

int64_t rows_affected(const PGresult *r)
{
    return strtoll(PQcmdTuples((PGresult *)r), NULL, 10);
}

bool rows_null(const PGresult *r, int row, int column)
{
    return PQgetisnull(r, row, column) != 0;
}

int64_t rows_i64(const PGresult *r, int row, int column)
{
    return strtoll(PQgetvalue(r, row, column), NULL, 10);
}

bool rows_bool(const PGresult *r, int row, int column)
{
    return PQgetvalue(r, row, column)[0] == 't';
}

const char *rows_str(const PGresult *r, int row, int column)
{
    return PQgetvalue(r, row, column);
}

void rows_ids(const PGresult *r, int row, int column, struct ids *ret)
{
    const char *s = PQgetvalue(r, row, column); /* "{1,2,3}", "" for NULL */

    ret->count = 0;
    while (*s && s[1] != '}' && s[1] && ret->count < IDS_MAX) {
        char *end;
        ret->list[ret->count++] = strtoll(s + 1, &end, 10);
        s = end;
    }
}

/* -> "2026-11-23T02:43:50.123456Z" */
void time_json(struct text *out, const char *v, size_t n)
{
    assert(n > 13 && v[10] == ' ' && memcmp(v + n - 3, "+00", 3) == 0);
    text_putc(out, '"');
    text_add(out, v, 10);
    text_putc(out, 'T');
    text_add(out, v + 11, n - 14);
    text_puts(out, "Z\"");
}

static void cell_json(struct text *out, const struct field *f, const char *v, size_t n)
{
    switch (f->type) {
    case T_I64:
    case T_F64:
    case T_IDS:
    case T_JSON:
    case T_OBJECT:
        text_add(out, v, n);
        break;
    case T_BOOL:
        text_puts(out, v[0] == 't' ? "true" : "false");
        break;
    case T_TIME:
        time_json(out, v, n);
        break;
    case T_STR:
    case T_SECRET:
        text_json(out, v, n);
        break;
    case T_END:
        break;
    }
}

void row_json(struct text *out, const struct shape *shape, const PGresult *r, int row)
{
    int column = 0;

    text_putc(out, '{');
    for (const struct field *f = shape->fields; f->name; f++, column++) {
        assert(column < PQnfields(r));
        text_json_name(out, f->name);
        if (PQgetisnull(r, row, column))
            text_puts(out, "null");
        else
            cell_json(out, f, PQgetvalue(r, row, column), (size_t)PQgetlength(r, row, column));
    }
    text_putc(out, '}');
}

void rows_json(struct text *out, const struct shape *shape, const PGresult *r, int n)
{
    text_putc(out, '[');
    for (int i = 0; i < n; i++) {
        if (i)
            text_putc(out, ',');
        row_json(out, shape, r, i);
    }
    text_putc(out, ']');
}
