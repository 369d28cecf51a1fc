#pragma once
/*
 * The one codec of the bus: a head frame from and to struct envelope.  The layout of each kind is
 * in frames.def; the meaning and the grammar are in proto/README.md.
 */
#include <stddef.h>
#include <stdint.h>

#define ENVELOPE_VERSION  1
#define ENVELOPE_HEAD_MAX 16384 /* bytes of a head frame */

#define DATA_MAX          65536 /* bytes of a DATA frame */
#define DATA_WINDOW       8     /* DATA frames on their way that nobody has taken yet */
#define DATA_SILENCE_MS   30000 /* a transfer's deadline, anew with each DATA and WINDOW */
/* DATA's `last` */
#define DATA_MORE   0
#define DATA_LAST   1
#define DATA_BROKEN 2 /* no more comes, and it is not the whole */

enum frame_kind {
    FRAME_NONE,
#define FRAME(name, number) FRAME_##name = number,
#include "proto/frames.def"
};

struct blob {
    const char *data;
    size_t size;
};

/* Fields of all kinds; those that a kind does not have are zero or NULL.  When encoding, a NULL
 * string counts as "". */
struct envelope {
    enum frame_kind kind;

    uint64_t id, caller, session, generation, turn_id;
    uint32_t deadline_ms, key_ttl, retry_after, count, n;
    uint16_t credit_fast, credit_slow, credit_write, credit_hash, credit_bulk, status, http;
    uint8_t database, known, admin, replayed, text, stream, last;
    const char *service, *instance, *note, *op, *trace, *key, *to, *address, *field, *detail,
        *location, *next, *topic, *owner, *cookie;
    struct blob params;
};

/*
 * Writes the head frame of e into buf.
 * Returns its size, or 0 when it does not fit or a string is longer than 255 bytes.
 */
size_t envelope_encode(const struct envelope *e, char *buf, size_t capacity);

/*
 * Reads a head frame.  Strings and blobs of ret point into data, which must outlive it.
 * Returns 0, or -1 for another version, an unknown kind, or a frame that is cut or has bytes left.
 */
int envelope_decode(const void *data, size_t size, struct envelope *ret)
    __attribute__((warn_unused_result));

/* "REQUEST", or "?" */
const char *envelope_kind_name(enum frame_kind kind);
