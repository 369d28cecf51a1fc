/* Answers on a connection. */
#include "reply.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "connection.h"

static void head_start(struct connection *c, int status, const char *type)
{
    struct buffer *out = &c->out;

    buffer_text(out, "HTTP/1.1 ");
    buffer_number(out, status);
    buffer_text(out, " ");
    buffer_text(out, http_reason(status));
    buffer_text(out, "\r\nContent-Type: ");
    buffer_text(out, type);
    buffer_text(out, "\r\nx-request-id: req_");
    buffer_number(out, (long long)c->request);
    if (c->http.close)
        buffer_text(out, "\r\nConnection: close");
    buffer_text(out, "\r\n");
    connection_dirty(c);
}

static void head_length(struct connection *c, size_t length)
{
    buffer_text(&c->out, "Content-Length: ");
    buffer_number(&c->out, (long long)length);
    buffer_text(&c->out, "\r\n\r\n");
}

void reply_head(struct connection *c, int status, const char *type, size_t length)
{
    head_start(c, status, type);
    head_length(c, length);
}

void reply_whole(struct connection *c, int status, const char *type, const char *body,
                 size_t length)
{
    reply_head(c, status, type, length);
    buffer_add(&c->out, body, length);
    connection_finish(c);
}

void reply_json(struct connection *c, const struct buffer *body)
{
    reply_whole(c, 200, "application/json", buffer_at(body), buffer_length(body));
}

void error_write(struct buffer *out, const struct api_error *error)
{
    buffer_text(out, "{\"error\":{\"message\":");
    buffer_json_text(out, error->message);
    buffer_text(out, ",\"type\":");
    buffer_json_text(out, error->type);
    buffer_text(out, ",\"param\":");
    buffer_json_text(out, error->param);
    buffer_text(out, ",\"code\":");
    buffer_json_text(out, error->code);
    buffer_text(out, "}}");
}

void reply_body(struct connection *c, int status, const char *headers, const char *body)
{
    head_start(c, status, "application/json");
    buffer_text(&c->out, headers);
    head_length(c, strlen(body));
    buffer_text(&c->out, body);
    connection_finish(c);
}

void reply_error(struct connection *c, const struct api_error *error)
{
    struct buffer body = {0};

    error_write(&body, error);
    reply_whole(c, error->status, "application/json", buffer_at(&body), buffer_length(&body));
    buffer_free(&body);
}

void reply_invalid(struct connection *c, const char *code, const char *param, const char *message)
{
    reply_error(c, &(struct api_error){.status = 400,
                                       .type = "invalid_request_error",
                                       .code = code,
                                       .param = param,
                                       .message = message});
}

void reply_stream(struct connection *c)
{
    if (c->http.old)
        c->http.close = true;
    head_start(c, 200, "text/event-stream; charset=utf-8");
    buffer_text(&c->out, "Cache-Control: no-store\r\n");
    buffer_text(&c->out, c->http.old ? "\r\n" : "Transfer-Encoding: chunked\r\n\r\n");
}

void reply_chunk_part(struct connection *c, const char *bytes, size_t sent, size_t length)
{
    if (!c->http.old)
        buffer_print(&c->out, "%zx\r\n", length);
    buffer_add(&c->out, bytes, sent);
    connection_dirty(c);
}

void reply_chunk(struct connection *c, const char *bytes, size_t length)
{
    if (!length)
        return;
    reply_chunk_part(c, bytes, length, length);
    if (!c->http.old)
        buffer_text(&c->out, "\r\n");
}

void reply_end(struct connection *c)
{
    if (!c->http.old)
        buffer_text(&c->out, "0\r\n\r\n");
    connection_finish(c);
}
