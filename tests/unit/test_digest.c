/* common/digest.h against published vectors. */
#include "common/digest.h"

#include <string.h>

#include "tests/unit/check_main.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

static const char *hex(const void *p, size_t n)
{
    static char buf[256];

    hex_encode(p, n, buf);
    return buf;
}

/* FIPS 180-4 examples */
START_TEST(sha256)
{
    unsigned char d[DIGEST_SIZE];

    digest_sha256("abc", 3, d);
    ck_assert_str_eq(hex(d, sizeof d),
                     "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    digest_sha256("", 0, d);
    ck_assert_str_eq(hex(d, sizeof d),
                     "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    digest_sha256(NULL, 0, d);
    ck_assert_str_eq(hex(d, 4), "e3b0c442");
}
END_TEST

/* RFC 4231, cases 2 and 3 */
START_TEST(hmac)
{
    unsigned char d[DIGEST_SIZE], key[20], data[50];

    digest_hmac("Jefe", 4, "what do ya want for nothing?", 28, d);
    ck_assert_str_eq(hex(d, sizeof d),
                     "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(key, 0xaa, sizeof key);
    memset(data, 0xdd, sizeof data);
    digest_hmac(key, sizeof key, data, sizeof data, d);
    ck_assert_str_eq(hex(d, sizeof d),
                     "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
    digest_hmac(NULL, 0, NULL, 0, d);
    ck_assert_str_eq(hex(d, sizeof d),
                     "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}
END_TEST

START_TEST(random_bytes_differ)
{
    unsigned char a[1000] = {0}, b[1000] = {0};

    random_bytes(a, sizeof a);
    random_bytes(b, sizeof b);
    ck_assert_mem_ne(a, b, sizeof a);
    random_bytes(NULL, 0);
}
END_TEST

START_TEST(hex_spelling)
{
    char buf[9];

    hex_encode("\x00\x0f\xa0\xff", 4, buf);
    ck_assert_str_eq(buf, "000fa0ff");
    hex_encode("", 0, buf);
    ck_assert_str_eq(buf, "");
}
END_TEST

/* RFC 4648, section 10, without padding; and the two letters that differ */
static const struct {
    const char *bytes, *text;
} vectors[] = {
    {"", ""},           {"f", "Zg"},          {"fo", "Zm8"},          {"foo", "Zm9v"},
    {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}, {"\xfb\xef\xff", "--__"}};

START_TEST(base64url_vectors)
{
    for (size_t i = 0; i < COUNT(vectors); i++) {
        unsigned char bytes[32];
        char text[32];
        size_t n = strlen(vectors[i].bytes);
        base64url_encode(vectors[i].bytes, n, text);
        ck_assert_str_eq(text, vectors[i].text);
        ck_assert_int_eq(base64url_decode(text, strlen(text), bytes), (int)n);
        ck_assert_mem_eq(bytes, vectors[i].bytes, n);
    }
}
END_TEST

/* Every length, in buffers of exactly the documented room. */
START_TEST(base64url_room)
{
    for (size_t n = 0; n < 200; n++) {
        unsigned char *data = malloc(n + 1), *back;
        char *text = malloc(4 * n / 3 + 3);
        random_bytes(data, n);
        base64url_encode(data, n, text);
        back = malloc(3 * strlen(text) / 4 + 2);
        ck_assert_int_eq(base64url_decode(text, strlen(text), back), (int)n);
        ck_assert_int_eq(memcmp(data, back, n), 0);
        free(data);
        free(text);
        free(back);
    }
}
END_TEST

START_TEST(base64url_is_strict)
{
    static const char *const wrong[] = {"Z",     "Zg==",   "Zg=",   "Zm8=",   "Zh",
                                        "Zm9",   "Zm9v\n", " Zm9v", "Zm+v",   "Zm/v",
                                        "Zm9vY", "Zm 9v",  "Zm.v",  "Zm9\xc3"};
    unsigned char bytes[32];

    for (size_t i = 0; i < COUNT(wrong); i++)
        ck_assert_msg(base64url_decode(wrong[i], strlen(wrong[i]), bytes) == -1, "%s", wrong[i]);
    ck_assert_int_eq(base64url_decode("Zm\0v", 4, bytes), -1);
}
END_TEST

START_TEST(secrets_are_wiped)
{
    char secret[] = "secret";

    secret_wipe(secret, sizeof secret);
    ck_assert_mem_eq(secret, "\0\0\0\0\0\0", sizeof secret);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("digest");

    tcase_add_test(t, sha256);
    tcase_add_test(t, hmac);
    tcase_add_test(t, random_bytes_differ);
    tcase_add_test(t, hex_spelling);
    tcase_add_test(t, base64url_vectors);
    tcase_add_test(t, base64url_room);
    tcase_add_test(t, base64url_is_strict);
    tcase_add_test(t, secrets_are_wiped);
    return check_run("digest", t);
}
