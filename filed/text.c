/* file_text: what a model that knows no files is given of one. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/call.h"
#include "common/cleanup.h"
#include "common/db.h"
#include "common/fault.h"
#include "common/json.h"
#include "filed/filed.h"
#include "filed/queries.h"
#include "filed/store.h"

/* Types that are no text for people, whatever bytes they consist of. */
static bool is_other(const char *mime)
{
    static const char *const others[] = {"audio/", "video/", "font/", "application/pdf"};

    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strncmp(mime, others[i], strlen(others[i])) == 0)
            return true;
    return strncmp(mime, "image/", 6) == 0 && strcmp(mime, "image/svg+xml") != 0;
}

static int content_read(int fd, char *to, size_t size)
{
    for (size_t at = 0; at < size;) {
        ssize_t n = pread(fd, to + at, size - at, (off_t)at);
        if (n <= 0)
            return FAULT("content: %s", n ? strerror(errno) : "it is cut off");
        at += (size_t)n;
    }
    return DONE;
}

int file_text(struct call *c, const struct file_text_in *in)
{
    const struct filed *f = call_state(c);
    cleanup(fd_drop) int fd = -1;
    int64_t owner = 0, bytes = 0;
    const char *mime, *sha256;
    char *text;
    int r = db_get(c, Q_file_text, ARGS(c->caller, in->project_id, in->file_id),
                   INTO(&owner, &mime, &sha256, &bytes));

    if (r)
        return r;
    if (bytes > FILE_TEXT_MAX || is_other(mime))
        return BAD_INPUT;
    r = store_read(f->store, owner, sha256, &fd);
    if (r) /* deleted, and collected, since it was looked up */
        return r;
    text = arena_alloc(&c->arena, (size_t)bytes + 1);
    r = content_read(fd, text, (size_t)bytes);
    if (r)
        return r;
    if (strlen(text) != (size_t)bytes || !utf8_check(text, (size_t)bytes))
        return BAD_INPUT;
    text_putc(&c->out, '{');
    text_member_i64(&c->out, "id", in->file_id);
    text_json_name(&c->out, "text");
    text_json(&c->out, text, (size_t)bytes);
    text_putc(&c->out, '}');
    return DONE;
}
