/* chatd/upstream on a real provider: answers, failures, retries, limits of time, cancelling. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include <curl/curl.h>

#include "tests/handlers/upstream_rig.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define CALL     cleanup(seen_drop) struct seen
#define U_FFFD   "\xef\xbf\xbd"

static size_t keep(char *data, size_t one, size_t size, void *state)
{
    text_add(state, data, one * size);
    return one * size;
}

/* GET of a control path of the provider. */
static void control(const char *path, struct text *out)
{
    char url[128];
    CURL *easy = curl_easy_init();

    snprintf(url, sizeof url, "%.*s%s", (int)(strlen(rig.url) - 3), rig.url, path);
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, keep);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, out);
    ck_assert_int_eq(curl_easy_perform(easy), CURLE_OK);
    curl_easy_cleanup(easy);
}

/* Waits until the provider's list of calls holds a word. */
static void provider_saw(const char *word)
{
    for (int i = 0; i < 100; i++) {
        cleanup(text_drop) struct text calls = {0};
        control("/_/calls", &calls);
        if (strstr(calls.data, word))
            return;
        usleep(20000);
    }
    ck_abort_msg("the provider never saw %s", word);
}

/* --- answers ---------------------------------------------------------------------------------- */

static const char *const dialects[] = {"responses", "chat_completions"};

static void use_dialect(const char *name)
{
    struct upstream_config c = rig_config();

    c.dialect = dialect_named(name);
    rig_engine(&c);
}

START_TEST(answer)
{
    CALL s = {0};

    use_dialect(dialects[_i]);
    ck_assert_int_eq(rig_try(&s, dialects[_i], "echo", "H\xc3\xa9llo \"you\"\n"), DONE);
    rig_wait(s.ends > 0);
    ck_assert_int_eq(s.end.outcome, UPSTREAM_COMPLETED);
    ck_assert_int_eq(s.end.status, DONE);
    ck_assert_str_eq(seen_text(&s), "H\xc3\xa9llo \"you\"\n");
    ck_assert_str_eq(s.finish_reason, "stop");
    ck_assert_int_eq(s.end.http, 200);
    ck_assert_int_gt(s.end.usage.input, 0);
    ck_assert_int_gt(s.end.usage.output, 0);
    ck_assert_int_eq(s.end.usage.total, s.end.usage.input + s.end.usage.output);
    ck_assert_str_ne(s.response_id, "");
    ck_assert_int_eq(s.starts, 1);
    ck_assert_int_eq(s.tries, 1);
    ck_assert_int_eq(s.end.tries, 1);
    ck_assert_int_eq(s.try[0].status, DONE);
    ck_assert_int_eq(s.try[0].again_ms, -1);
    ck_assert_int_ge(s.end.first_us, 0);
    ck_assert_int_ge(s.end.total_us, s.end.first_us);
    rig_wait(rig.rounds > 0);
    provider_saw("Be brief.");
}
END_TEST

/* Whatever way it is cut, it is the same text. */
START_TEST(same_text_in_pieces)
{
    static const char *const models[] = {"n-50", "n-50+split=1", "n-50+split=7", "n-50x2"};
    CALL whole = {0};

    rig_ask(&whole, "n-50");
    ck_assert_uint_gt(whole.text.size, 100);
    for (size_t i = 0; i < COUNT(models); i++) {
        CALL s = {0};
        rig_ask(&s, models[i]);
        ck_assert_int_eq(s.end.outcome, UPSTREAM_COMPLETED);
        ck_assert_str_eq(seen_text(&s), seen_text(&whole));
    }
}
END_TEST

START_TEST(bad_utf8)
{
    CALL s = {0};

    use_dialect(dialects[_i]);
    ck_assert_int_eq(rig_try(&s, dialects[_i], "bad-utf8", "Hello"), DONE);
    rig_wait(s.ends > 0);
    ck_assert_int_eq(s.end.outcome, UPSTREAM_COMPLETED);
    ck_assert_ptr_nonnull(strstr(seen_text(&s), U_FFFD));
}
END_TEST

START_TEST(large_answer)
{
    CALL s = {0};

    rig_ask(&s, "n-2000+delta_bytes=500");
    ck_assert_int_eq(s.end.outcome, UPSTREAM_COMPLETED);
    ck_assert_uint_ge(s.text.size, 990000);
}
END_TEST

START_TEST(too_large_answer)
{
    CALL s = {0};

    rig_ask(&s, "n-100+delta_bytes=65536");
    ck_assert_int_eq(s.end.outcome, UPSTREAM_FAILED);
    ck_assert_int_eq(s.end.status, UPSTREAM_CUT);
    ck_assert_int_eq(s.tries, 1);
    ck_assert_uint_le(s.text.size, UPSTREAM_TEXT_MAX);
}
END_TEST

/* --- ends ------------------------------------------------------------------------------------- */

static const struct {
    const char *dialect, *model;
    enum upstream_outcome outcome;
    enum status status;
    bool retryable;
    int tries;        /* requests; 0: not looked at */
    bool text;        /* some was delivered */
    const char *word; /* in the detail */
    const char *finish_reason;
} ends[] = {
    {"responses", "incomplete", UPSTREAM_INCOMPLETE, DONE, false, 1, true, "", "max_output_tokens"},
    {"responses", "filtered", UPSTREAM_FAILED, UPSTREAM_REFUSED, false, 1, true, "content filter",
     "content_filter"},
    {"responses", "cut", UPSTREAM_FAILED, UPSTREAM_CUT, true, 1, true, "broke", ""},
    {"responses", "cut+reset=1", UPSTREAM_FAILED, UPSTREAM_CUT, true, 1, true, "broke", ""},
    {"responses", "no-terminal", UPSTREAM_FAILED, UPSTREAM_CUT, true, 1, true, "broke off", ""},
    {"responses", "garbage", UPSTREAM_FAILED, UPSTREAM_CUT, true, 1, true, "no answer", ""},
    {"responses", "error-event", UPSTREAM_FAILED, UPSTREAM_CUT, true, 1, true, "error", ""},
    {"responses", "error-event-flat", UPSTREAM_FAILED, UPSTREAM_CUT, true, 1, true, "error", ""},
    {"responses", "failed-event", UPSTREAM_FAILED, UPSTREAM_CUT, true, 1, true, "error", ""},
    {"responses", "fail-400", UPSTREAM_FAILED, UPSTREAM_REFUSED, false, 1, false, "refused", ""},
    {"responses", "fail-400+message=the key " KEY " is no good", UPSTREAM_FAILED, UPSTREAM_REFUSED,
     false, 1, false, "the key [key] is no good", ""},
    {"responses", "unknown", UPSTREAM_FAILED, UPSTREAM_REFUSED, false, 1, false, "unknown", ""},
    {"responses", "fail-401", UPSTREAM_FAILED, UPSTREAM_AUTH, false, 1, false, "key", ""},
    {"responses", "fail-403", UPSTREAM_FAILED, UPSTREAM_AUTH, false, 1, false, "key", ""},
    {"responses", "fail-400+code=context_length_exceeded", UPSTREAM_FAILED, TOO_LONG, false, 1,
     false, "context", ""},
    {"responses", "fail-429+code=insufficient_quota", UPSTREAM_FAILED, UPSTREAM_RATE, false, 1,
     false, "quota", ""},
    {"responses", "fail-500+x_should_retry=0", UPSTREAM_FAILED, UPSTREAM_CUT, true, 1, false,
     "HTTP 500", ""},
    {"responses", "fail-500+retry_after_ms=1", UPSTREAM_FAILED, UPSTREAM_CUT, true, 3, false,
     "HTTP 500", ""},
    {"responses", "fail-408+retry_after_ms=1", UPSTREAM_FAILED, UPSTREAM_CUT, true, 3, false,
     "HTTP 408", ""},
    {"responses", "fail-400+x_should_retry=1+retry_after_ms=1", UPSTREAM_FAILED, UPSTREAM_REFUSED,
     false, 3, false, "refused", ""},
    {"responses", "flaky-2+retry_after_ms=1", UPSTREAM_COMPLETED, DONE, false, 3, true, "", "stop"},
    {"responses", "rate-5", UPSTREAM_COMPLETED, DONE, false, 6, true, "", "stop"},
    {"chat_completions", "incomplete", UPSTREAM_INCOMPLETE, DONE, false, 1, true, "",
     "max_output_tokens"},
    {"chat_completions", "filtered", UPSTREAM_FAILED, UPSTREAM_REFUSED, false, 1, true, "filter",
     "content_filter"},
    {"chat_completions", "cut", UPSTREAM_FAILED, UPSTREAM_CUT, true, 1, true, "broke", ""},
    {"chat_completions", "garbage", UPSTREAM_FAILED, UPSTREAM_CUT, true, 1, true, "no answer", ""},
    {"chat_completions", "error-event", UPSTREAM_FAILED, UPSTREAM_CUT, true, 1, true, "error", ""},
    {"chat_completions", "unknown", UPSTREAM_FAILED, UPSTREAM_REFUSED, false, 1, false, "unknown",
     ""},
};

START_TEST(end)
{
    CALL s = {0};

    use_dialect(ends[_i].dialect);
    ck_assert_int_eq(rig_try(&s, ends[_i].dialect, ends[_i].model, "Hello"), DONE);
    rig_wait(s.ends > 0);
    ck_assert_msg(s.end.outcome == ends[_i].outcome, "%s: %d", ends[_i].model, s.end.outcome);
    ck_assert_msg(s.end.status == ends[_i].status, "%s: %d %s", ends[_i].model, s.end.status,
                  s.detail);
    ck_assert_msg(s.end.retryable == ends[_i].retryable, "%s", ends[_i].model);
    ck_assert_msg(ends[_i].tries == 0 || s.tries == ends[_i].tries, "%s: %d tries", ends[_i].model,
                  s.tries);
    ck_assert_msg((s.text.size > 0) == ends[_i].text, "%s: %s", ends[_i].model, seen_text(&s));
    ck_assert_msg(strstr(s.detail, ends[_i].word) != NULL, "%s: %s", ends[_i].model, s.detail);
    ck_assert_str_eq(s.finish_reason, ends[_i].finish_reason);
    ck_assert_int_eq(s.try[s.tries - 1].again_ms, -1);
    ck_assert_int_eq(upstream_running(rig.upstream), 0);
}
END_TEST

/* Before the first token everything is tried again, as a page instead of a stream is. */
START_TEST(nothing_came)
{
    static const char *const models[] = {
        "drop", "garbage-body", "cut-0", "no-terminal+after=0", "fail-429", "error-event+after=0"};
    static struct seen seen[COUNT(models)];

    for (size_t i = 0; i < COUNT(models); i++)
        rig_begin(&seen[i], models[i]);
    rig_wait(rig.ended == COUNT(models));
    for (size_t i = 0; i < COUNT(models); i++) {
        struct seen *s = &seen[i];
        bool rate = strcmp(models[i], "fail-429") == 0;
        ck_assert_int_eq(s->end.outcome, UPSTREAM_FAILED);
        ck_assert_msg(s->end.status == (rate ? UPSTREAM_RATE : UPSTREAM_CUT), "%s: %s", models[i],
                      s->detail);
        ck_assert(s->end.retryable);
        ck_assert_int_eq(s->end.tries, 3);
        ck_assert_int_eq(s->tries, 3);
        ck_assert_int_ge(s->try[0].again_ms, 375);
        ck_assert_int_le(s->try[0].again_ms, 500);
        ck_assert_int_ge(s->try[1].again_ms, 750);
        ck_assert_uint_eq(s->text.size, 0);
    }
}
END_TEST

/* --- pauses ----------------------------------------------------------------------------------- */

START_TEST(pause_is_for_all)
{
    CALL first = {0}, second = {0};

    rig_begin(&first, "fail-429+retry_after_ms=600+times=1");
    rig_wait(first.tries > 0);
    rig_ask(&second, "echo");
    ck_assert_int_eq(second.end.outcome, UPSTREAM_COMPLETED);
    ck_assert_int_eq(second.tries, 1);
    ck_assert_int_ge(second.end.total_us, 500000);
    rig_wait(first.ends > 0);
    ck_assert_int_eq(first.end.outcome, UPSTREAM_COMPLETED);
    ck_assert_int_eq(first.end.tries, 1); /* the pause was none */
}
END_TEST

START_TEST(pause_beyond_the_deadline)
{
    CALL first = {0}, second = {0};

    limits.total_ms = 2000;
    rig_ask(&first, "fail-429+retry_after=30");
    ck_assert_int_eq(first.end.status, UPSTREAM_RATE);
    ck_assert_uint_eq(first.end.retry_after_s, 30);
    ck_assert_int_lt(first.end.total_us, 500000);
    rig_ask(&second, "echo");
    ck_assert_int_eq(second.end.status, UPSTREAM_RATE);
    ck_assert_int_eq(second.tries, 0);
    ck_assert_uint_ge(second.end.retry_after_s, 29);
}
END_TEST

/* --- time ------------------------------------------------------------------------------------- */

START_TEST(first_token_limit)
{
    static const char *const models[] = {"hang", "n-5+first_ms=5000"};

    limits.first_token_ms = 300;
    for (size_t i = 0; i < COUNT(models); i++) {
        CALL s = {0};
        rig_ask(&s, models[i]);
        ck_assert_int_eq(s.end.status, TIMEOUT_FIRST_TOKEN);
        ck_assert_int_ge(s.end.total_us, 300000);
        ck_assert_int_lt(s.end.total_us, 600000);
        ck_assert_int_eq(s.tries, 1);
    }
}
END_TEST

START_TEST(idle_limit)
{
    CALL slow = {0}, hung = {0};

    limits.idle_ms = 300;
    rig_ask(&hung, "hang-3");
    ck_assert_int_eq(hung.end.status, TIMEOUT_IDLE);
    ck_assert_uint_gt(hung.text.size, 0);
    ck_assert_int_lt(hung.end.total_us, 700000);
    rig_ask(&slow, "n-8x100"); /* longer in all, but never silent for so long */
    ck_assert_int_eq(slow.end.outcome, UPSTREAM_COMPLETED);
}
END_TEST

START_TEST(total_limit)
{
    CALL s = {0}, waiting = {0};

    limits.total_ms = 500;
    rig_begin(&s, "n-1000x20");
    rig_begin(&waiting, "hang");
    rig_wait(rig.ended == 2);
    ck_assert_int_eq(s.end.status, TIMEOUT_TOTAL);
    ck_assert_int_eq(waiting.end.status, TIMEOUT_TOTAL);
    ck_assert_int_lt(s.end.total_us, 800000);
}
END_TEST

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

static void use_port(const char *scheme, int port, int tries)
{
    static char url[64];
    struct upstream_config c = rig_config();

    snprintf(url, sizeof url, "%s://127.0.0.1:%d/v1", scheme, port);
    c.base_url = url;
    c.tries = tries;
    c.connect_ms = 400;
    rig_engine(&c);
}

START_TEST(refused_connection)
{
    CALL s = {0};
    int port;
    cleanup(fd_drop) int fd = listener(-1, &port);

    use_port("http", port, 2);
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
    use_port("http", port, 1);
    rig_ask(&s, "echo");
    ck_assert_int_eq(s.end.status, TIMEOUT_CONNECT);
    ck_assert_ptr_nonnull(strstr(s.detail, "in time"));
    ck_assert_int_ge(s.end.total_us, 400000);
    ck_assert_int_lt(s.end.total_us, 1000000);
    for (size_t i = 0; i < COUNT(full); i++)
        close(full[i]);
}
END_TEST

struct canned {
    int fd;
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
    use_port("https", port, 1);
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

START_TEST(canned_answer)
{
    CALL s = {0};
    struct canned server = {.answer = canned[_i].answer};
    cleanup(text_drop) struct text request = {0};
    pthread_t thread;
    int port;

    server.fd = listener(5, &port);
    pthread_create(&thread, NULL, serve_canned, &server);
    use_port("http", port, 1);
    rig_ask(&s, "echo");
    ck_assert_int_eq(s.end.outcome, canned[_i].outcome);
    ck_assert_int_eq(s.end.status, canned[_i].status);
    ck_assert_msg(strstr(s.detail, canned[_i].detail) != NULL, "%s", s.detail);
    ck_assert_str_eq(s.request_id, canned[_i].request_id);
    upstream_drop(&rig.upstream);
    pthread_join(thread, NULL);
    close(server.fd);
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
    ck_assert_int_lt(s.ended_us - asked, 200000);
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
    ck_assert_int_eq(upstream_models(rig.upstream, &ids), UPSTREAM_AUTH);
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

    ck_assert_int_eq(upstream_models(rig.upstream, &ids), DONE);
    ck_assert_msg(json_check(ids.data, ids.size, &why), "%s", why);
    ck_assert_ptr_nonnull(strstr(ids.data, "\"echo\""));
    kill(rig.provider, SIGSTOP);
    text_clear(&ids);
    ck_assert_int_eq(upstream_models(rig.upstream, &ids), TIMEOUT_TOTAL);
    ck_assert_uint_eq(ids.size, 0);
    kill(rig.provider, SIGCONT);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("upstream");

    signal(SIGPIPE, SIG_IGN);
    tcase_add_checked_fixture(tests, rig_setup, rig_teardown);
    tcase_set_timeout(tests, 30);
    tcase_add_loop_test(tests, answer, 0, COUNT(dialects));
    tcase_add_test(tests, same_text_in_pieces);
    tcase_add_loop_test(tests, bad_utf8, 0, COUNT(dialects));
    tcase_add_test(tests, large_answer);
    tcase_add_test(tests, too_large_answer);
    tcase_add_loop_test(tests, end, 0, COUNT(ends));
    tcase_add_test(tests, nothing_came);
    tcase_add_test(tests, pause_is_for_all);
    tcase_add_test(tests, pause_beyond_the_deadline);
    tcase_add_test(tests, first_token_limit);
    tcase_add_test(tests, idle_limit);
    tcase_add_test(tests, total_limit);
    tcase_add_test(tests, refused_connection);
    tcase_add_test(tests, slow_connection);
    tcase_add_test(tests, plain_server_behind_https);
    tcase_add_loop_test(tests, canned_answer, 0, COUNT(canned));
    tcase_add_test(tests, cancel_running);
    tcase_add_test(tests, cancel_waiting);
    tcase_add_test(tests, drop_while_running);
    tcase_add_test(tests, as_many_as_allowed);
    tcase_add_test(tests, many_at_once);
    tcase_add_test(tests, ticks);
    tcase_add_test(tests, bad_settings);
    tcase_add_test(tests, wrong_key);
    tcase_add_test(tests, models);
    return check_run("upstream", tests);
}
