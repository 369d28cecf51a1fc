/* Whose request it is, when proxies stand in front of us. */
#include <string.h>

#include "gateway/proxies.h"
#include "proto/api.h"
#include "tests/unit/check_main.h"

static struct http_request request;
static char address[ADDRESS_TEXT_MAX];
static bool tls;

/* Asks for the client of a request from peer with these headers, name and value in turn. */
static void ask(const char *list, const char *peer, const char *const *headers)
{
    struct proxies *p = NULL;
    const char *wrong;

    ck_assert_int_eq(proxies_new(list, &p, &wrong), DONE);
    request = (struct http_request){.address = peer};
    for (; *headers; headers += 2)
        request.headers[request.header_count++] = (struct http_header){headers[0], headers[1]};
    proxies_client(p, &request, address, &tls);
    proxies_drop(&p);
}

#define ASK(list, peer, ...) ask(list, peer, (const char *const[]){__VA_ARGS__, NULL})
#define XFF                  "X-Forwarded-For"

START_TEST(nobody_is_believed_by_default)
{
    ASK("", "192.0.2.1", XFF, "198.51.100.7", "X-Forwarded-Proto", "https");
    ck_assert_str_eq(address, "192.0.2.1");
    ck_assert(!tls);
    ASK("10.0.0.1", "10.0.0.2", XFF, "198.51.100.7", "X-Forwarded-Proto", "https");
    ck_assert_str_eq(address, "10.0.0.2");
    ck_assert(!tls);
}
END_TEST

START_TEST(a_proxy_speaks_for_its_client)
{
    ASK("10.0.0.1", "10.0.0.1", XFF, "198.51.100.7", "X-Forwarded-Proto", "https");
    ck_assert_str_eq(address, "198.51.100.7");
    ck_assert(tls);
    ASK("10.0.0.0/8, 127.0.0.1", "10.9.8.7", "x-forwarded-for", "2001:db8::1");
    ck_assert_str_eq(address, "2001:db8::1");
    ck_assert(!tls);
    ASK("10.0.0.1", "10.0.0.1", "X-Forwarded-Proto", "http");
    ck_assert_str_eq(address, "10.0.0.1");
    ck_assert(!tls);
}
END_TEST

/* What stands left of the first address that is not ours was written by a stranger. */
START_TEST(a_client_cannot_choose_its_address)
{
    ASK("10.0.0.0/8", "10.0.0.1", XFF, "127.0.0.1, 198.51.100.7, 10.0.0.3");
    ck_assert_str_eq(address, "198.51.100.7");
    ASK("10.0.0.0/8", "10.0.0.1", XFF, "127.0.0.1", XFF, "198.51.100.7");
    ck_assert_str_eq(address, "198.51.100.7");
    ASK("10.0.0.0/8", "10.0.0.1", XFF, "10.0.0.9", XFF, "10.0.0.8");
    ck_assert_str_eq(address, "10.0.0.9");
    ASK("10.0.0.0/8", "10.0.0.1", XFF, "198.51.100.7, unknown, 10.0.0.3");
    ck_assert_str_eq(address, "10.0.0.3");
    ASK("10.0.0.0/8", "10.0.0.1", XFF, "not an address");
    ck_assert_str_eq(address, "10.0.0.1");
    ASK("10.0.0.0/8", "10.0.0.1", XFF, " ,, ");
    ck_assert_str_eq(address, "10.0.0.1");
    ASK("10.0.0.0/8", "10.0.0.1", "X-Forwarded-Proto", "https", "X-Forwarded-Proto", "http");
    ck_assert(!tls);
}
END_TEST

START_TEST(networks)
{
    ASK("192.168.4.0/22", "192.168.7.255", XFF, "198.51.100.7");
    ck_assert_str_eq(address, "198.51.100.7");
    ASK("192.168.4.0/22", "192.168.8.0", XFF, "198.51.100.7");
    ck_assert_str_eq(address, "192.168.8.0");
    ASK("0.0.0.0/0", "192.168.8.0", XFF, "2001:db8::1, 203.0.113.1");
    ck_assert_str_eq(address, "2001:db8::1");
}
END_TEST

START_TEST(lists_that_are_none)
{
    static const char *const lists[] = {"localhost",   "10.0.0.0/33", "10.0.0.0/",   "10.0.0.0/8x",
                                        "10.0.0.1, x", "::1/129",     "10.0.0.1/-1", "1.2.3"};
    struct proxies *p = NULL;
    const char *wrong;

    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        ck_assert_msg(proxies_new(lists[i], &p, &wrong) == BAD_INPUT, "%s", lists[i]);
        ck_assert_ptr_null(p);
    }
    ck_assert_int_eq(proxies_new("10.0.0.1, x", &p, &wrong), BAD_INPUT);
    ck_assert_str_eq(wrong, "x");
}
END_TEST

START_TEST(one_client_one_group)
{
    char group[ADDRESS_TEXT_MAX];

    address_group("192.0.2.1", group);
    ck_assert_str_eq(group, "192.0.2.1");
    address_group("2001:db8:1:2:3:4:5:6", group);
    ck_assert_str_eq(group, "2001:db8:1:2::");
    ck_assert(address_is_loopback("127.0.0.2"));
    ck_assert(address_is_loopback("::1"));
    ck_assert(!address_is_loopback("128.0.0.1"));
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("proxies");

    tcase_add_test(tests, nobody_is_believed_by_default);
    tcase_add_test(tests, a_proxy_speaks_for_its_client);
    tcase_add_test(tests, a_client_cannot_choose_its_address);
    tcase_add_test(tests, networks);
    tcase_add_test(tests, lists_that_are_none);
    tcase_add_test(tests, one_client_one_group);
    return check_run("proxies", tests);
}
