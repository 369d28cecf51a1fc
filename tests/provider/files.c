/* Files: /v1/files, with the first 64 KiB of each kept in memory.
 *
 * A script's entries "files.create", "files.list" and "files.delete" say what goes wrong. */
#include "files.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "connection.h"
#include "multipart.h"
#include "reply.h"
#include "routes.h"
#include "script.h"

struct file {
    char id[32];
    uint64_t bytes;
    int64_t created_at;
    char purpose[64];
    char filename[256];
    char *head;
    size_t head_length;
};

static struct file *files[FILE_MAX]; /* oldest first, without holes */
static unsigned count;
static uint64_t made;

static void file_remove(unsigned i)
{
    free(files[i]->head);
    free(files[i]);
    count--;
    memmove(&files[i], &files[i + 1], (count - i) * sizeof *files);
}

static unsigned file_index(const char *id)
{
    unsigned i = 0;

    while (i < count && strcmp(files[i]->id, id) != 0)
        i++;
    return i;
}

const struct file *file_find(const char *id)
{
    unsigned i = file_index(id);

    return i < count ? files[i] : NULL;
}

const char *file_name(const struct file *file)
{
    return file->filename;
}

unsigned file_count(void)
{
    return count;
}

void files_reset(void)
{
    while (count)
        file_remove(count - 1);
}

static void file_write(struct buffer *out, const struct file *file)
{
    buffer_print(out, "{\"object\":\"file\",\"id\":\"%s\",\"purpose\":", file->id);
    buffer_json_text(out, file->purpose);
    buffer_text(out, ",\"filename\":");
    buffer_json_text(out, file->filename);
    buffer_print(out,
                 ",\"bytes\":%llu,\"created_at\":%lld,\"expires_at\":null,"
                 "\"status\":\"processed\",\"status_details\":null}",
                 (unsigned long long)file->bytes, (long long)file->created_at);
}

static struct file *file_new(struct upload *u)
{
    struct file *file = calloc(1, sizeof *file);

    if (!file)
        abort();
    if (count == FILE_MAX)
        file_remove(0);
    snprintf(file->id, sizeof file->id, "file-%016llx", (unsigned long long)++made);
    file->bytes = u->bytes;
    file->created_at = time(NULL);
    snprintf(file->purpose, sizeof file->purpose, "%s", u->purpose);
    snprintf(file->filename, sizeof file->filename, "%s", u->filename);
    file->head = u->head.data; /* taken over; the buffer starts at its data */
    file->head_length = buffer_length(&u->head);
    u->head = (struct buffer){0};
    files[count++] = file;
    return file;
}

static bool purpose_known(const char *purpose)
{
    static const char *const purposes[] = {"assistants", "batch",     "fine-tune",
                                           "vision",     "user_data", "evals"};

    for (size_t i = 0; i < sizeof purposes / sizeof *purposes; i++)
        if (!strcmp(purpose, purposes[i]))
            return true;
    return false;
}

static void reply_file(struct connection *c, const struct file *file)
{
    struct buffer body = {0};

    file_write(&body, file);
    reply_json(c, &body);
    buffer_free(&body);
}

/* What the script says about such a request; NULL: nothing. */
static const struct behaviour *behaviour_of(const char *name)
{
    return script_has(name) ? script_next(name) : NULL;
}

static void reply_status(struct connection *c, const struct behaviour *b)
{
    struct buffer headers = {0}, body = {0};

    if (b->knobs.retry_after >= 0)
        buffer_print(&headers, "Retry-After: %d\r\n", b->knobs.retry_after);
    if (b->knobs.retry_after_ms >= 0)
        buffer_print(&headers, "retry-after-ms: %d\r\n", b->knobs.retry_after_ms);
    error_write(&body, &(struct api_error){.status = b->knobs.status,
                                           .type = b->type ? b->type : "server_error",
                                           .code = b->code,
                                           .message = b->message ? b->message : "as scripted"});
    buffer_add(&headers, "", 1); /* NUL */
    buffer_add(&body, "", 1);
    reply_body(c, b->knobs.status, buffer_at(&headers), buffer_at(&body));
    buffer_free(&headers);
    buffer_free(&body);
}

/* The request fails before it does anything: status, drop, hang.  False: it goes on. */
static bool fails_before(struct connection *c, const struct behaviour *b)
{
    if (!b)
        return false;
    if (b->knobs.drop)
        connection_close(c, b->knobs.reset);
    else if (b->knobs.status)
        reply_status(c, b);
    return b->knobs.drop || b->knobs.status || b->knobs.hang;
}

/* What was asked for is done, and its answer is lost: cut, hang_after, garbage.  False: it is sent.
 */
static bool fails_after(struct connection *c, const struct behaviour *b)
{
    static const char page[] = "<html>Welcome to the guest network</html>", half[] = "{\"object\":";

    if (!b)
        return false;
    if (b->knobs.cut)
        connection_close(c, b->knobs.reset);
    else if (b->knobs.garbage == 1)
        reply_whole(c, 200, "application/json", half, sizeof half - 1);
    else if (b->knobs.garbage)
        reply_whole(c, 200, "text/html", page, sizeof page - 1);
    return b->knobs.cut || b->knobs.garbage || b->knobs.hang_after >= 0;
}

void file_create(struct connection *c)
{
    const struct behaviour *b = behaviour_of("files.create");
    struct upload *u = c->upload;
    struct file *file;

    if (fails_before(c, b))
        return;
    if (u->state != UPLOAD_END)
        return reply_invalid(c, NULL, NULL, "Could not parse multipart form");
    if (!u->has_file)
        return reply_invalid(c, NULL, "file", "'file' is a required property");
    if (!purpose_known(u->purpose))
        return reply_invalid(c, NULL, "purpose", "Invalid value for purpose.");
    if (!u->bytes)
        return reply_invalid(c, NULL, "file", "File is empty.");
    file = file_new(u);
    if (!fails_after(c, b))
        reply_file(c, file);
}

static void file_missing(struct connection *c)
{
    char message[128];

    snprintf(message, sizeof message, "No such File object: %s", c->id);
    reply_error(
        c, &(struct api_error){
               .status = 404, .type = "invalid_request_error", .param = "id", .message = message});
}

void file_get(struct connection *c)
{
    unsigned i = file_index(c->id);

    if (i == count)
        return file_missing(c);
    reply_file(c, files[i]);
}

void file_delete(struct connection *c)
{
    const struct behaviour *b = behaviour_of("files.delete");
    struct buffer body = {0};
    unsigned i = file_index(c->id);

    if (fails_before(c, b))
        return;
    if (i == count)
        return file_missing(c);
    file_remove(i);
    if (fails_after(c, b))
        return;
    buffer_print(&body, "{\"object\":\"file\",\"id\":\"%s\",\"deleted\":true}", c->id);
    reply_json(c, &body);
    buffer_free(&body);
}

struct page {
    unsigned limit;
    bool ascending;
    char purpose[64];
    const char *first, *last; /* ids */
    unsigned written;
    bool more;
};

static void page_add(struct page *page, struct buffer *out, const struct file *file)
{
    if (*page->purpose && strcmp(page->purpose, file->purpose) != 0)
        return;
    if (page->written == page->limit) {
        page->more = true;
        return;
    }
    if (page->written++)
        buffer_text(out, ",");
    else
        page->first = file->id;
    page->last = file->id;
    file_write(out, file);
}

/* limit (default 10000), order (default desc), after, purpose: as OpenAI pages. */
void file_list(struct connection *c)
{
    const struct behaviour *b = behaviour_of("files.list");
    struct page page = {.limit = 10000};
    struct buffer body = {0};
    char text[64];
    unsigned from;

    if (fails_before(c, b) || fails_after(c, b))
        return;
    if (http_query(&c->http, "limit", text, sizeof text)) {
        long limit = strtol(text, NULL, 10);
        if (limit < 1 || limit > 10000)
            return reply_invalid(c, NULL, "limit", "Invalid 'limit': expected 1 to 10000.");
        page.limit = (unsigned)limit;
    }
    page.ascending = http_query(&c->http, "order", text, sizeof text) && !strcmp(text, "asc");
    if (!http_query(&c->http, "purpose", page.purpose, sizeof page.purpose))
        *page.purpose = 0;
    from = page.ascending ? 0 : count;
    if (http_query(&c->http, "after", text, sizeof text)) {
        from = file_index(text);
        if (from == count)
            return reply_invalid(c, NULL, "after", "Invalid 'after': no such file.");
        from += page.ascending;
    }
    buffer_text(&body, "{\"object\":\"list\",\"data\":[");
    for (; page.ascending ? from < count : from > 0; from += page.ascending ? 1U : -1U)
        page_add(&page, &body, files[page.ascending ? from : from - 1]);
    buffer_text(&body, "],\"first_id\":");
    buffer_json_text(&body, page.first);
    buffer_text(&body, ",\"last_id\":");
    buffer_json_text(&body, page.last);
    buffer_print(&body, ",\"has_more\":%s}", page.more ? "true" : "false");
    reply_json(c, &body);
    buffer_free(&body);
}

void control_file(struct connection *c)
{
    unsigned i = file_index(c->id);

    if (i == count)
        return file_missing(c);
    reply_whole(c, 200, "application/octet-stream", files[i]->head, files[i]->head_length);
}
