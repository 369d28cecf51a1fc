/* Forms: the first byte says how they come in pieces, a form in one piece must mean the same. */
#include <string.h>

#include "common/json.h"
#include "common/text.h"
#include "gateway/multipart.h"
#include "proto/api.h"
#include "tests/fuzz/fuzz.h"

struct outcome {
    enum multipart_got end;
    struct text file;
    char filename[MULTIPART_FILENAME + 1];
    int status;
};

static void read_form(const char *data, size_t size, size_t step, struct outcome *ret)
{
    static struct multipart form;
    size_t at = 0;

    must(multipart_init(&form, "multipart/form-data; boundary=b") == DONE);
    text_clear(&ret->file);
    for (;;) {
        const char *bytes = NULL;
        size_t n = 0, room;
        char *to;
        switch (ret->end = multipart_next(&form, &bytes, &n)) {
        case MULTIPART_MORE:
            to = multipart_room(&form, &room);
            must(room > 0);
            n = size - at < step ? size - at : step;
            n = n < room ? n : room;
            if (n) {
                memcpy(to, data + at, n);
                multipart_filled(&form, n);
            } else {
                multipart_ended(&form);
            }
            at += n;
            break;
        case MULTIPART_FILE:
            must(form.has_file && form.filename[0]);
            must(utf8_check(form.filename, strlen(form.filename)));
            break;
        case MULTIPART_DATA:
            must(n > 0 && bytes >= form.window && bytes + n <= form.window + sizeof form.window);
            text_add(&ret->file, bytes, n);
            break;
        case MULTIPART_END:
            must(at == size);
            memcpy(ret->filename, form.filename, sizeof ret->filename);
            return;
        case MULTIPART_BAD:
            must(form.status > 0 && form.why);
            ret->status = form.status;
            return;
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct outcome pieces, whole;
    const char *types = "multipart/form-data;";
    static struct multipart form;
    char type[300];

    if (size < 1)
        return 0;
    read_form((const char *)data + 1, size - 1, (data[0] & 63) + 1, &pieces);
    read_form((const char *)data + 1, size - 1, size, &whole);
    must(pieces.end == whole.end);
    if (whole.end == MULTIPART_END) {
        must(pieces.file.size == whole.file.size);
        must(!whole.file.size || !memcmp(pieces.file.data, whole.file.data, whole.file.size));
        must(!strcmp(pieces.filename, whole.filename));
    } else {
        must(pieces.status == whole.status);
    }
    /* the same bytes as a Content-Type's parameters */
    size = size < sizeof type - 32 ? size : sizeof type - 32;
    memcpy(type, types, strlen(types) + 1);
    memcpy(type + strlen(types), data, size);
    type[strlen(types) + size] = '\0';
    if (multipart_init(&form, type) == DONE)
        must(form.delimiter_size >= 5 && form.delimiter_size <= MULTIPART_BOUNDARY + 4);
    return 0;
}
