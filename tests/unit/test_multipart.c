/* gateway/multipart: forms whole and broken, cut at every place. */
#include "gateway/multipart.h"

#include <stdio.h>
#include <string.h>

#include "common/text.h"
#include "gateway/part_head.h"
#include "proto/api.h"
#include "tests/unit/check_main.h"

#define TYPE  "multipart/form-data; boundary=XyZ"
#define PART  "--XyZ\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\r\n"
#define CLOSE "\r\n--XyZ--\r\n"

static struct multipart form;
static struct text got;

/* Feeds the form in pieces of `step` bytes, the first one of `first`.  Returns END or BAD; the
 * file's bytes are in got. */
static enum multipart_got feed(const char *data, size_t size, size_t first, size_t step)
{
    size_t at = 0, piece = first ? first : step;

    text_clear(&got);
    ck_assert_int_eq(multipart_init(&form, TYPE), DONE);
    for (;;) {
        const char *bytes;
        size_t n, room;
        enum multipart_got r = multipart_next(&form, &bytes, &n);
        char *to;
        switch (r) {
        case MULTIPART_MORE:
            to = multipart_room(&form, &room);
            ck_assert_uint_gt(room, 0);
            n = size - at < piece ? size - at : piece;
            n = n < room ? n : room;
            piece = step;
            if (n == 0) {
                multipart_ended(&form);
                break;
            }
            memcpy(to, data + at, n);
            multipart_filled(&form, n);
            at += n;
            break;
        case MULTIPART_DATA:
            ck_assert_uint_gt(n, 0);
            text_add(&got, bytes, n);
            break;
        case MULTIPART_FILE:
            ck_assert_uint_eq(got.size, 0);
            break;
        case MULTIPART_END:
        case MULTIPART_BAD:
            return r;
        }
    }
}

static void good(const char *data, size_t size, const char *file, size_t file_size)
{
    for (size_t first = 0; first <= size; first++) {
        ck_assert_msg(feed(data, size, first, size) == MULTIPART_END, "cut at %zu: %s", first,
                      form.why);
        ck_assert_uint_eq(got.size, file_size);
        ck_assert(file_size == 0 || memcmp(got.data, file, file_size) == 0);
    }
    for (size_t step = 1; step < 9; step++) {
        ck_assert_int_eq(feed(data, size, 0, step), MULTIPART_END);
        ck_assert_uint_eq(got.size, file_size);
        ck_assert(file_size == 0 || memcmp(got.data, file, file_size) == 0);
    }
}

#define GOOD(form_, file_) good(form_, sizeof(form_) - 1, file_, sizeof(file_) - 1)

static void refused(const char *data, int status, const char *field)
{
    size_t size = strlen(data);

    for (size_t step = 1; step <= size; step += step < 9 ? 1 : 50) {
        ck_assert_msg(feed(data, size, 0, step) == MULTIPART_BAD, "%s", data);
        ck_assert_msg(form.status == status, "%d %s: %s", form.status, form.why, data);
        ck_assert_str_eq(form.field, field);
        ck_assert_ptr_nonnull(form.why);
    }
}

START_TEST(whole_forms)
{
    GOOD(PART "hello" CLOSE, "hello");
    GOOD(PART CLOSE, "");
    GOOD(PART "hello\r\n--XyZ--", "hello");                              /* no CRLF at the end */
    GOOD("preamble\r\nmore\r\n" PART "hello" CLOSE "epilogue", "hello"); /* both are passed over */
    GOOD("\r\n" PART "hello" CLOSE, "hello");
    GOOD("--XyZ \t \r\nContent-Disposition: form-data; filename=x; name=file\r\n\r\nhi\r\n--XyZ--  "
         "\r\n",
         "hi"); /* blanks behind the boundary, tokens without quotes */
    GOOD("--XyZ\r\ncontent-type: text/plain\r\nCONTENT-DISPOSITION:form-data;name=\"file\";"
         "filename=\"x\"\r\nX: y\r\n\r\nhi" CLOSE,
         "hi");
    GOOD(PART "a\0b\377\r\n" CLOSE, "a\0b\377\r\n");
}
END_TEST

START_TEST(lookalikes)
{
    GOOD(PART "\r\n--XyZx" CLOSE, "\r\n--XyZx");
    GOOD(PART "\r\n--Xy" CLOSE, "\r\n--Xy");
    GOOD(PART "\r\n--XyZ-" CLOSE, "\r\n--XyZ-");
    GOOD(PART "\r\n--XyZ-x" CLOSE, "\r\n--XyZ-x");
    GOOD(PART "\r\n--XyZ--x" CLOSE, "\r\n--XyZ--x");
    GOOD(PART "\r\n--XyZ \rx" CLOSE, "\r\n--XyZ \rx");
    GOOD(PART "--XyZ\r\n" CLOSE, "--XyZ\r\n");
    GOOD(PART "\n--XyZ--\n" CLOSE, "\n--XyZ--\n");
    GOOD(PART "\r--XyZ--\r" CLOSE, "\r--XyZ--\r");
    GOOD(PART "\r\r\n\r\r\n--\r\n-" CLOSE, "\r\r\n\r\r\n--\r\n-");
    GOOD(PART "\r\n" CLOSE, "\r\n");
    GOOD(PART "x\r" CLOSE, "x\r");
}
END_TEST

START_TEST(long_files)
{
    size_t size = 3 * MULTIPART_WINDOW + 77;
    struct text data = {0}, file = {0};
    unsigned seed = 7;

    for (size_t i = 0; i < size; i++) {
        seed = seed * 1103515245 + 12345;
        text_putc(&file, "\r\n--XyZ\0a\r"[seed >> 16 & 7]);
    }
    text_puts(&data, PART);
    text_add(&data, file.data, file.size);
    text_puts(&data, CLOSE);
    for (size_t step = 1; step < 2 * MULTIPART_WINDOW; step += step / 3 + 1) {
        ck_assert_int_eq(feed(data.data, data.size, 0, step), MULTIPART_END);
        ck_assert_uint_eq(got.size, file.size);
        ck_assert_int_eq(memcmp(got.data, file.data, file.size), 0);
    }
    text_drop(&data);
    text_drop(&file);
}
END_TEST

START_TEST(cut_forms)
{
    static const char whole[] = PART "hello\r\n--XyZ--";

    for (size_t n = 0; n < sizeof whole - 1; n++)
        for (size_t step = 1; step < 20; step++) {
            ck_assert_msg(feed(whole, n, 0, step) == MULTIPART_BAD, "%zu", n);
            ck_assert_int_eq(form.status, BAD_REQUEST);
        }
}
END_TEST

START_TEST(not_one_file)
{
    refused("--XyZ--\r\n", BAD_INPUT, "file");
    refused("--XyZ\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n1" CLOSE, BAD_INPUT, "x");
    refused(PART "a\r\n" PART "b" CLOSE, BAD_INPUT, "file");
    refused(PART "a\r\n--XyZ\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n1" CLOSE,
            BAD_INPUT, "x");
    refused("--XyZ\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\n1" CLOSE, BAD_INPUT,
            "filename");
    refused("--XyZ\r\nContent-Disposition: form-data; name=\"file\"; filename=\"\"\r\n\r\n1" CLOSE,
            BAD_INPUT, "filename");
    refused(
        "--XyZ\r\nContent-Disposition: form-data; name=\"file\"; filename=\"\377\"\r\n\r\n1" CLOSE,
        BAD_INPUT, "filename");
    refused(
        "--XyZ\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\1\"\r\n\r\n1" CLOSE,
        BAD_INPUT, "filename");
    refused("--XyZ\r\nContent-Disposition: form-data; name=\"file\"; "
            "filename*=UTF-8''a%0Ab\r\n\r\n1" CLOSE,
            BAD_INPUT, "filename");
}
END_TEST

START_TEST(bad_heads)
{
    char head[2 * MULTIPART_WINDOW], name[300];

    refused("no boundary at all", BAD_REQUEST, "");
    refused("--XyZ\r\n\r\n1" CLOSE, BAD_REQUEST, "");
    refused("--XyZ\r\nContent-Type: a/b\r\n\r\n1" CLOSE, BAD_REQUEST, "");
    refused("--XyZ\r\nno colon\r\n\r\n1" CLOSE, BAD_REQUEST, "");
    refused(
        "--XyZ\r\nContent-Disposition: attachment; name=\"file\"; filename=\"a\"\r\n\r\n1" CLOSE,
        BAD_REQUEST, "");
    refused("--XyZ\r\nContent-Disposition: form-data; name=\"file\r\n\r\n1" CLOSE, BAD_REQUEST, "");
    refused(
        "--XyZ\r\nContent-Disposition: form-data;\r\n name=\"file\"; filename=\"a\"\r\n\r\n1" CLOSE,
        BAD_REQUEST, "");
    refused("--XyZ\r\nContent-Disposition: form-data; name=file; name=file\r\n\r\n1" CLOSE,
            BAD_REQUEST, "");
    refused("--XyZ\r\nContent-Disposition: form-data; name=file; filename=a\r\n"
            "Content-Disposition: form-data; name=file; filename=a\r\n\r\n1" CLOSE,
            BAD_REQUEST, "");
    refused("--XyZ\r\nContent-Disposition: form-data; name=file; filename=a\r\n"
            "Content-Transfer-Encoding: base64\r\n\r\n1" CLOSE,
            BAD_REQUEST, "");
    memset(name, 'n', sizeof name);
    name[256] = '\0';
    snprintf(head, sizeof head,
             "--XyZ\r\nContent-Disposition: form-data; name=file; filename=%s\r\n\r\n1" CLOSE,
             name);
    refused(head, BAD_INPUT, "filename");
    name[255] = '\0';
    snprintf(head, sizeof head,
             "--XyZ\r\nContent-Disposition: form-data; name=file; filename=%s\r\n\r\n1" CLOSE,
             name);
    ck_assert_int_eq(feed(head, strlen(head), 0, 100), MULTIPART_END);
    ck_assert_str_eq(form.filename, name);
    /* a head that does not fit into the window */
    snprintf(head, sizeof head, "--XyZ\r\nA: ");
    memset(head + strlen(head), 'a', 1);
    for (size_t n = 10; n + 12 < sizeof head; n += 10)
        memcpy(head + n, "aaaa\r\nB: b", 11);
    refused(head, BAD_REQUEST, "");
}
END_TEST

static void names(const char *parameters, const char *filename)
{
    struct text t = {0};

    text_printf(&t, "--XyZ\r\nContent-Disposition: form-data; name=\"file\"; %s\r\n\r\n1" CLOSE,
                parameters);
    ck_assert_msg(feed(t.data, t.size, 0, 7) == MULTIPART_END, "%s: %s", parameters, form.why);
    ck_assert_str_eq(form.filename, filename);
    text_drop(&t);
}

START_TEST(filenames)
{
    names("filename=\"a b;c=d.txt\"", "a b;c=d.txt");
    names("filename=\"gr\303\274n \360\237\230\200.pdf\"", "gr\303\274n \360\237\230\200.pdf");
    names("filename=\"a\\\"b\\\\c\"", "a\"b\\c");
    names("filename=\"C:\\dir\\x.txt\"", "C:\\dir\\x.txt");
    names("filename=\"a%22b%41\"", "a\"b%41");
    names("filename=\"../../etc/passwd\"", "../../etc/passwd");
    names("filename=\"x\"; filename*=UTF-8''gr%C3%BCn", "gr\303\274n");
    names("filename*=utf-8'de'gr%c3%bcn", "gr\303\274n");
    names("filename=\"x\"; filename*=latin1''%FC", "x");
    names("FileName=\"x\"; other=\"y\";", "x");
}
END_TEST

START_TEST(content_types)
{
    static const char *const bad[] = {
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=\"\"",
        "multipart/form-data; boundary=\"a \"",
        "multipart/form-data; boundary=\"a\"b",
        "multipart/form-data; boundary=\"a\\\"b\"",
        "multipart/form-data; boundary=a; boundary=b",
        "multipart/form-data; boundary=a\303\274",
        "multipart/form-data; boundary="
        "12345678901234567890123456789012345678901234567890123456789012345678901",
    };

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_msg(multipart_init(&form, bad[i]) == BAD_REQUEST, "%s", bad[i]);
    ck_assert_int_eq(multipart_init(&form, NULL), UNSUPPORTED_TYPE);
    ck_assert_int_eq(multipart_init(&form, "application/json"), UNSUPPORTED_TYPE);
    ck_assert_int_eq(multipart_init(&form, "multipart/form-datax; boundary=a"), UNSUPPORTED_TYPE);
    ck_assert_int_eq(
        multipart_init(&form, "Multipart/Form-Data; charset=utf-8; BOUNDARY=\"a b:c/d\""), DONE);
    ck_assert_str_eq(form.delimiter, "\r\n--a b:c/d");
    ck_assert_int_eq(
        multipart_init(&form,
                       "multipart/form-data; boundary="
                       "1234567890123456789012345678901234567890123456789012345678901234567890"),
        DONE);
    ck_assert_uint_eq(form.delimiter_size, 74);
}
END_TEST

static void teardown(void)
{
    text_drop(&got);
}

int main(void)
{
    TCase *tests = tcase_create("multipart");

    tcase_add_checked_fixture(tests, NULL, teardown);
    tcase_add_test(tests, whole_forms);
    tcase_add_test(tests, lookalikes);
    tcase_add_test(tests, long_files);
    tcase_add_test(tests, cut_forms);
    tcase_add_test(tests, not_one_file);
    tcase_add_test(tests, bad_heads);
    tcase_add_test(tests, filenames);
    tcase_add_test(tests, content_types);
    return check_run("multipart", tests);
}
