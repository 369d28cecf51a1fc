/* Uploads: a form with one file on its way to a daemon, never held as a whole. */
#include "gateway/upload.h"

#include <string.h>
#include <strings.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "gateway/call.h"
#include "gateway/multipart.h"

#define FORM_MAX 65536   /* bytes of a form besides its file */
#define FLUSH_US 2000000 /* bytes of a slow client wait no longer than that for more */

int upload_media_check(struct exchange *x)
{
    const struct http_framing *f = &x->request->framing;
    const char *type = http_header(x->request, "Content-Type");

    if (!f->has_length)
        return LENGTH_REQUIRED;
    if (f->length > UPLOAD_MAX + FORM_MAX)
        return problem(x, TOO_LARGE, NULL, "a file may have at most 104857600 bytes");
    if (!type || strncasecmp(type, "multipart/form-data", 19) != 0)
        return problem(x, UNSUPPORTED_TYPE, NULL, "the body must be multipart/form-data");
    return DONE;
}

struct upload {
    struct exchange *x;
    struct multipart form;
    struct pace pace;
    struct broker_transfer *transfer;
    int64_t size;       /* bytes of the file */
    int64_t flushed_us; /* when the last of them were on their way */
};

static void upload_drop(struct upload *u)
{
    broker_transfer_end(&u->transfer);
}

/* More of the form from the client. */
static int form_fill(struct upload *u)
{
    size_t room, got;
    char *to = multipart_room(&u->form, &room);
    int r = http_body_piece(u->x->request, &u->pace, to, room, &got);

    if (r)
        return r == BAD_REQUEST ? problem(u->x, r, NULL, "the body ended early") : r;
    if (got)
        multipart_filled(&u->form, got);
    else
        multipart_ended(&u->form);
    return DONE;
}

static int form_bad(const struct upload *u)
{
    const struct multipart *m = &u->form;

    return problem(u->x, m->status, m->field[0] ? m->field : NULL, m->why);
}

/* Reads up to the file's first byte. */
static int file_find(struct upload *u)
{
    enum multipart_got got;
    const char *data;
    size_t size;
    int r;

    while ((got = multipart_next(&u->form, &data, &size)) == MULTIPART_MORE)
        if ((r = form_fill(u)))
            return r;
    return got == MULTIPART_FILE ? DONE : form_bad(u);
}

/* False: nobody wants the rest, as there is an answer already. */
static bool data_pass(struct upload *u, const char *data, size_t size)
{
    int64_t now = clock_us();

    u->size += (int64_t)size;
    if (!broker_transfer_write(u->transfer, data, size))
        return false;
    if (now - u->flushed_us < FLUSH_US)
        return true;
    u->flushed_us = now;
    return broker_transfer_flush(u->transfer);
}

/* DONE: the file is with the daemon, or it has answered before. */
static int file_pass(struct upload *u)
{
    u->flushed_us = clock_us();
    for (;;) {
        const char *data;
        size_t size;
        int r;
        switch (multipart_next(&u->form, &data, &size)) {
        case MULTIPART_MORE:
            if ((r = form_fill(u)))
                return r;
            break;
        case MULTIPART_DATA:
            if (u->size + (int64_t)size > UPLOAD_MAX)
                return problem(u->x, TOO_LARGE, "file", "a file may have at most 104857600 bytes");
            if (!data_pass(u, data, size))
                return DONE;
            break;
        case MULTIPART_END:
            broker_transfer_finish(u->transfer);
            return DONE;
        case MULTIPART_FILE:
        case MULTIPART_BAD:
            return form_bad(u);
        }
    }
}

/* Inputs that the form tells. */
static int part_add(struct upload *u)
{
    for (const struct field *f = u->x->op->in; f->name; f++)
        if (f->place == AT_PART &&
            !params_add(&u->x->params, f->name, u->form.filename, strlen(u->form.filename)))
            return problem(u->x, BAD_REQUEST, NULL, "too many parameters");
    return DONE;
}

int upload_step(struct exchange *x)
{
    cleanup(upload_drop) struct upload u = {.x = x, .pace = pace_new(x->gateway->transfer_rate)};
    struct bus_request request;
    int r = multipart_init(&u.form, http_header(x->request, "Content-Type"));

    if (r)
        return problem(x, r, NULL, "the Content-Type must be multipart/form-data with a boundary");
    if ((r = file_find(&u)) || (r = part_add(&u)))
        return r;
    request = call_request(x);
    request.retry_in_flight = false; /* nobody has the bytes any more */
    u.transfer = broker_transfer_begin(x->gateway->broker, &request);
    if (broker_transfer_wait(u.transfer) && (r = file_pass(&u)))
        return r;
    return call_reply(x, broker_transfer_reply(u.transfer));
}
