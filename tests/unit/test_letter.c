/* Mails as text: words in every language, and nothing that somebody typed acts. */
#include "authd/mail/letter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "authd/mail/mime.h"
#include "common/cleanup.h"
#include "common/text.h"
#include "tests/unit/check_main.h"

#define LINK "https://chat.example.com/#reset=abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNO-_"

static struct letter sample(enum mail_kind kind, const char *language)
{
    return (struct letter){.kind = kind,
                           .language = language,
                           .site = "Chatbot",
                           .link = LINK,
                           .details = "203.0.113.7",
                           .time = "2026-11-29 14:00 UTC",
                           .from = "no-reply@example.com",
                           .from_name = "Chatbot",
                           .to = "ann@example.com",
                           .id = "00000000-0000-4000-8000-000000000001",
                           .date = 1795960800};
}

/* Every line ends with CRLF, is 7-bit and within the limit of RFC 5322. */
static void lines_check(const char *mail)
{
    for (const char *at = mail; *at;) {
        size_t n = strcspn(at, "\r\n");
        ck_assert_uint_le(n, 998);
        for (size_t i = 0; i < n; i++)
            ck_assert_int_lt((unsigned char)at[i], 0x7f);
        ck_assert_int_eq(at[n], '\r');
        ck_assert_int_eq(at[n + 1], '\n');
        at += n + 2;
    }
}

static size_t count(const char *in, const char *what)
{
    size_t n = 0;

    for (; (in = strstr(in, what)); in += strlen(what))
        n++;
    return n;
}

START_TEST(every_kind_in_every_language)
{
    static const char *const languages[] = {"en", "de", "de-AT", "DE"};

    for (size_t i = 0; i < sizeof languages / sizeof *languages; i++) {
        ck_assert(letter_has_language(languages[i]));
        for (int k = 0; k < MAIL_KINDS; k++) {
            cleanup(text_drop) struct text mail = {0};
            struct letter l = sample((enum mail_kind)k, languages[i]);
            letter_write(&l, &mail);
            lines_check(mail.data);
            ck_assert_uint_eq(count(mail.data, "\r\n--=_"), 3);
            ck_assert_ptr_nonnull(strstr(mail.data, "Content-Type: text/plain; charset=utf-8\r\n"));
            ck_assert_ptr_nonnull(strstr(mail.data, "Content-Type: text/html; charset=utf-8\r\n"));
            ck_assert_ptr_null(strchr(mail.data, '{')); /* no hole is left */
            ck_assert_ptr_nonnull(
                strstr(mail.data, i ? "Content-Language: de" : "Content-Language: en"));
            ck_assert_int_eq(mail_kind_named(mail_kind_name((enum mail_kind)k)), k);
        }
    }
    ck_assert(!letter_has_language("fr"));
    ck_assert(!letter_has_language("d"));
    ck_assert_int_eq(mail_kind_named("nonsense"), MAIL_KINDS);
}
END_TEST

START_TEST(english_can_be_read_as_it_is)
{
    cleanup(text_drop) struct text mail = {0};
    struct letter l = sample(MAIL_reset, "fr"); /* no words: English */

    letter_write(&l, &mail);
    ck_assert_ptr_nonnull(strstr(mail.data, "Subject: Chatbot: Set a new password\r\n"));
    ck_assert_ptr_nonnull(strstr(mail.data, "From: \"Chatbot\"\r\n <no-reply@example.com>\r\n"));
    ck_assert_ptr_nonnull(strstr(mail.data, "To: <ann@example.com>\r\n"));
    ck_assert_ptr_nonnull(strstr(mail.data, "Date: Sun, 29 Nov 2026 14:00:00 +0000\r\n"));
    ck_assert_ptr_nonnull(
        strstr(mail.data, "Message-ID: <00000000-0000-4000-8000-000000000001@example.com>\r\n"));
    ck_assert_ptr_nonnull(strstr(mail.data, "\r\n" LINK "\r\n"));
    ck_assert_ptr_null(strstr(mail.data, "boundary=\"=_\""));
}
END_TEST

START_TEST(what_people_typed_stays_text)
{
    cleanup(text_drop) struct text mail = {0};
    struct letter l = sample(MAIL_key_made, "en");

    l.details = "x\r\nBcc: evil@example.com\r\n\r\n<script>alert(1)</script> {link} &amp;";
    l.site = "A\r\nBcc: evil@example.com";
    l.from_name = "A \"quoted\" \\ name";
    letter_write(&l, &mail);
    lines_check(mail.data);
    ck_assert_ptr_null(strstr(mail.data, "\nBcc:"));
    ck_assert_ptr_null(strstr(mail.data, "<script>alert(1)</script> {link} &amp;\r\n</p>"));
    ck_assert_ptr_nonnull(strstr(mail.data, "&lt;script&gt;"));
    ck_assert_ptr_nonnull(strstr(mail.data, "&amp;amp;"));
    ck_assert_ptr_nonnull(strstr(mail.data, "From: \"A \\\"quoted\\\" \\\\ name\"\r\n"));
}
END_TEST

START_TEST(headers_are_encoded_where_they_have_to_be)
{
    cleanup(text_drop) struct text to = {0};

    mime_header(&to, "Subject", "plain words");
    ck_assert_str_eq(to.data, "Subject: plain words\r\n");
    text_clear(&to);
    mime_header(&to, "Subject",
                "Gr\xc3\xbc\xc3\x9f"
                "e");
    ck_assert_str_eq(to.data, "Subject: =?UTF-8?B?R3LDvMOfZQ==?=\r\n");
    text_clear(&to);
    mime_header(&to, "Subject", "=?UTF-8?B?eA==?="); /* is not taken for what it looks like */
    ck_assert_ptr_null(strstr(to.data, "eA=="));
    text_clear(&to);
    mime_header(&to, "Subject", "x\ny");
    ck_assert_ptr_null(strstr(to.data, "\ny"));
    text_clear(&to);
    /* long ones are cut between characters */
    mime_header(
        &to, "Subject",
        "\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac"
        "\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac"
        "x\xe2\x82\xac");
    ck_assert_uint_eq(count(to.data, "=?UTF-8?B?"), 2);
    ck_assert_ptr_nonnull(strstr(to.data, "?=\r\n =?UTF-8?B?"));
    lines_check(to.data);
}
END_TEST

START_TEST(bodies_are_quoted_where_they_have_to_be)
{
    cleanup(text_drop) struct text to = {0};
    char wide[302];

    mime_part(&to, "text/plain", "a = b\n\n.\n");
    ck_assert_str_eq(to.data, "Content-Type: text/plain; charset=utf-8\r\n"
                              "Content-Transfer-Encoding: 7bit\r\n\r\na = b\r\n\r\n.\r\n");
    text_clear(&to);
    mime_part(&to, "text/plain", "\xc3\xbc = b \n");
    ck_assert_ptr_nonnull(strstr(to.data, "quoted-printable\r\n\r\n=C3=BC =3D b=20\r\n"));
    text_clear(&to);
    memset(wide, 'x', 300);
    strncpy(wide + 300, "\n", 2);
    mime_part(&to, "text/plain", wide);
    lines_check(to.data);
    ck_assert_uint_eq(count(to.data, "=\r\n"), 3);
    text_clear(&to);
    mime_wrap(&to, "aaaa bbbb");
    ck_assert_str_eq(to.data, "aaaa bbbb\n");
    text_clear(&to);
    memset(wide, 'x', 100);
    strncpy(wide + 100, " y", 3);
    mime_wrap(&to, wide);
    ck_assert_str_eq(to.data + 100, "\ny\n"); /* a long word stays whole */
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("letter");

    tcase_add_test(tests, every_kind_in_every_language);
    tcase_add_test(tests, english_can_be_read_as_it_is);
    tcase_add_test(tests, what_people_typed_stays_text);
    tcase_add_test(tests, headers_are_encoded_where_they_have_to_be);
    tcase_add_test(tests, bodies_are_quoted_where_they_have_to_be);
    return check_run("letter", tests);
}
