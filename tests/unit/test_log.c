/* common/log.h and common/fault.h: one line, whole, and nobody can forge a second one. */
#include "common/log.h"

#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "common/fault.h"
#include "tests/unit/check_main.h"

static int pipe_end = -1;
static char got[65536];

/* From here on stderr goes into a pipe. */
static void stderr_catch(void)
{
    int fds[2];

    ck_assert_int_eq(pipe2(fds, O_NONBLOCK), 0);
    ck_assert_int_eq(dup2(fds[1], STDERR_FILENO), STDERR_FILENO);
    close(fds[1]);
    pipe_end = fds[0];
}

/* What was written since the last time. */
static const char *written(void)
{
    ssize_t n = read(pipe_end, got, sizeof got - 1);

    got[n > 0 ? n : 0] = '\0';
    return got;
}

START_TEST(lines)
{
    stderr_catch();
    log_line(LOG_LEVEL_INFO, "op=%s", "x");
    ck_assert_str_eq(written(), "<6>svc=- op=x\n");
    log_name("projectd");
    log_trace("r-1");
    log_line(LOG_LEVEL_ERR, "a=%d", 1);
    ck_assert_str_eq(written(), "<3>svc=projectd trace=r-1 a=1\n");
    log_trace(NULL);
    log_line(LOG_LEVEL_WARN, "a=%d", 2);
    ck_assert_str_eq(written(), "<4>svc=projectd a=2\n");
    log_trace("");
    log_line(LOG_LEVEL_WARN, "b");
    ck_assert_str_eq(written(), "<4>svc=projectd b\n");
}
END_TEST

START_TEST(levels)
{
    stderr_catch();
    log_line(LOG_LEVEL_DEBUG, "x");
    ck_assert_str_eq(written(), "");
    log_limit(LOG_LEVEL_DEBUG);
    log_line(LOG_LEVEL_DEBUG, "x");
    ck_assert_str_eq(written(), "<7>svc=- x\n");
    log_limit(LOG_LEVEL_ERR);
    log_line(LOG_LEVEL_WARN, "x");
    ck_assert_str_eq(written(), "");
}
END_TEST

START_TEST(control_bytes_cannot_make_a_line)
{
    stderr_catch();
    log_trace("a\n<3>svc=authd");
    log_line(LOG_LEVEL_INFO, "v=%s", "1\n<3>svc=x\r\033[2J\xff");
    ck_assert_str_eq(written(), "<6>svc=- trace=a?<3>svc=authd v=1?<3>svc=x??[2J?\n");
}
END_TEST

START_TEST(long_lines_are_cut)
{
    char value[5000], trace[300];

    stderr_catch();
    memset(value, 'v', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    memset(trace, 't', sizeof trace - 1);
    trace[sizeof trace - 1] = '\0';
    log_trace(trace);
    log_line(LOG_LEVEL_INFO, "v=%s", value);
    ck_assert_uint_eq(strlen(written()), 2000);
    ck_assert_int_eq(got[1999], '\n');
    ck_assert_ptr_eq(strchr(got, '\n'), got + 1999);
    for (int n = 1900; n < 2000; n++) {
        log_line(LOG_LEVEL_INFO, "%.*s", n, value);
        ck_assert_uint_le(strlen(written()), 2000);
        ck_assert_ptr_eq(strchr(got, '\n'), got + strlen(got) - 1);
    }
}
END_TEST

START_TEST(quoting)
{
    static const struct {
        const char *s, *as;
    } rows[] = {{"", "\"\""},
                {NULL, "\"\""},
                {"plain text", "\"plain text\""},
                {"a\"b\\c", "\"a\\\"b\\\\c\""},
                {"\n\r\t", "\"\\n\\r\\t\""},
                {"\x01\x7f\xc3\xa4", "\"\\x01\\x7f\\xc3\\xa4\""}};
    char buf[64];

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        ck_assert_str_eq(log_quote(rows[i].s, buf, sizeof buf), rows[i].as);
    ck_assert_str_eq(log_quote("abcdef", buf, 6), "\"abc\"");
    ck_assert_str_eq(log_quote("ab\ncd", buf, 6), "\"ab\"");
    ck_assert_str_eq(log_quote("abc", buf, 3), "\"\"");
    ck_assert_str_eq(log_quote("abc", buf, 0), "\"\"");
}
END_TEST

START_TEST(faults)
{
    stderr_catch();
    log_name("chatd");
    log_trace("r-2");
    ck_assert_int_eq(fault_at("/some/where/common/db.c", 12, "db_run", "no: %s", "a \"b\"\n"), -1);
    ck_assert_str_eq(written(), "<3>svc=chatd trace=r-2 fault at=common/db.c:12 func=db_run "
                                "detail=\"no: a \\\"b\\\"\\n\"\n");
    fault_at("db.c", 1, "f", "x");
    ck_assert_ptr_nonnull(strstr(written(), " at=db.c:1 "));
    ck_assert_int_lt(FAULT("x"), 0);
}
END_TEST

static void *other_thread(void *unused)
{
    (void)unused;
    log_line(LOG_LEVEL_INFO, "other");
    return NULL;
}

START_TEST(the_trace_is_of_a_thread)
{
    pthread_t t;

    stderr_catch();
    log_trace("mine");
    ck_assert_int_eq(pthread_create(&t, NULL, other_thread, NULL), 0);
    pthread_join(t, NULL);
    ck_assert_str_eq(written(), "<6>svc=- other\n");
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("log");

    tcase_add_test(t, lines);
    tcase_add_test(t, levels);
    tcase_add_test(t, control_bytes_cannot_make_a_line);
    tcase_add_test(t, long_lines_are_cut);
    tcase_add_test(t, quoting);
    tcase_add_test(t, faults);
    tcase_add_test(t, the_trace_is_of_a_thread);
    return check_run("log", t);
}
