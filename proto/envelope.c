/* The codec of the bus, driven by frames.def. */
#include "proto/envelope.h"

#include <stdbool.h>
#include <string.h>

enum wire { WIRE_END, WIRE_U8, WIRE_U16, WIRE_U32, WIRE_U64, WIRE_STR, WIRE_BLOB };

struct wire_field {
    enum wire type;
    size_t offset;
};

#define FRAME(name, number) static const struct wire_field fields_##name[] = {
#define FIELD(T, name)      {WIRE_##T, offsetof(struct envelope, name)},
#define END         \
    {               \
        WIRE_END, 0 \
    }               \
    }               \
    ;
#include "proto/frames.def"

static const struct {
    const char *name;
    const struct wire_field *fields;
} kinds[] = {
    [0] = {0},
#define FRAME(kind, number) [number] = {#kind, fields_##kind},
#include "proto/frames.def"
};

#define KIND_COUNT (sizeof kinds / sizeof *kinds)

struct writer {
    char *buf;
    size_t size, capacity;
    bool full;
};

static void bytes_write(struct writer *w, const void *data, size_t n)
{
    if (n > w->capacity - w->size) {
        w->full = true;
        return;
    }
    if (n)
        memcpy(w->buf + w->size, data, n);
    w->size += n;
}

static void number_write(struct writer *w, uint64_t v, size_t bytes)
{
    unsigned char b[8];

    for (size_t i = 0; i < bytes; i++)
        b[i] = (unsigned char)(v >> (8 * i));
    bytes_write(w, b, bytes);
}

static void field_write(struct writer *w, enum wire type, const void *p)
{
    switch (type) {
    case WIRE_U8:
        number_write(w, *(const uint8_t *)p, 1);
        break;
    case WIRE_U16:
        number_write(w, *(const uint16_t *)p, 2);
        break;
    case WIRE_U32:
        number_write(w, *(const uint32_t *)p, 4);
        break;
    case WIRE_U64:
        number_write(w, *(const uint64_t *)p, 8);
        break;
    case WIRE_STR: {
        const char *s = *(const char *const *)p;
        size_t n = s ? strlen(s) : 0;
        if (n > UINT8_MAX) {
            w->full = true;
            return;
        }
        number_write(w, n, 1);
        bytes_write(w, n ? s : "", n + 1);
        break;
    }
    case WIRE_BLOB: {
        const struct blob *b = p;
        if (b->size > UINT16_MAX) {
            w->full = true;
            return;
        }
        number_write(w, b->size, 2);
        bytes_write(w, b->data, b->size);
        break;
    }
    case WIRE_END:
        break;
    }
}

size_t envelope_encode(const struct envelope *e, char *buf, size_t capacity)
{
    struct writer w = {.buf = buf, .capacity = capacity};

    if (e->kind == FRAME_NONE || (size_t)e->kind >= KIND_COUNT)
        return 0;
    number_write(&w, ENVELOPE_VERSION, 1);
    number_write(&w, e->kind, 1);
    for (const struct wire_field *f = kinds[e->kind].fields; f->type != WIRE_END; f++)
        field_write(&w, f->type, (const char *)e + f->offset);
    return w.full ? 0 : w.size;
}

struct reader {
    const unsigned char *data;
    size_t size, at;
    bool bad;
};

static const unsigned char *bytes_read(struct reader *r, size_t n)
{
    if (r->bad || n > r->size - r->at) {
        r->bad = true;
        return NULL;
    }
    r->at += n;
    return r->data + r->at - n;
}

static uint64_t number_read(struct reader *r, size_t bytes)
{
    const unsigned char *p = bytes_read(r, bytes);
    uint64_t v = 0;

    for (size_t i = 0; p && i < bytes; i++)
        v |= (uint64_t)p[i] << (8 * i);
    return v;
}

/* A string on the wire ends with its only NUL, so that it can be used where it lies. */
static const char *str_read(struct reader *r)
{
    size_t n = number_read(r, 1);
    const char *s = (const char *)bytes_read(r, n + 1);

    if (!s || s[n] != '\0' || memchr(s, '\0', n)) {
        r->bad = true;
        return "";
    }
    return s;
}

static void field_read(struct reader *r, enum wire type, void *p)
{
    switch (type) {
    case WIRE_U8:
        *(uint8_t *)p = (uint8_t)number_read(r, 1);
        break;
    case WIRE_U16:
        *(uint16_t *)p = (uint16_t)number_read(r, 2);
        break;
    case WIRE_U32:
        *(uint32_t *)p = (uint32_t)number_read(r, 4);
        break;
    case WIRE_U64:
        *(uint64_t *)p = number_read(r, 8);
        break;
    case WIRE_STR:
        *(const char **)p = str_read(r);
        break;
    case WIRE_BLOB: {
        struct blob *b = p;
        b->size = number_read(r, 2);
        b->data = (const char *)bytes_read(r, b->size);
        if (!b->data)
            b->size = 0;
        break;
    }
    case WIRE_END:
        break;
    }
}

int envelope_decode(const void *data, size_t size, struct envelope *ret)
{
    struct reader r = {.data = data, .size = size};
    uint64_t version = number_read(&r, 1), kind = number_read(&r, 1);

    *ret = (struct envelope){0};
    if (r.bad || version != ENVELOPE_VERSION || kind == FRAME_NONE || kind >= KIND_COUNT ||
        !kinds[kind].fields)
        return -1;
    ret->kind = (enum frame_kind)kind;
    for (const struct wire_field *f = kinds[kind].fields; f->type != WIRE_END; f++)
        field_read(&r, f->type, (char *)ret + f->offset);
    return r.bad || r.at != size ? -1 : 0;
}

const char *envelope_kind_name(enum frame_kind kind)
{
    return (size_t)kind < KIND_COUNT && kinds[kind].name ? kinds[kind].name : "?";
}
