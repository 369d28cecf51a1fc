/* Downloads of what lies in a file. */
#include "filed/content.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/call.h"
#include "common/fault.h"
#include "proto/envelope.h"

static int bytes_send(struct call *c, int fd, int64_t first, int64_t count)
{
    char *piece = arena_alloc(&c->arena, DATA_MAX);
    int r = call_stream(c);

    posix_fadvise(fd, first, count, POSIX_FADV_SEQUENTIAL);
    while (!r && count) {
        size_t most = count < DATA_MAX ? (size_t)count : DATA_MAX;
        ssize_t n = pread(fd, piece, most, first);
        if (n <= 0)
            return FAULT("content: %s", n ? strerror(errno) : "it is cut off");
        r = call_write(c, piece, (size_t)n);
        first += n;
        count -= n;
    }
    return r;
}

int content_send(struct call *c, int fd, const struct content *what)
{
    int64_t first = 0, count = 0;

    call_range(c, what->range, what->if_range, what->sha256, what->bytes, &first, &count);
    text_putc(&c->out, '{');
    text_member_str(&c->out, "type", what->type);
    text_member_str(&c->out, "filename", what->filename);
    text_member_str(&c->out, "sha256", what->sha256);
    text_member_i64(&c->out, "size", what->bytes);
    text_member_i64(&c->out, "first", first);
    text_member_i64(&c->out, "count", count);
    text_putc(&c->out, '}');
    return bytes_send(c, fd, first, count);
}
