/* chatd/upstream/tokens.h: borders of the estimate; what it is worth is tests/tokens/check.mjs. */
#include "chatd/upstream/tokens.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/check_main.h"

START_TEST(short_texts)
{
    static const struct {
        const char *text;
        int64_t tokens;
    } cases[] = {
        {"", 0},
        {"a", 1},
        {"the", 1},
        {"the cat", 2},
        {" the", 1},
        {"12", 1},
        {"1234", 2},
        {"1 2", 3},
        {"\n", 1},
        {"a\n", 2},
        {"a.", 2},
        {"getName", 4},
        {"\xe4\xb8\xad", 2},
        {"\xf0\x9f\x98\x80", 3},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        ck_assert_msg(tokens_estimate(cases[i].text, strlen(cases[i].text)) == cases[i].tokens,
                      "\"%s\": %ld", cases[i].text,
                      (long)tokens_estimate(cases[i].text, strlen(cases[i].text)));
}
END_TEST

/* Between a quarter of the bytes and all of them, whatever they are; what is cut off is not read.
 */
START_TEST(any_bytes)
{
    srand(1);
    for (int i = 0; i < 2000; i++) {
        size_t size = (size_t)(rand() % 40);
        char *bytes = malloc(size + 1);
        int64_t tokens;
        for (size_t k = 0; k < size; k++)
            bytes[k] = (char)rand();
        tokens = tokens_estimate(bytes, size);
        ck_assert_int_ge(tokens, (int64_t)((size + 3) / 4));
        ck_assert_int_le(tokens, (int64_t)size);
        free(bytes);
    }
}
END_TEST

/* The pieces of an answer are added up: a cut loses less than a token. */
START_TEST(pieces)
{
    static const char text[] =
        "Gr\xc3\xb6\xc3\x9f"
        "ere W\xc3\xb6rter, 12345 and getElementsByTagName({\"x\": [1, 2]});\n\n"
        "\xe4\xbd\xa0\xe5\xa5\xbd \xf0\x9f\x98\x80 aGVsbG8gd29ybGQ=   end";
    size_t size = sizeof text - 1;

    for (size_t cut = 0; cut <= size; cut++) {
        if ((text[cut] & 0xc0) == 0x80)
            continue;
        ck_assert_msg(tokens_estimate(text, cut) + 1 + tokens_estimate(text + cut, size - cut) >=
                          tokens_estimate(text, size),
                      "at %zu", cut);
    }
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("tokens");

    tcase_add_test(t, short_texts);
    tcase_add_test(t, any_bytes);
    tcase_add_test(t, pieces);
    return check_run("tokens", t);
}
