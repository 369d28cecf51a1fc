/* gateway/forwarded.h: whose word about the client's address is taken, and which is not. */
#include "gateway/forwarded.h"

#include <string.h>

#include "common/cleanup.h"
#include "gateway/rate.h"
#include "proto/api.h"
#include "tests/unit/check_main.h"

static char client[CLIENT_MAX + 1];

/* The client of a request from peer with these X-Forwarded-For headers, up to NULL. */
static const char *client_of(const char *list, const char *peer, const char *first,
                             const char *second)
{
    cleanup(proxies_drop) struct proxies *p = NULL;
    struct http_request r = {.address = peer};
    const char *wrong;

    ck_assert_int_eq(proxies_new(list, &p, &wrong), DONE);
    r.headers[r.header_count++] = (struct http_header){"X-Real-IP", "9.9.9.9"};
    if (first)
        r.headers[r.header_count++] = (struct http_header){"x-forwarded-for", first};
    if (second)
        r.headers[r.header_count++] = (struct http_header){"X-Forwarded-For", second};
    memset(client, 'x', sizeof client);
    forwarded_client(p, &r, client);
    return client;
}

START_TEST(nobody_is_trusted)
{
    ck_assert_str_eq(client_of("", "127.0.0.1", "1.2.3.4", NULL), "127.0.0.1");
    ck_assert_str_eq(client_of("10.0.0.1", "127.0.0.1", "1.2.3.4", NULL), "127.0.0.1");
    ck_assert_str_eq(client_of("10.0.0.0/24", "10.0.1.0", "1.2.3.4", NULL), "10.0.1.0");
}
END_TEST

START_TEST(a_proxy_is)
{
    ck_assert_str_eq(client_of("127.0.0.1", "127.0.0.1", "1.2.3.4", NULL), "1.2.3.4");
    ck_assert_str_eq(client_of("127.0.0.1", "127.0.0.1", " 1.2.3.4 ", NULL), "1.2.3.4");
    ck_assert_str_eq(client_of("127.0.0.1", "127.0.0.1", NULL, NULL), "127.0.0.1");
    ck_assert_str_eq(client_of("0.0.0.0/0", "8.8.8.8", "::1", NULL), "::1");
    ck_assert_str_eq(client_of("127.0.0.1", "127.0.0.1", "2001:DB8:0:0::1", NULL), "2001:db8::1");
}
END_TEST

/* What the client itself sent stands in front, in the same header or one of its own. */
START_TEST(forged)
{
    ck_assert_str_eq(client_of("127.0.0.1", "127.0.0.1", "6.6.6.6, 1.2.3.4", NULL), "1.2.3.4");
    ck_assert_str_eq(client_of("127.0.0.1", "127.0.0.1", "6.6.6.6", "1.2.3.4"), "1.2.3.4");
    ck_assert_str_eq(client_of("127.0.0.1", "127.0.0.1", "evil, 1.2.3.4", NULL), "1.2.3.4");
}
END_TEST

START_TEST(chains)
{
    const char *list = "127.0.0.1, 10.0.0.0/8";

    ck_assert_str_eq(client_of(list, "127.0.0.1", "6.6.6.6, 1.2.3.4,10.1.1.1", NULL), "1.2.3.4");
    ck_assert_str_eq(client_of(list, "127.0.0.1", "10.2.2.2, 10.1.1.1", NULL), "10.2.2.2");
}
END_TEST

START_TEST(no_addresses)
{
    static const char *const bad[] = {
        "",          ",",
        "unknown",   "1.2.3.4:80",
        "[::1]",     "1.2.3",
        "1.2.3.4 5", "_hidden",
        "1.2.3.4,",  "11111111111111111111111111111111111111111111111111111111"};

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_str_eq(client_of("127.0.0.1", "127.0.0.1", bad[i], NULL), "127.0.0.1");
    ck_assert_str_eq(client_of("127.0.0.1,10.0.0.1", "127.0.0.1", "1.1.1.1, x, 10.0.0.1", NULL),
                     "10.0.0.1");
}
END_TEST

START_TEST(lists)
{
    static const char *const bad[] = {"localhost",  "::1",         "10.0.0.0/33", "10.0.0.0/",
                                      "10.0.0.0/x", "10.0.0.0/8x", "10.0.0/8",    "10.0.0.0/-1"};
    struct proxies *p = NULL;
    const char *wrong = NULL;
    char many[512] = "";

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ck_assert_int_eq(proxies_new(bad[i], &p, &wrong), BAD_INPUT);
        ck_assert_ptr_eq(wrong, bad[i]);
        ck_assert_ptr_null(p);
    }
    for (int i = 0; i < 33; i++)
        memcpy(many + strlen(many), "10.0.0.1 ", 10);
    ck_assert_int_eq(proxies_new(many, &p, &wrong), BAD_INPUT);
    ck_assert_int_eq(proxies_new("127.0.0.1 nonsense", &p, &wrong), BAD_INPUT);
    ck_assert_str_eq(wrong, "nonsense");
}
END_TEST

/* One client has a whole network of IPv6. */
START_TEST(limits)
{
    ck_assert_uint_eq(rate_key_of("2001:db8::1"), rate_key_of("2001:db8::ffff:1"));
    ck_assert_uint_ne(rate_key_of("2001:db8::1"), rate_key_of("2001:db8:0:1::1"));
    ck_assert_uint_ne(rate_key_of("1.2.3.4"), rate_key_of("1.2.3.5"));
    ck_assert_uint_eq(rate_key_of("1.2.3.4"), rate_key_of("1.2.3.4"));
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("forwarded");

    tcase_add_test(t, nobody_is_trusted);
    tcase_add_test(t, a_proxy_is);
    tcase_add_test(t, forged);
    tcase_add_test(t, chains);
    tcase_add_test(t, no_addresses);
    tcase_add_test(t, lists);
    tcase_add_test(t, limits);
    return check_run("forwarded", t);
}
