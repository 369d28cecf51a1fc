/* The pages and what they load, built into the program. */
#include "gateway/ui/files.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "common/digest.h"
#include "gateway/ui/embed.h"

#define FILES_MAX 64
#define PREFIX    "/ui/"

static struct ui_file files[FILES_MAX];
static size_t count;

static const char *type_of(const char *name)
{
    static const struct {
        const char *ending, *type;
    } types[] = {{".html", "text/html; charset=utf-8"},
                 {".css", "text/css; charset=utf-8"},
                 {".js", "text/javascript; charset=utf-8"},
                 {".svg", "image/svg+xml"}};
    const char *ending = strrchr(name, '.');

    for (size_t i = 0; ending && i < sizeof types / sizeof *types; i++)
        if (strcmp(ending, types[i].ending) == 0)
            return types[i].type;
    return "application/octet-stream";
}

void ui_file_etag(struct ui_file *f)
{
    unsigned char digest[DIGEST_SIZE];
    char hex[17];

    digest_sha256(f->data, f->size, digest);
    hex_encode(digest, 8, hex);
    snprintf(f->etag, sizeof f->etag, "\"%s\"", hex);
}

__attribute__((constructor)) static void files_fill(void)
{
    for (const struct ui_blob *b = ui_blobs; b->name; b++) {
        assert(count < FILES_MAX);
        files[count] = (struct ui_file){.name = b->name,
                                        .type = type_of(b->name),
                                        .data = (const char *)b->data,
                                        .size = b->size};
        ui_file_etag(&files[count++]);
    }
}

static const struct ui_file *file_find(const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(files[i].name, name) == 0)
            return &files[i];
    return NULL;
}

const struct ui_file *ui_file_named(const char *name)
{
    const struct ui_file *f = file_find(name);

    assert(f);
    return f;
}

/* Pages run our own scripts and styles only, and talk to us only. */
static void page_headers(struct http_reply *reply)
{
    http_reply_header(reply, "Content-Security-Policy",
                      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
                      "connect-src 'self'; base-uri 'none'; form-action 'none'; "
                      "frame-ancestors 'none'");
    http_reply_header(reply, "Cache-Control", "no-cache");
}

void ui_file_reply(struct exchange *x, const struct ui_file *f)
{
    const char *known = http_header(x->request, "If-None-Match");

    page_headers(x->reply);
    http_reply_header(x->reply, "ETag", f->etag);
    if (known && (strcmp(known, "*") == 0 || strstr(known, f->etag))) {
        x->reply->status = 304;
        return;
    }
    x->reply->status = 200;
    x->reply->type = f->type;
    x->reply->body = f->data;
    x->reply->size = f->size;
}

void ui_page_reply(struct exchange *x, const char *html, size_t size)
{
    page_headers(x->reply);
    x->reply->status = 200;
    x->reply->type = "text/html; charset=utf-8";
    x->reply->body = html;
    x->reply->size = size;
}

bool ui_file_answer(struct exchange *x)
{
    const struct ui_file *f;

    if (strcmp(x->method, "GET") != 0 || strncmp(x->path, PREFIX, sizeof PREFIX - 1) != 0)
        return false;
    f = file_find(x->path + sizeof PREFIX - 1);
    if (!f || strncmp(f->type, "text/html", 9) == 0)
        return false;
    ui_file_reply(x, f);
    return true;
}
