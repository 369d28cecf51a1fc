/* Heads as civetweb parses them in place: what it lets slip is seen. */
#include <civetweb.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "gateway/http/thread.h"
#include "tests/unit/check_main.h"

/* malloc'ed like civetweb's, with an earlier request's rest in it. */
static char *buffer;
static struct http_thread *thread;
static struct mg_request_info info;
static struct http_head head;

static void setup(void)
{
    buffer = malloc(REQUEST_BUFFER);
    thread = calloc(1, sizeof *thread);
    ck_assert(buffer && thread);
    memset(buffer, 'z', REQUEST_BUFFER);
    thread->buffer = buffer;
}

static void teardown(void)
{
    free(buffer);
    free(thread);
}

/* Cuts a string off at *at: up to one of the stop characters, which becomes NUL. */
static char *cut(char **at, const char *stop)
{
    char *s = *at, *end = s + strcspn(s, stop);

    *at = end + 1;
    *end = '\0';
    return s;
}

/* Ends a line at *at as the parser does: CRLF or a bare line feed, overwritten. */
static void line_end(char **at)
{
    if (**at == '\r')
        *(*at)++ = '\0';
    *(*at)++ = '\0';
}

/* Parses as civetweb does. */
static void parse(const char *text)
{
    char *at = buffer;
    size_t size = strlen(text);

    memcpy(buffer, text, size);
    buffer[size - 1] = '\0';
    memset(&info, 0, sizeof info);
    at += strspn(at, " \t\r\n");
    info.request_method = cut(&at, " ");
    while (*at == ' ')
        *at++ = '\0';
    info.request_uri = cut(&at, " ");
    info.http_version = at + 5;
    at += strcspn(at, "\r\n");
    do
        *at++ = '\0';
    while (*at && strchr(" \t\r\n", *at));
    while (info.num_headers<MG_MAX_HEADERS && * at> ' ') {
        struct mg_header *h = &info.http_headers[info.num_headers++];
        h->name = at;
        at += strcspn(at, " :");
        while (*at == ' ')
            *at++ = '\0';
        *at++ = '\0';
        at += strspn(at, " \t");
        h->value = at;
        at += strcspn(at, "\r\n");
        line_end(&at);
    }
    head_read(thread, &info, &head);
}

START_TEST(sound)
{
    parse("GET /a HTTP/1.1\r\nHost: x\r\nA:b\r\nB:\r\nC:  d e \t \r\n\r\n");
    ck_assert(head.whole);
    ck_assert_uint_eq(head.count, 4);
    ck_assert_str_eq(thread->request.headers[3].name, "C");
    ck_assert_str_eq(thread->request.headers[3].value, "d e");
    ck_assert_str_eq(thread->request.headers[2].value, "");
    ck_assert_uint_eq(head.target_size, 2);
    parse("GET / HTTP/1.0\r\n\r\n");
    ck_assert(head.whole);
    parse("\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n");
    ck_assert(head.whole);
}
END_TEST

START_TEST(not_sound)
{
    static const char *const bad[] = {
        "GET  / HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET / HTTP/1.1\r\n Host: x\r\n\r\n",
        "GET / HTTP/1.1\r\nHost : x\r\n\r\n",
        "GET / HTTP/1.1\r\nHost :\r\n\r\n",
        "GET / HTTP/1.1\nHost: x\n\n",
        "GET / HTTP/1.1\r\nHost: x\nA: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\n folded\r\nContent-Length: 5\r\n\r\n",
        "\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
        "\n\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
        "                GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    };

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        parse(bad[i]);
        ck_assert_msg(!head.whole, "%s", bad[i]);
    }
}
END_TEST

START_TEST(the_65th)
{
    char text[2048] = "GET / HTTP/1.1\r\n";
    size_t n = strlen(text);

    for (int i = 0; i < HEADERS_MAX; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "A%d: b\r\n", i);
    snprintf(text + n, sizeof text - n, "\r\n");
    parse(text);
    ck_assert(head.whole);
    ck_assert_uint_eq(head.count, 64);
    snprintf(text + n, sizeof text - n, "Content-Length: 5\r\n\r\n");
    parse(text);
    ck_assert(!head.whole);
}
END_TEST

START_TEST(too_large)
{
    ck_assert(head_was_too_large(thread));
    buffer[REQUEST_BUFFER - 1] = '\0';
    ck_assert(!head_was_too_large(thread));
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("head");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, sound);
    tcase_add_test(tests, not_sound);
    tcase_add_test(tests, the_65th);
    tcase_add_test(tests, too_large);
    return check_run("head", tests);
}
