/* The pages and what they load, built into the program. */
#include "gateway/ui/files.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "gateway/media.h"

#define PREFIX       "/ui/"
#define VERSION_SIZE 16

static const char *type_of(const char *name)
{
    static const struct {
        const char *ending, *type;
    } types[] = {{".html", "text/html; charset=utf-8"},
                 {".css", "text/css; charset=utf-8"},
                 {".js", "text/javascript; charset=utf-8"},
                 {".json", "application/json"},
                 {".svg", "image/svg+xml"},
                 {".woff2", "font/woff2"}};
    const char *ending = strrchr(name, '.');

    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (ending && strcmp(ending, types[i].ending) == 0)
            return types[i].type;
    assert(!"a file of unknown type");
    return NULL;
}

static const struct ui_blob *file_find(const char *name)
{
    for (const struct ui_blob *b = ui_blobs; b->name; b++)
        if (strcmp(b->name, name) == 0)
            return b;
    return NULL;
}

const struct ui_blob *ui_file_named(const char *name)
{
    const struct ui_blob *f = file_find(name);

    assert(f);
    return f;
}

/*
 * The one place where text becomes HTML is the sanitizer's: browsers that know Trusted Types hold
 * scripts to that.
 */
void page_headers(struct exchange *x)
{
    http_reply_header(x->reply, "Content-Security-Policy",
                      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
                      "font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
                      "frame-ancestors 'none'; require-trusted-types-for 'script'; "
                      "trusted-types dompurify");
    http_reply_header(x->reply, "Cache-Control", "no-cache");
}

bool page_is_known(struct exchange *x, const char *etag)
{
    const char *known = http_header(x->request, "If-None-Match");

    http_reply_header(x->reply, "ETag", etag);
    if (!known || (strcmp(known, "*") != 0 && !strstr(known, etag)))
        return false;
    x->reply->status = 304;
    return true;
}

/* The body, compressed if the client takes that. */
static void body_reply(struct exchange *x, const struct ui_blob *f)
{
    bool is_packed =
        f->packed != f->data && media_accepts(http_header(x->request, "Accept-Encoding"), "gzip");
    char etag[ETAG_SIZE];

    snprintf(etag, sizeof etag, "\"%s%s\"", f->hash, is_packed ? "-gz" : "");
    if (f->packed != f->data)
        http_reply_header(x->reply, "Vary", "Accept-Encoding");
    if (page_is_known(x, etag))
        return;
    if (is_packed)
        http_reply_header(x->reply, "Content-Encoding", "gzip");
    x->reply->status = 200;
    x->reply->type = type_of(f->name);
    x->reply->body = is_packed ? f->packed : f->data;
    x->reply->size = (size_t)(is_packed ? f->packed_end - f->packed : f->end - f->data);
}

void ui_file_reply(struct exchange *x, const struct ui_blob *f)
{
    page_headers(x);
    body_reply(x, f);
}

/* Whether s begins with something that can be a version: 16 hex digits and a slash. */
static bool has_version(const char *s)
{
    return strspn(s, "0123456789abcdef") == VERSION_SIZE && s[VERSION_SIZE] == '/';
}

bool ui_file_answer(struct exchange *x)
{
    const char *name = x->path + sizeof PREFIX - 1, *keep = "no-cache";
    const struct ui_blob *f;

    if (strcmp(x->method, "GET") != 0 || strncmp(x->path, PREFIX, sizeof PREFIX - 1) != 0)
        return false;
    if (has_version(name)) {
        if (strncmp(name, ui_version, VERSION_SIZE) == 0)
            keep = "public, max-age=31536000, immutable";
        else
            keep = "no-store";
        name += VERSION_SIZE + 1;
    }
    f = file_find(name);
    if (!f || strcmp(type_of(name), "text/html; charset=utf-8") == 0)
        return false;
    http_reply_header(x->reply, "Content-Security-Policy",
                      "default-src 'none'; frame-ancestors 'none'");
    http_reply_header(x->reply, "Cache-Control", keep);
    body_reply(x, f);
    return true;
}
