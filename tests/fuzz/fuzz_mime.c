/* The type of an uploaded content: whatever it holds, a media type that we can store and send. */
#include <string.h>

#include "filed/mime.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct mime *mime;
    char type[MIME_MAX], again[MIME_MAX];
    const char *slash;

    if (!mime)
        mime = mime_new();
    mime_find(mime, data, size, type);
    must(strlen(type) < MIME_MAX && type[0]);
    slash = strchr(type, '/');
    must(slash && slash > type && slash[1] && !strchr(slash + 1, '/'));
    for (const char *c = type; *c; c++)
        must(*c > ' ' && *c < 0x7f && !strchr(";,\"<>()\\", *c));
    mime_find(mime, data, size, again);
    must(strcmp(type, again) == 0);
    return 0;
}
