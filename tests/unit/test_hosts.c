/* Names that this site is asked by. */
#include <string.h>
#include <unistd.h>

#include "gateway/hosts.h"
#include "proto/api.h"
#include "tests/unit/check_main.h"

static bool allows(const char *list, const char *host, bool by_proxy)
{
    struct hosts *h = NULL;
    const char *wrong;
    bool allowed;

    ck_assert_int_eq(hosts_new(list, &h, &wrong), DONE);
    allowed = hosts_allow(h, host, by_proxy);
    hosts_drop(&h);
    return allowed;
}

/* What a browser calls us by without asking a name server of somebody else. */
START_TEST(by_default_what_no_stranger_can_name)
{
    static const char *const good[] = {"localhost",  "LOCALHOST:8000", "a.localhost:8000",
                                       "127.0.0.1",  "127.0.0.1:8000", "10.1.2.3",
                                       "[::1]:8000", "[2001:db8::1]",  "localhost.:8000"};
    static const char *const bad[] = {"evil.example",
                                      "evil.example:8000",
                                      "127.0.0.1.evil.example",
                                      "notlocalhost",
                                      "localhost.evil.example",
                                      "[::1",
                                      "",
                                      ":8000",
                                      "1.2.3.4.5",
                                      "x"};
    char own[256] = "";

    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        ck_assert_msg(allows("", good[i], false), "%s", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_msg(!allows("", bad[i], false), "%s", bad[i]);
    ck_assert_int_eq(gethostname(own, sizeof own - 1), 0);
    ck_assert(allows("", own, false));
    ck_assert(allows("", NULL, false));
    ck_assert(allows("", "chat.example.org", true));
}
END_TEST

START_TEST(a_list_is_all_there_is)
{
    const char *list = "chat.example.org, .example.net";

    ck_assert(allows(list, "chat.example.org", false));
    ck_assert(allows(list, "Chat.Example.Org:8000", true));
    ck_assert(allows(list, "a.example.net", true));
    ck_assert(allows(list, "a.b.example.net:443", true));
    ck_assert(!allows(list, "example.net", true));
    ck_assert(!allows(list, "badexample.net", true));
    ck_assert(!allows(list, "a.chat.example.org", true));
    ck_assert(!allows(list, "localhost", false));
    ck_assert(!allows(list, "127.0.0.1", true));
    ck_assert(allows("127.0.0.1, [::1]", "[::1]:8000", false));
}
END_TEST

START_TEST(any_name)
{
    ck_assert(allows("*", "evil.example", false));
    ck_assert(allows("localhost, *", "evil.example", false));
}
END_TEST

START_TEST(what_is_no_list)
{
    static const char *const lists[] = {"a b/c", "https://chat.example.org", "*.example.org", ".",
                                        "chat.example.org;x"};
    struct hosts *h = NULL;
    const char *wrong;

    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        ck_assert_int_eq(hosts_new(lists[i], &h, &wrong), BAD_INPUT);
    ck_assert_ptr_null(h);
}
END_TEST

START_TEST(long_names)
{
    char name[300];

    memset(name, 'a', sizeof name);
    name[sizeof name - 1] = '\0';
    ck_assert(!allows("", name, false));
    ck_assert(!allows(".example.org", name, false));
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("hosts");

    tcase_add_test(t, by_default_what_no_stranger_can_name);
    tcase_add_test(t, a_list_is_all_there_is);
    tcase_add_test(t, any_name);
    tcase_add_test(t, what_is_no_list);
    tcase_add_test(t, long_names);
    return check_run("hosts", t);
}
