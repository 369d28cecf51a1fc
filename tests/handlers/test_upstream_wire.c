/* chatd/upstream and its connections: what servers do on them, cancelling, many at once, settings.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "tests/handlers/upstream_rig.h"

/* --- connections ------------------------------------------------------------------------------ */

/* A listener of our own on a free port, whose backlog holds `backlog` connections. */
static int listener(int backlog, int *ret_port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    ck_assert_int_eq(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    if (backlog >= 0)
        ck_assert_int_eq(listen(fd, backlog), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&a, &size), 0);
    *ret_port = ntohs(a.sin_port);
    return fd;
}

#define SHORT_MS 400
#define LONG_MS  10000 /* a busy machine may be late */

static void use_port(const char *scheme, int port, int tries, int connect_ms)
{
    static char url[64];
    struct upstream_config c = rig_config();

    snprintf(url, sizeof url, "%s://127.0.0.1:%d/v1", scheme, port);
    c.base_url = url;
    c.tries = tries;
    c.connect_ms = connect_ms;
    rig_engine(&c);
}

START_TEST(refused_connection)
{
    CALL s = {0};
    int port;
    cleanup(fd_drop) int fd = listener(-1, &port);

    use_port("http", port, 2, LONG_MS);
    rig_ask(&s, "echo");
    ck_assert_int_eq(s.end.status, TIMEOUT_CONNECT);
    ck_assert(s.end.retryable);
    ck_assert_int_eq(s.tries, 2);
    ck_assert_int_eq(s.end.http, 0);
}
END_TEST

START_TEST(slow_connection)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    CALL s = {0};
    int port, full[4];
    cleanup(fd_drop) int fd = listener(0, &port);

    a.sin_port = htons((uint16_t)port);
    for (size_t i = 0; i < COUNT(full); i++) {
        full[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        ck_assert(connect(full[i], (struct sockaddr *)&a, sizeof a) == 0 || errno == EINPROGRESS);
    }
    use_port("http", port, 1, SHORT_MS);
    rig_ask(&s, "echo");
    ck_assert_int_eq(s.end.status, TIMEOUT_CONNECT);
    ck_assert_ptr_nonnull(strstr(s.detail, "in time"));
    ck_assert_int_ge(s.end.total_us, SHORT_MS * 1000);
    ck_assert_int_lt(s.end.total_us, SHORT_MS * 1000 + 600000 * patience());
    for (size_t i = 0; i < COUNT(full); i++)
        close(full[i]);
}
END_TEST

struct canned {
    int fd;
    int port;
    pthread_t thread;
    const char *answer;
    struct text request;
};

/* Serves one connection: reads what comes at first, answers, closes. */
static void *serve_canned(void *state)
{
    struct canned *c = state;
    char buffer[4096];
    int fd = accept(c->fd, NULL, NULL);
    ssize_t n = read(fd, buffer, sizeof buffer);

    if (n > 0)
        text_add(&c->request, buffer, (size_t)n);
    n = write(fd, c->answer, strlen(c->answer));
    shutdown(fd, SHUT_WR);
    while (read(fd, buffer, sizeof buffer) > 0)
        ;
    close(fd);
    return NULL;
}

START_TEST(plain_server_behind_https)
{
    CALL s = {0};
    struct canned server = {.answer = "HTTP/1.1 400 Bad Request\r\n\r\n"};
    pthread_t thread;
    int port;

    server.fd = listener(5, &port);
    pthread_create(&thread, NULL, serve_canned, &server);
    use_port("https", port, 1, LONG_MS);
    rig_ask(&s, "echo");
    ck_assert_int_eq(s.end.status, UPSTREAM_CUT);
    ck_assert_ptr_nonnull(strstr(s.detail, "secure connection"));
    upstream_drop(&rig.upstream);
    pthread_join(thread, NULL);
    close(server.fd);
    ck_assert_ptr_null(memmem(server.request.data, server.request.size, KEY, strlen(KEY)));
    text_drop(&server.request);
}
END_TEST

static const struct {
    const char *answer;
    enum upstream_outcome outcome;
    enum status status;
    const char *detail, *request_id;
} canned[] = {
    {"HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: "
     "0\r\n\r\n",
     UPSTREAM_FAILED, UPSTREAM_REFUSED, "redirect", ""},
    {"HTTP/1.1 400 Bad\r\nX-Request-Id: req_7 x\r\nContent-Length: 9\r\n\r\nnot json!",
     UPSTREAM_FAILED, UPSTREAM_REFUSED, "(HTTP 400)", "req_7"},
    {"HTTP/1.1 400 Bad\r\nX-Request-Id: " KEY
     "\r\nContent-Length: 25\r\n\r\n{\"error\":\"wrong " KEY,
     UPSTREAM_FAILED, UPSTREAM_REFUSED, "", ""},
    {"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n", UPSTREAM_FAILED, UPSTREAM_CUT,
     "broke off", ""},
    {"HTTP/1.1 204 No Content\r\n\r\n", UPSTREAM_FAILED, UPSTREAM_CUT, "broke off", ""},
    {"SSH-2.0-OpenSSH\r\n", UPSTREAM_FAILED, UPSTREAM_CUT, "broke", ""},
    {"", UPSTREAM_FAILED, UPSTREAM_CUT, "broke", ""},
    /* the answer is complete before its connection is */
    {"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nX-Request-Id: r1\r\n"
     "Content-Length: 100000\r\n\r\n"
     "data: {\"type\":\"response.output_text.delta\",\"delta\":\"a\"}\n\n"
     "data: {\"type\":\"response.completed\",\"response\":{}}\n\n",
     UPSTREAM_COMPLETED, DONE, "", "r1"},
};

/* Serves one connection, which the rig's upstream is to make. */
static void canned_begin(struct canned *server)
{
    server->fd = listener(5, &server->port);
    pthread_create(&server->thread, NULL, serve_canned, server);
    use_port("http", server->port, 1, LONG_MS);
}

/* With the upstream its connection goes, too. */
static void canned_end(struct canned *server)
{
    upstream_drop(&rig.upstream);
    pthread_join(server->thread, NULL);
    close(server->fd);
}

START_TEST(canned_answer)
{
    CALL s = {0};
    struct canned server = {.answer = canned[_i].answer};
    cleanup(text_drop) struct text request = {0};

    canned_begin(&server);
    rig_ask(&s, "echo");
    ck_assert_int_eq(s.end.outcome, canned[_i].outcome);
    ck_assert_int_eq(s.end.status, canned[_i].status);
    ck_assert_msg(strstr(s.detail, canned[_i].detail) != NULL, "%s", s.detail);
    ck_assert_str_eq(s.request_id, canned[_i].request_id);
    canned_end(&server);
    request = server.request;
    ck_assert_ptr_nonnull(strstr(request.data, "POST /v1/responses HTTP/1.1\r\n"));
    ck_assert_ptr_nonnull(strstr(request.data, "\r\nAuthorization: Bearer " KEY "\r\n"));
    ck_assert_ptr_null(strstr(request.data, "Expect:"));
}
END_TEST

/* --- from other threads ----------------------------------------------------------------------- */

START_TEST(cancel_running)
{
    CALL s = {0};
    int64_t asked;

    rig_begin(&s, "n-1000x20");
    rig_wait(s.deltas > 2);
    asked = clock_us();
    upstream_cancel(rig.upstream, s.id);
    rig_wait(s.ends > 0);
    ck_assert_int_lt(s.ended_us - asked, 200000 * patience());
    ck_assert_int_eq(s.end.outcome, UPSTREAM_CANCELLED);
    ck_assert_int_eq(s.tries, 1);
    provider_saw("client_closed");
    upstream_cancel(rig.upstream, s.id);
    upstream_cancel(rig.upstream, 12345);
    usleep(50000);
    ck_assert_int_eq(s.ends, 1);
}
END_TEST

START_TEST(cancel_waiting)
{
    CALL hung = {0}, again = {0}, at_once = {0};

    rig_begin(&hung, "hang");
    rig_begin(&again, "fail-500+retry_after=9");
    rig_wait(again.tries > 0);
    rig_begin(&at_once, "hang");
    upstream_cancel(rig.upstream, at_once.id);
    upstream_cancel(rig.upstream, hung.id);
    upstream_cancel(rig.upstream, again.id);
    rig_wait(rig.ended == 3);
    ck_assert_int_eq(hung.end.outcome, UPSTREAM_CANCELLED);
    ck_assert_int_eq(again.end.outcome, UPSTREAM_CANCELLED);
    ck_assert_int_eq(at_once.end.outcome, UPSTREAM_CANCELLED);
    ck_assert_int_eq(upstream_running(rig.upstream), 0);
}
END_TEST

START_TEST(drop_while_running)
{
    CALL running = {0}, waiting = {0}, unseen = {0};

    rig_begin(&running, "n-1000x20");
    rig_begin(&waiting, "fail-500+retry_after=9");
    rig_wait(running.deltas > 0 && waiting.tries > 0);
    rig_begin(&unseen, "echo+delay_ms=5000");
    upstream_drop(&rig.upstream);
    ck_assert_int_eq(rig.ended, 3);
    ck_assert_int_eq(running.end.outcome, UPSTREAM_ABANDONED);
    ck_assert_int_eq(waiting.end.outcome, UPSTREAM_ABANDONED);
    ck_assert_int_eq(unseen.end.outcome, UPSTREAM_ABANDONED);
}
END_TEST

START_TEST(as_many_as_allowed)
{
    struct upstream_config c = rig_config();
    CALL a = {0}, b = {0}, more = {0};

    c.max_calls = 2;
    rig_engine(&c);
    rig_begin(&a, "hang");
    rig_begin(&b, "hang");
    ck_assert_int_eq(rig_try(&more, "responses", "echo", "Hello"), BUSY);
    upstream_cancel(rig.upstream, a.id);
    rig_wait(a.ends > 0);
    rig_ask(&more, "echo");
    ck_assert_int_eq(more.end.outcome, UPSTREAM_COMPLETED);
    upstream_cancel(rig.upstream, b.id); /* before its memory goes */
    rig_wait(b.ends > 0);
}
END_TEST

/* Asking again in the very moment in which the thread takes what was asked before must wake it,
 * too: nothing else does here. */
START_TEST(always_woken)
{
    for (int i = 0; i < 100; i++) {
        int rounds;

        for (int n = 0; n < 1000; n++)
            upstream_poke(rig.upstream);
        pthread_mutex_lock(&rig.lock);
        rounds = rig.rounds;
        pthread_mutex_unlock(&rig.lock);
        upstream_poke(rig.upstream);
        rig_wait(rig.rounds > rounds);
    }
}
END_TEST

START_TEST(many_at_once)
{
    static struct seen seen[500];
    int64_t begun = clock_us();

    for (size_t i = 0; i < COUNT(seen); i++)
        rig_begin(&seen[i], "n-20x30");
    rig_wait(rig.ended == COUNT(seen));
    for (size_t i = 0; i < COUNT(seen); i++) {
        ck_assert_msg(seen[i].end.outcome == UPSTREAM_COMPLETED, "%s", seen[i].detail);
        ck_assert_str_eq(seen_text(&seen[i]), seen_text(&seen[0]));
        ck_assert_int_eq(seen[i].ends, 1);
        if (i > 0)
            seen_drop(&seen[i]);
    }
    ck_assert_int_lt(clock_us() - begun, INT64_C(10000000));
    seen_drop(&seen[0]);
}
END_TEST

START_TEST(ticks)
{
    struct upstream_config c = rig_config();

    c.tick_ms = 50;
    rig_engine(&c);
    usleep(525000);
    pthread_mutex_lock(&rig.lock);
    ck_assert_int_ge(rig.ticks, 7);
    ck_assert_int_le(rig.ticks, 10);
    ck_assert_int_eq(rig.rounds, 0);
    pthread_mutex_unlock(&rig.lock);
}
END_TEST

/* --- settings, models ------------------------------------------------------------------------- */

START_TEST(bad_settings)
{
    static const char *const urls[] = {"",
                                       "api.openai.com",
                                       "ftp://host/v1",
                                       "file:///etc/passwd",
                                       "http://",
                                       "http://user:pass@host/v1",
                                       "http://host/v1?x",
                                       "http://ho st/v1",
                                       "http://host/v1\r\nX: y"};
    struct upstream_config c = rig_config();
    struct upstream *u = NULL;
    const char *why = NULL;

    for (size_t i = 0; i < COUNT(urls); i++) {
        c.base_url = urls[i];
        ck_assert_msg(upstream_start(&c, &u, &why) == BAD_INPUT, "%s", urls[i]);
        ck_assert_str_ne(why, "");
        ck_assert_ptr_null(u);
    }
    c.base_url = rig.url;
    c.key = "sk-1\r\nX-Evil: 1";
    ck_assert_int_eq(upstream_start(&c, &u, &why), BAD_INPUT);
    ck_assert_ptr_null(strstr(why, "sk-1"));
}
END_TEST

START_TEST(wrong_key)
{
    struct upstream_config c = rig_config();
    cleanup(text_drop) struct text ids = {0};
    CALL s = {0}, none = {0};

    c.key = "sk-another-key-0123456789";
    rig_engine(&c);
    rig_ask(&s, "echo");
    ck_assert_int_eq(s.end.status, UPSTREAM_AUTH);
    ck_assert_ptr_null(strstr(s.detail, "sk-"));
    ck_assert_int_eq(upstream_models(rig.upstream, NULL, &ids), UPSTREAM_AUTH);
    c.key = NULL;
    rig_engine(&c);
    rig_ask(&none, "echo");
    ck_assert_int_eq(none.end.status, UPSTREAM_AUTH);
}
END_TEST

START_TEST(models)
{
    cleanup(text_drop) struct text ids = {0};
    const char *why = "";

    ck_assert_int_eq(upstream_models(rig.upstream, NULL, &ids), DONE);
    ck_assert_msg(json_check(ids.data, ids.size, &why), "%s", why);
    ck_assert_ptr_nonnull(strstr(ids.data, "\"echo\""));
    kill(rig.provider, SIGSTOP);
    text_clear(&ids);
    ck_assert_int_eq(upstream_models(rig.upstream, NULL, &ids), TIMEOUT_TOTAL);
    ck_assert_uint_eq(ids.size, 0);
    kill(rig.provider, SIGCONT);
}
END_TEST

/* What a server lists, and what of it can be named. */
static const struct {
    const char *answer;
    int status;
    const char *ids;
} model_lists[] = {
    {"HTTP/1.1 200 OK\r\nContent-Length: 74\r\n\r\n"
     "{\"data\":[{\"id\":\"a\"},{\"id\":\"\"},{\"id\":7},{},\"b\",{\"id\":\"c\\\"d\"},{\"id\":"
     "\"\xc3\xa9\xff\"}]}",
     DONE, "[\"a\",\"c\\\"d\",\"\xc3\xa9\xef\xbf\xbd\"]"},
    {"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{\"data\":[]}", DONE, "[]"},
    {"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{\"data\":{}}", UPSTREAM_CUT, ""},
    {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nnot json!", UPSTREAM_CUT, ""},
    {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", UPSTREAM_CUT, ""},
    {"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"data\":[]}", UPSTREAM_CUT, ""},
    {"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", UPSTREAM_REFUSED, ""},
    {"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n", UPSTREAM_CUT, ""},
};

START_TEST(models_of_others)
{
    struct canned server = {.answer = model_lists[_i].answer};
    cleanup(text_drop) struct text ids = {0};

    canned_begin(&server);
    ck_assert_int_eq(upstream_models(rig.upstream, NULL, &ids), model_lists[_i].status);
    ck_assert_str_eq(ids.data ? ids.data : "", model_lists[_i].ids);
    canned_end(&server);
    ck_assert_ptr_nonnull(strstr(server.request.data, "GET /v1/models HTTP/1.1\r\n"));
    text_drop(&server.request);
}
END_TEST

/* A list that is too large is not taken, and a server that is not there is no list either. */
START_TEST(models_too_many_or_none)
{
    struct canned server = {0};
    cleanup(text_drop) struct text ids = {0}, answer = {0};

    text_puts(&answer, "HTTP/1.1 200 OK\r\nContent-Length: 5000000\r\n\r\n");
    for (int i = 0; i < 500000; i++)
        text_puts(&answer, "          ");
    server.answer = answer.data;
    canned_begin(&server);
    ck_assert_int_eq(upstream_models(rig.upstream, NULL, &ids), UPSTREAM_CUT);
    canned_end(&server);
    text_drop(&server.request);
    use_port("http", server.port, 1, LONG_MS);
    ck_assert_int_eq(upstream_models(rig.upstream, NULL, &ids), TIMEOUT_CONNECT);
    ck_assert_uint_eq(ids.size, 0);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("upstream_wire");

    signal(SIGPIPE, SIG_IGN);
    tcase_add_checked_fixture(tests, rig_setup, rig_teardown);
    tcase_set_timeout(tests, 30);
    tcase_add_test(tests, refused_connection);
    tcase_add_test(tests, slow_connection);
    tcase_add_test(tests, plain_server_behind_https);
    tcase_add_loop_test(tests, canned_answer, 0, COUNT(canned));
    tcase_add_test(tests, cancel_running);
    tcase_add_test(tests, cancel_waiting);
    tcase_add_test(tests, drop_while_running);
    tcase_add_test(tests, as_many_as_allowed);
    tcase_add_test(tests, always_woken);
    tcase_add_test(tests, many_at_once);
    tcase_add_test(tests, ticks);
    tcase_add_test(tests, bad_settings);
    tcase_add_test(tests, wrong_key);
    tcase_add_test(tests, models);
    tcase_add_loop_test(tests, models_of_others, 0, COUNT(model_lists));
    tcase_add_test(tests, models_too_many_or_none);
    return check_run("upstream_wire", tests);
}
