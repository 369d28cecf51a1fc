/* What accounts are made of: the first byte picks address or hash, the rest is its text. */
#include <string.h>

#include "authd/address.h"
#include "authd/phc.h"
#include "common/cleanup.h"
#include "common/json.h"
#include "tests/fuzz/fuzz.h"

static void address(const char *text)
{
    char key[ADDRESS_MAX + 1], again[ADDRESS_MAX + 1];
    const char *why = address_check(text);

    address_key(text, key);
    address_key(key, again);
    must(strcmp(key, again) == 0);
    if (why)
        return;
    must(strlen(text) <= ADDRESS_MAX && strlen(key) == strlen(text));
    must(utf8_check(text, strlen(text)) && strchr(text, '@') == strrchr(text, '@'));
    must(!address_check(key)); /* the compared form is an address, too */
}

static void hash(const char *text)
{
    char written[PHC_TEXT_MAX];
    struct phc p, q;

    if (!phc_read(text, &p))
        return;
    phc_write(&p, written);
    must(strcmp(written, text) == 0); /* there is one spelling only */
    must(phc_read(written, &q));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cleanup(free_drop) char *text = size ? strndup((const char *)data + 1, size - 1) : NULL;

    if (!text)
        return 0;
    if (data[0] & 1)
        address(text);
    else
        hash(text);
    return 0;
}
