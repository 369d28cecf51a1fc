/* The head of a request: one meaning only, or none. */
#include <string.h>

#include "gateway/http/strict.h"
#include "gateway/http/target.h"
#include "proto/api.h"
#include "tests/unit/check_main.h"

static struct http_header fields[HEADERS_MAX + 1];
static struct http_head head;
static struct http_framing framing;
static const char *why;

/* A sound HTTP/1.1 request with Host and up to two more fields. */
static int check2(const char *name, const char *value, const char *name2, const char *value2)
{
    head = (struct http_head){
        .version = "1.1", .headers = fields, .target_size = 1, .headers_size = 100, .whole = true};
    fields[head.count++] = (struct http_header){"Host", "localhost:8000"};
    if (name)
        fields[head.count++] = (struct http_header){name, value};
    if (name2)
        fields[head.count++] = (struct http_header){name2, value2};
    return http_head_check(&head, &framing, &why);
}

static int check(const char *name, const char *value)
{
    return check2(name, value, NULL, NULL);
}

START_TEST(sound)
{
    ck_assert_int_eq(check(NULL, NULL), DONE);
    ck_assert(framing.keep_alive && !framing.has_length && !framing.expects);
    ck_assert_int_eq(check("content-length", "42"), DONE);
    ck_assert(framing.has_length);
    ck_assert_int_eq(framing.length, 42);
    ck_assert_int_eq(check2("Expect", "100-Continue", "Content-Length", "1"), DONE);
    ck_assert(framing.expects);
    ck_assert_int_eq(check("Expect", "something"), DONE);
    ck_assert(!framing.expects);
}
END_TEST

START_TEST(lengths)
{
    static const char *const bad[] = {"",    " ",   "+1",  "-1", "1 ", " 1",      "0x1",
                                      "1,1", "1;1", "1e3", "a",  "1a", "\xd9\xa3"};

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_msg(check("Content-Length", bad[i]) == BAD_REQUEST, "'%s'", bad[i]);
    ck_assert_int_eq(check("Content-Length", "999999999999999"), DONE);
    ck_assert_int_eq(framing.length, 999999999999999);
    ck_assert_int_eq(check("Content-Length", "1000000000000000"), TOO_LARGE);
    ck_assert_int_eq(check("Content-Length", "99999999999999999999999"), TOO_LARGE);
    ck_assert_int_eq(check2("Content-Length", "1", "content-length", "1"), BAD_REQUEST);
}
END_TEST

START_TEST(transfer_codings)
{
    ck_assert_int_eq(check("Transfer-Encoding", "chunked"), LENGTH_REQUIRED);
    ck_assert_int_eq(check("Transfer-Encoding", ""), LENGTH_REQUIRED);
    ck_assert_int_eq(check2("Transfer-Encoding", "chunked", "Content-Length", "3"), BAD_REQUEST);
    ck_assert_int_eq(check2("Transfer-Encoding", "identity", "Transfer-Encoding", "chunked"),
                     BAD_REQUEST);
}
END_TEST

START_TEST(hosts)
{
    static const char *const bad[] = {"a b", "a,b", "a/b", "u@a", "a?", "a#", "<a>", "a\\b"};

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        check(NULL, NULL);
        fields[0].value = bad[i];
        ck_assert_msg(http_head_check(&head, &framing, &why) == BAD_REQUEST, "%s", bad[i]);
    }
    ck_assert_int_eq(check("HOST", "localhost"), BAD_REQUEST);
    check(NULL, NULL);
    head.count = 0;
    ck_assert_int_eq(http_head_check(&head, &framing, &why), BAD_REQUEST);
    head.version = "1.0";
    ck_assert_int_eq(http_head_check(&head, &framing, &why), DONE);
    ck_assert(!framing.keep_alive);
}
END_TEST

START_TEST(names_and_values)
{
    ck_assert_int_eq(check("X-!#$%&'*+.^_`|~9", "any \t thing \xff"), DONE);
    ck_assert_int_eq(check("", "x"), BAD_REQUEST);
    ck_assert_int_eq(check("A(b)", "x"), BAD_REQUEST);
    ck_assert_int_eq(check("A b", "x"), BAD_REQUEST);
    ck_assert_int_eq(check("A\xe4", "x"), BAD_REQUEST);
    ck_assert_int_eq(check("A", "a\x01"), BAD_REQUEST);
    ck_assert_int_eq(check("A", "a\x7f"), BAD_REQUEST);
    ck_assert_int_eq(check2("Authorization", "Bearer a", "authorization", "Bearer b"), BAD_REQUEST);
    ck_assert_int_eq(check2("Accept", "a", "Accept", "b"), DONE);
}
END_TEST

START_TEST(sizes)
{
    check(NULL, NULL);
    head.target_size = TARGET_MAX;
    head.headers_size = HEADERS_SIZE_MAX;
    ck_assert_int_eq(http_head_check(&head, &framing, &why), DONE);
    head.target_size++;
    ck_assert_int_eq(http_head_check(&head, &framing, &why), URI_TOO_LONG);
    check(NULL, NULL);
    head.headers_size = HEADERS_SIZE_MAX + 1;
    ck_assert_int_eq(http_head_check(&head, &framing, &why), HEADERS_TOO_LARGE);
}
END_TEST

START_TEST(counts)
{
    check(NULL, NULL);
    for (head.count = 1; head.count < HEADERS_MAX; head.count++)
        fields[head.count] = (struct http_header){"X", "y"};
    ck_assert_int_eq(http_head_check(&head, &framing, &why), DONE);
    /* there was a 65th that the parser did not take in */
    head.whole = false;
    ck_assert_int_eq(http_head_check(&head, &framing, &why), HEADERS_TOO_LARGE);
    head.count = 3;
    ck_assert_int_eq(http_head_check(&head, &framing, &why), BAD_REQUEST);
}
END_TEST

START_TEST(keep_alive)
{
    static const struct {
        const char *version, *connection;
        bool keep;
    } cases[] = {
        {"1.1", "keep-alive", true},         {"1.1", "close", false},
        {"1.1", "Keep-Alive, TE", true},     {"1.1", "TE", false},
        {"1.0", "keep-alive", true},         {"1.0", "close", false},
        {"1.1", "close, keep-alive", false}, {"1.1", "Upgrade, keep-alive", false},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        check("Connection", cases[i].connection);
        head.version = cases[i].version;
        ck_assert_int_eq(http_head_check(&head, &framing, &why), DONE);
        ck_assert_msg(framing.keep_alive == cases[i].keep, "%s", cases[i].connection);
    }
}
END_TEST

START_TEST(lists)
{
    ck_assert(http_list_has("a, b ,c", "b"));
    ck_assert(http_list_has("B", "b"));
    ck_assert(!http_list_has("ab, bc", "b"));
    ck_assert(!http_list_has("", "b"));
    ck_assert(!http_list_has(" , ,", "b"));
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("strict");

    tcase_add_test(tests, sound);
    tcase_add_test(tests, lengths);
    tcase_add_test(tests, transfer_codings);
    tcase_add_test(tests, hosts);
    tcase_add_test(tests, names_and_values);
    tcase_add_test(tests, sizes);
    tcase_add_test(tests, counts);
    tcase_add_test(tests, keep_alive);
    tcase_add_test(tests, lists);
    return check_run("strict", tests);
}
