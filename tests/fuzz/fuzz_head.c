/* Heads of requests: the first byte picks version and wholeness, then lines "name:value". */
#include <string.h>
#include <strings.h>

#include "common/cleanup.h"
#include "gateway/http/strict.h"
#include "gateway/media.h"
#include "proto/api.h"
#include "tests/fuzz/fuzz.h"

static size_t fields_cut(char *text, struct http_header *ret)
{
    size_t n = 0;
    char *line;

    while (n < HEADERS_MAX && (line = strsep(&text, "\n")) != NULL) {
        char *colon = strchr(line, ':');
        if (!colon)
            continue;
        *colon = '\0';
        ret[n++] = (struct http_header){line, colon + 1};
    }
    return n;
}

/* What a head that was let through promises. */
static void sound_check(const struct http_head *h, const struct http_framing *f)
{
    const char *length = http_header_find(h->headers, h->count, "content-length");

    must(h->whole);
    must(!http_header_find(h->headers, h->count, "transfer-encoding"));
    must(f->has_length == (length != NULL));
    must(f->length >= 0 && (length || f->length == 0));
    must(http_header_find(h->headers, h->count, "HOST") || strcmp(h->version, "1.0") == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct http_header headers[HEADERS_MAX];
    cleanup(free_drop) char *text = NULL;
    struct http_head head = {.headers = headers, .target_size = 1, .headers_size = size};
    struct http_framing framing;
    const char *why = NULL, *type;
    int r;

    if (!size)
        return 0;
    text = strndup((const char *)data + 1, size - 1);
    must(text != NULL);
    head.version = data[0] & 1 ? "1.0" : "1.1";
    head.whole = !(data[0] & 2);
    head.count = fields_cut(text, headers);
    r = http_head_check(&head, &framing, &why);
    must(r >= DONE);
    if (r == DONE)
        sound_check(&head, &framing);
    type = http_header_find(headers, head.count, "content-type");
    if (media_is_json(type))
        must(strncasecmp(type, "application/json", 16) == 0);
    return 0;
}
