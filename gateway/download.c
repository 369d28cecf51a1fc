/* Downloads: bytes of a daemon on their way to a client. */
#include "gateway/download.h"

#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/fault.h"
#include "common/json.h"
#include "gateway/call.h"

/* The reply's head, see shape download. */
struct content {
    const char *type, *filename, *sha256;
    int64_t size, first, count; /* size -1: it is made while it is sent */
};

void disposition_write(struct text *to, const char *filename)
{
    text_puts(to, "attachment; filename=\"");
    for (const unsigned char *p = (const unsigned char *)filename; *p; p++) {
        if ((*p & 0xc0) == 0x80)
            continue; /* of a character that has its underscore already */
        text_putc(to, *p < 0x20 || *p > 0x7e || strchr("\"\\%/", *p) ? '_' : (char)*p);
    }
    text_puts(to, "\"; filename*=UTF-8''");
    target_escape(to, filename);
}

static int content_read(const struct exchange *x, struct json_object *o, struct content *ret)
{
    *ret = (struct content){.type = json_str(o, "type", NULL),
                            .filename = json_str(o, "filename", NULL),
                            .sha256 = json_str(o, "sha256", NULL),
                            .size = json_i64(o, "size", -1),
                            .first = json_i64(o, "first", -1),
                            .count = json_i64(o, "count", -1)};
    if (!ret->type || ret->type[strcspn(ret->type, "\r\n")] || !ret->filename || ret->first < 0 ||
        ret->count < 0 ||
        (ret->size >= 0 ? !ret->sha256 || ret->first + ret->count > ret->size : ret->count != 0))
        return FAULT("%s: the head of its reply is not complete", x->op->name);
    return DONE;
}

/* Whatever a browser makes of the bytes, it must not be a page of ours. */
static void headers_write(struct exchange *x, const struct content *c)
{
    struct text value = {0};

    disposition_write(&value, c->filename);
    http_reply_header(x->reply, "Content-Disposition", value.data);
    if (c->size >= 0) {
        text_clear(&value);
        text_printf(&value, "\"%s\"", c->sha256);
        http_reply_header(x->reply, "ETag", value.data);
        http_reply_header(x->reply, "Accept-Ranges", "bytes");
    }
    text_drop(&value);
    http_reply_header(x->reply, "Content-Security-Policy", "sandbox; default-src 'none'");
    http_reply_header(x->reply, "Cache-Control", "private, no-cache");
}

static void range_write(struct exchange *x, const struct content *c)
{
    char value[80];

    if (c->count)
        snprintf(value, sizeof value, "bytes %lld-%lld/%lld", (long long)c->first,
                 (long long)(c->first + c->count - 1), (long long)c->size);
    else
        snprintf(value, sizeof value, "bytes */%lld", (long long)c->size);
    http_reply_header(x->reply, "Content-Range", value);
}

/* Whether the client has this version already. */
static bool is_known(const struct exchange *x, const struct content *c)
{
    const char *tags = http_header(x->request, "If-None-Match");
    char tag[80], weak[84];

    snprintf(tag, sizeof tag, "\"%.64s\"", c->sha256);
    snprintf(weak, sizeof weak, "W/%s", tag);
    return tags &&
           (strcmp(tags, "*") == 0 || http_list_has(tags, tag) || http_list_has(tags, weak));
}

static int bytes_pass(struct exchange *x, struct broker_transfer *t)
{
    struct pace pace = pace_new(x->gateway->transfer_rate);
    const char *data;
    size_t size;
    int r;

    while ((r = broker_transfer_read(t, &data, &size)) == 1)
        if (!http_stream_write(x->request, &pace, data, size))
            break;
    if (r == 0)
        http_stream_whole(x->request, &pace);
    return DONE; /* a part that is missing is seen by the length, or the missing last chunk */
}

static int content_send(struct exchange *x, struct broker_transfer *t, const struct content *c,
                        int http)
{
    struct http_reply *reply = x->reply;

    if (c->size >= 0 && is_known(x, c)) {
        headers_write(x, c);
        reply->status = 304;
        return DONE;
    }
    if (http == 416) {
        range_write(x, &(struct content){.size = c->size});
        return RANGE_NOT_SATISFIABLE;
    }
    headers_write(x, c);
    if (http == 206)
        range_write(x, c);
    reply->status = http;
    reply->type = c->type;
    reply->size = c->size < 0 ? HTTP_SIZE_UNKNOWN : (size_t)c->count;
    if (!http_stream_begin(x->request) || strcmp(x->request->method, "HEAD") == 0)
        return DONE;
    return bytes_pass(x, t);
}

int download_step(struct exchange *x)
{
    cleanup(json_drop) struct json_object *head = NULL;
    cleanup(broker_transfer_end) struct broker_transfer *t = NULL;
    const struct bus_request request = call_request(x);
    const struct bus_reply *reply;
    struct content content;
    const char *why;
    int r;

    t = broker_transfer_begin(x->gateway->broker, &request);
    reply = broker_transfer_reply(t);
    if (reply->status != DONE)
        return call_refused(x, reply);
    if (!reply->stream || !reply->body || json_parse(reply->body, reply->body_size, &head, &why))
        return FAULT("%s answered without bytes", x->op->name);
    if ((r = content_read(x, head, &content)))
        return r;
    r = content_send(x, t, &content, reply->http ? reply->http : x->op->ok);
    x->reply->type = x->reply->type ? "" : NULL; /* the head's memory ends here */
    return r;
}
