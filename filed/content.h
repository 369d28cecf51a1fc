#pragma once
/* Downloads of what lies in a file. */
#include <stdint.h>

struct call;

/* What a file's content is, for the reply's head; range, if_range: the row's inputs. */
struct content {
    const char *type, *filename, *sha256;
    int64_t bytes;
    const char *range, *if_range;
};

/* Sends it, or the part that is asked for. */
int content_send(struct call *c, int fd, const struct content *what)
    __attribute__((warn_unused_result));
