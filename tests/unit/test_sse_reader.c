/* chatd/upstream/sse_reader.h: lines, fields and limits, however the stream is cut. */
#include "chatd/upstream/sse_reader.h"

#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "tests/unit/check_main.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

/* "name|data;" for each event. */
static bool write_down(void *state, const struct sse_event *e)
{
    struct text *seen = state;

    ck_assert_uint_eq(strlen(e->data), e->size);
    text_printf(seen, "%s|%s;", e->name, e->data);
    return strcmp(e->name, "stop") != 0;
}

static const struct {
    const char *stream, *events;
} cases[] = {
    {"data: a\n\n", "|a;"},
    {"data:a\n\n", "|a;"},
    {"data:  a \n\n", "| a ;"},
    {"data: a\r\n\r\n", "|a;"},
    {"data: a\r\r", "|a;"},
    {"data: a\r\n\n", "|a;"},
    {"event: x\ndata: a\n\ndata: b\n\n", "x|a;|b;"},
    {"data: a\nevent: x\n\n", "x|a;"},
    {"data: a\ndata: b\n\n", "|a\nb;"},
    {"data: a\ndata\ndata: b\n\n", "|a\n\nb;"},
    {"\n\n\ndata: a\n\n\n\n", "|a;"},
    {": comment\ndata: a\n:\n\n", "|a;"},
    {"id: 7\nretry: 10\nfoo: bar\nfoo\ndata: a\n\n", "|a;"},
    {"Data: a\ndata : b\n data: c\n\n", ""},
    {"event: x\n\ndata: a\n\n", "|a;"}, /* without data there is no event, and no name is left */
    {"data:\n\n", ""},
    {"data\n\n", ""},
    {"data\ndata\n\n", "|\n;"},
    {"\xef\xbb\xbf"
     "data: a\n\n",
     "|a;"},
    {"data: a\n\n\xef\xbb\xbf"
     "data: b\n\n",
     "|a;"}, /* a mark is one only at the beginning */
    {"data: a\n", ""},
    {"data: a", ""},
    {"event: 0123456789012345678901234567890123456789012345678901234567890123456789\ndata: a\n\n",
     "012345678901234567890123456789012345678901234567890123456789012|a;"},
    {"event: stop\ndata: a\n\ndata: b\n\n", "stop|a;"},
    {"data: {\"a\":1}\n\ndata: [DONE]\n\n", "|{\"a\":1};|[DONE];"},
};

static void read_in_pieces(const char *stream, size_t piece, struct text *seen)
{
    cleanup(sse_reader_drop) struct sse_reader r = {0};
    size_t size = strlen(stream);
    bool stopped = false;

    for (size_t at = 0; at < size && !stopped; at += piece) {
        size_t n = size - at < piece ? size - at : piece;
        char *copy = malloc(n); /* so that reading past it is seen */
        memcpy(copy, stream + at, n);
        ck_assert(sse_reader_feed(&r, copy, n, write_down, seen));
        free(copy);
        stopped = seen->size > 5 && strncmp(seen->data, "stop|", 5) == 0;
    }
}

START_TEST(whole)
{
    cleanup(text_drop) struct text seen = {0};

    text_puts(&seen, "");
    read_in_pieces(cases[_i].stream, strlen(cases[_i].stream), &seen);
    ck_assert_str_eq(seen.data, cases[_i].events);
}
END_TEST

START_TEST(in_pieces)
{
    for (size_t piece = 1; piece < strlen(cases[_i].stream); piece++) {
        cleanup(text_drop) struct text seen = {0};
        text_puts(&seen, "");
        read_in_pieces(cases[_i].stream, piece, &seen);
        ck_assert_msg(strcmp(seen.data, cases[_i].events) == 0, "pieces of %zu: %s", piece,
                      seen.data);
    }
}
END_TEST

static bool count_bytes(void *state, const struct sse_event *e)
{
    *(size_t *)state += e->size;
    return true;
}

/* Whether `total` bytes of lines of `line` bytes (with "data: " and LF) are one good event. */
static bool is_taken(size_t line, size_t total)
{
    cleanup(sse_reader_drop) struct sse_reader r = {0};
    cleanup(free_drop) char *text = malloc(line);
    size_t got = 0;

    memset(text, 'x', line);
    memcpy(text, "data: ", 6);
    text[line - 1] = '\n';
    for (size_t sent = 0; sent < total; sent += line)
        if (!sse_reader_feed(&r, text, line, count_bytes, &got))
            return false;
    return sse_reader_feed(&r, "\n", 1, count_bytes, &got) && got > 0;
}

START_TEST(large)
{
    ck_assert(is_taken(SSE_EVENT_MAX - 100, SSE_EVENT_MAX - 100));
    ck_assert(!is_taken(SSE_EVENT_MAX + 100, SSE_EVENT_MAX + 100)); /* a line */
    ck_assert(is_taken(1024, SSE_EVENT_MAX / 2));
    ck_assert(!is_taken(1024, SSE_EVENT_MAX + 65536)); /* an event of many lines */
}
END_TEST

START_TEST(endless_line)
{
    cleanup(sse_reader_drop) struct sse_reader r = {0};
    static char piece[16384];
    size_t sent = 0, got = 0;

    memset(piece, 'x', sizeof piece);
    while (sse_reader_feed(&r, piece, sizeof piece, count_bytes, &got) && sent < 2 * SSE_EVENT_MAX)
        sent += sizeof piece;
    ck_assert_uint_le(sent, SSE_EVENT_MAX);
    ck_assert_uint_eq(got, 0);
}
END_TEST

START_TEST(again)
{
    cleanup(sse_reader_drop) struct sse_reader r = {0};
    cleanup(text_drop) struct text seen = {0};

    ck_assert(sse_reader_feed(&r, "event: x\ndata: a\r", 17, write_down, &seen));
    sse_reader_reset(&r);
    ck_assert(sse_reader_feed(&r, "\ndata: b\n\n", 10, write_down, &seen));
    ck_assert_str_eq(seen.data, "|b;");
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("sse_reader");

    tcase_add_loop_test(tests, whole, 0, COUNT(cases));
    tcase_add_loop_test(tests, in_pieces, 0, COUNT(cases));
    tcase_add_test(tests, large);
    tcase_add_test(tests, endless_line);
    tcase_add_test(tests, again);
    return check_run("sse_reader", tests);
}
