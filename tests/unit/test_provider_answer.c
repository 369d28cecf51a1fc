/* What the answers of a provider's Files API mean: from a server that says them, to what is done.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/json.h"
#include "filed/provider.h"
#include "proto/api.h"
#include "tests/unit/check_main.h"

#define COUNT(list) (sizeof(list) / sizeof *(list))
#define KEY         "sk-0123456789"

static int listening, port;
static const char *answer;
static char request[4096];
static struct provider *provider;

static void begin(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof a;
    char url[64];
    const char *why = "";

    listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(listening, (struct sockaddr *)&a, sizeof a), 0);
    ck_assert_int_eq(listen(listening, 5), 0);
    ck_assert_int_eq(getsockname(listening, (struct sockaddr *)&a, &size), 0);
    port = ntohs(a.sin_port);
    snprintf(url, sizeof url, "http://127.0.0.1:%d/v1/", port);
    ck_assert_msg(provider_new(
                      &(struct provider_config){
                          .base_url = url, .key = KEY, .connect_s = 10, .silence_s = 10},
                      &provider, &why) == DONE,
                  "%s", why);
}

static void end(void)
{
    provider_drop(&provider);
    if (listening >= 0)
        close(listening);
}

/* Reads what comes at first, answers, and reads the rest. */
static void *serve(void *unused)
{
    char rest[4096];
    int fd = accept(listening, NULL, NULL);
    ssize_t n = read(fd, request, sizeof request - 1);

    request[n > 0 ? n : 0] = '\0';
    n = write(fd, answer, strlen(answer));
    shutdown(fd, SHUT_WR);
    while (read(fd, rest, sizeof rest) > 0)
        ;
    close(fd);
    return unused;
}

static struct provider_result ask(struct provider_call *call, const char *text)
{
    struct provider_result r;
    pthread_t thread;

    answer = text;
    pthread_create(&thread, NULL, serve, NULL);
    provider_result(call, curl_easy_perform(call->easy), &r);
    provider_call_drop(call); /* and its connection */
    pthread_join(thread, NULL);
    ck_assert(utf8_check(r.error, strlen(r.error)));
    ck_assert_ptr_null(strstr(r.error, KEY));
    return r;
}

static const char *said(const char *status, const char *headers, const char *body, size_t more)
{
    static char text[1200];

    snprintf(text, sizeof text, "HTTP/1.1 %s X\r\nContent-Length: %zu\r\n%s\r\n%s", status,
             strlen(body) + more, headers, body);
    return *status ? text : "";
}

static struct provider_result ask_delete(const char *text)
{
    struct provider_call call;
    struct provider_result r;

    provider_delete(provider, &call, "file-1");
    r = ask(&call, text);
    ck_assert_ptr_eq(strstr(request, "DELETE /v1/files/file-1 HTTP/1.1\r\n"), request);
    ck_assert_ptr_nonnull(strstr(request, "\r\nAuthorization: Bearer " KEY "\r\n"));
    return r;
}

/* "" for the status: it closes without a word.  more: bytes that it announces and does not send. */
static const struct {
    const char *status, *headers, *body;
    size_t more;
    enum provider_outcome outcome;
    int wait_ms;
    const char *error;
} answers[] = {
    {"200", "", "{}", 0, PROVIDER_OK, -1, ""},
    {"200", "", "not {", 0, PROVIDER_AGAIN, -1, "is not JSON"},
    {"200", "", "", 0, PROVIDER_AGAIN, -1, "is not JSON"},
    {"404", "", "", 0, PROVIDER_MISSING, -1, "answered 404"},
    {"401", "", "{\"error\":{\"message\":\"wrong: " KEY "\"}}", 0, PROVIDER_DOWN, -1,
     "401: it refuses the configured key"},
    {"403", "", "", 0, PROVIDER_DOWN, -1, "403: it refuses the configured key"},
    {"429", "Retry-After: 7\r\n", "", 0, PROVIDER_DOWN, 7000, "answered 429"},
    {"429", "Retry-After-Ms: 250\r\nRetry-After: 7\r\n", "", 0, PROVIDER_DOWN, 250, "429"},
    {"503", "Retry-After: soon\r\n", "", 0, PROVIDER_DOWN, -1, "503"},
    {"503", "Retry-After: -1\r\n", "", 0, PROVIDER_DOWN, -1, "503"},
    {"503", "Retry-After: nan\r\n", "", 0, PROVIDER_DOWN, -1, "503"},
    {"503", "Retry-After: 1e30\r\n", "", 0, PROVIDER_DOWN, 86400000, "503"},
    {"408", "", "", 0, PROVIDER_AGAIN, -1, "408"},
    {"409", "", "", 0, PROVIDER_AGAIN, -1, "409"},
    {"425", "", "", 0, PROVIDER_AGAIN, -1, "425"},
    {"500", "", "", 0, PROVIDER_AGAIN, -1, "500"},
    {"400", "", "{\"error\":{\"message\":\"too large\"}}", 0, PROVIDER_REFUSED, -1,
     "answered 400: too large"},
    {"400", "", "{\"error\":\"no\"}", 0, PROVIDER_REFUSED, -1, "answered 400"},
    {"302", "Location: http://127.0.0.1:1/\r\n", "", 0, PROVIDER_REFUSED, -1, "302"},
    {"", "", "", 0, PROVIDER_AGAIN, -1, "did not answer"},
    {"200", "", "{}", 50, PROVIDER_AGAIN, -1, "did not answer"},
};

START_TEST(what_it_means)
{
    struct provider_result r = ask_delete(
        said(answers[_i].status, answers[_i].headers, answers[_i].body, answers[_i].more));

    ck_assert_int_eq(r.outcome, answers[_i].outcome);
    ck_assert_int_eq(r.wait_ms, answers[_i].wait_ms);
    ck_assert_msg(strstr(r.error, answers[_i].error) != NULL, "%s", r.error);
    ck_assert_int_eq(r.error[0] == '\0', r.outcome == PROVIDER_OK);
}
END_TEST

/* What it says is cut at a character, wherever the cut falls. */
START_TEST(long_reasons_are_cut)
{
    cleanup(text_drop) struct text body = {0};
    struct provider_result r;

    text_puts(&body, _i ? "{\"error\":{\"message\":\"x" : "{\"error\":{\"message\":\"");
    for (int i = 0; i < 200; i++)
        text_puts(&body, "\xc3\xa9");
    text_puts(&body, "\"}}");
    r = ask_delete(said("400", "", body.data, 0));
    ck_assert_int_eq(r.outcome, PROVIDER_REFUSED);
    ck_assert_uint_ge(strlen(r.error), sizeof r.error - 2);
}
END_TEST

START_TEST(nobody_there)
{
    struct provider_call call;
    struct provider_result r;

    close(listening);
    listening = -1;
    provider_delete(provider, &call, "file-1");
    provider_result(&call, curl_easy_perform(call.easy), &r);
    provider_call_drop(&call);
    ck_assert_int_eq(r.outcome, PROVIDER_DOWN);
    ck_assert_ptr_nonnull(strstr(r.error, "cannot be reached"));
}
END_TEST

/* An upload has to be told its id, one that can stand in a path. */
static const struct {
    const char *body, *id;
} uploads[] = {
    {"{\"id\":\"file-Ab_9\"}", "file-Ab_9"},
    {"{\"id\":\"\"}", NULL},
    {"{\"id\":\"../files\"}", NULL},
    {"{\"id\":\"file-\xc3\xa9\"}", NULL},
    {"{\"id\":7}", NULL},
    {"{}", NULL},
    {"[]", NULL},
};

START_TEST(uploads_get_an_id)
{
    struct provider_call call;
    struct provider_result r;
    int fd = memfd_create("content", MFD_CLOEXEC);

    ck_assert_int_eq(write(fd, "hello", 5), 5);
    ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
    provider_upload(provider, &call, fd, 5, "a.txt", "text/plain");
    r = ask(&call, said("200", "", uploads[_i].body, 0));
    ck_assert_ptr_eq(strstr(request, "POST /v1/files HTTP/1.1\r\n"), request);
    ck_assert_int_eq(r.outcome, uploads[_i].id ? PROVIDER_OK : PROVIDER_AGAIN);
    ck_assert_str_eq(r.id, uploads[_i].id ? uploads[_i].id : "");
    ck_assert(uploads[_i].id || strstr(r.error, "without a file id"));
}
END_TEST

static void see(void *state, const struct provider_file *f)
{
    char *seen = state;

    snprintf(seen + strlen(seen), 200 - strlen(seen), "%s %s %d;", f->id, f->filename,
             (int)f->bytes);
}

static const struct {
    const char *body, *seen, *after;
} lists[] = {
    {"{\"data\":[{\"id\":\"f1\",\"filename\":\"a\",\"bytes\":5},{\"id\":\"f2\"}],\"has_more\":"
     "true}",
     "f1 a 5;f2  -1;", "f2"},
    {"{\"data\":[{\"id\":\"f1\",\"filename\":\"a\",\"bytes\":5}]}", "f1 a 5;", ""},
    {"{\"data\":[{\"id\":\"../x\"},7,{}],\"has_more\":true}", "", ""},
    {"{\"data\":[]}", "", ""},
    {"{\"data\":{}}", NULL, ""},
    {"{}", NULL, ""},
    {"x", NULL, ""},
    {"", NULL, ""},
};

START_TEST(pages_are_read)
{
    struct provider_call call = {.fd = -1};
    char seen[200] = "", after[PROVIDER_ID_MAX] = "x";

    text_puts(&call.answer, lists[_i].body);
    ck_assert_int_eq(provider_listed(&call, see, seen, after), lists[_i].seen != NULL);
    ck_assert_str_eq(seen, lists[_i].seen ? lists[_i].seen : "");
    ck_assert_str_eq(after, lists[_i].after);
    text_drop(&call.answer);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("provider_answer");

    signal(SIGPIPE, SIG_IGN);
    tcase_add_checked_fixture(tests, begin, end);
    tcase_add_loop_test(tests, what_it_means, 0, COUNT(answers));
    tcase_add_loop_test(tests, long_reasons_are_cut, 0, 2);
    tcase_add_test(tests, nobody_there);
    tcase_add_loop_test(tests, uploads_get_an_id, 0, COUNT(uploads));
    tcase_add_loop_test(tests, pages_are_read, 0, COUNT(lists));
    return check_run("provider_answer", tests);
}
