/* Language tags. */
#include <check.h>

#include "authd/language.h"
#include "tests/unit/check_main.h"

START_TEST(tags)
{
    static const struct {
        const char *tag;
        bool good;
    } rows[] = {
        {"de", true},          {"pt-BR", true},
        {"zh-Hant-TW", true},  {"sr-Latn", true},
        {"es-419", true},      {"de-1996", true},
        {"gsw", true},         {"de-x-here", true},
        {"en-u-hc-h12", true}, {"", false},
        {"d", false},          {"de-", false},
        {"-de", false},        {"de--AT", false},
        {"de_AT", false},      {"de AT", false},
        {"d3", false},         {"x-here", false},
        {"de-x", false},       {"123", false},
        {"abcdefghi", false},  {"de-abcdefghi", false},
        {"d\xc3\xa4", false},  {"de\n", false},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        ck_assert_msg(language_is_tag(rows[i].tag) == rows[i].good, "%s", rows[i].tag);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("language");

    tcase_add_test(t, tags);
    return check_run("language", t);
}
