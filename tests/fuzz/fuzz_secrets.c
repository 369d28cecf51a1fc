/*
 * Secrets and small texts that people give to authd, the first byte picks which: refresh tokens,
 * what is sealed, recovery codes, codes of an app, language tags.
 */
#include <string.h>

#include "authd/language.h"
#include "authd/recovery_code.h"
#include "authd/refresh_token.h"
#include "authd/sealing.h"
#include "authd/totp.h"
#include "common/cleanup.h"
#include "tests/fuzz/fuzz.h"

#define NOW INT64_C(1800000000)

static void refresh_try(const char *text, const char *sealed)
{
    cleanup(refresh_token_drop) struct refresh_token t = {0}, next = {0}, opened = {0};
    char good[2 * REFRESH_SEALED + 1];

    if (!refresh_token_read(text, &t))
        return;
    must(strcmp(t.text, text) == 0 && strlen(text) == REFRESH_SIZE - 1);
    must(!refresh_token_open(&t, sealed, &opened)); /* nobody can seal that */
    refresh_token_next(&t, &next);
    must(strcmp(next.family_hash, t.family_hash) == 0 && strcmp(next.hash, t.hash) != 0);
    refresh_token_seal(&t, &next, good);
    must(refresh_token_open(&t, good, &opened) && strcmp(opened.text, next.text) == 0);
}

static void sealed_try(const char *bound, const unsigned char *sealed, size_t size)
{
    static const unsigned char key[SEAL_KEY_SIZE] = "a key of thirty-two bytes.......";
    unsigned char *room = malloc(size + 1);

    must(room != NULL);
    must(!seal_open(key, bound, sealed, size, room));
    free(room);
}

static void recovery_try(const char *text)
{
    char hash[RECOVERY_HEX_SIZE];

    if (recovery_code_hash(text, hash))
        must(strlen(hash) == RECOVERY_HEX_SIZE - 1 && strlen(text) >= 16);
}

static void totp_try(const char *text)
{
    static const struct totp_secret secret = {"twenty bytes of key."};
    char code[TOTP_DIGITS + 1];
    int64_t step = 0;

    if (!totp_matches(&secret, text, NOW, &step))
        return;
    totp_code(&secret, step, code);
    must(strcmp(code, text) == 0 && step >= NOW / TOTP_STEP_S - 1 && step <= NOW / TOTP_STEP_S + 1);
}

static void language_try(const char *text)
{
    if (language_is_tag(text))
        must(strlen(text) >= 2 && !strstr(text, "--") && text[strlen(text) - 1] != '-');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cleanup(free_drop) char *text = NULL;
    const char *other;

    if (size < 1 || size > 1024)
        return 0;
    text = fuzz_texts(data, size, &other);
    switch (data[0] % 5) {
    case 0:
        refresh_try(text, other);
        break;
    case 1:
        sealed_try("bound", data + 1, size - 1);
        break;
    case 2:
        recovery_try(text);
        break;
    case 3:
        totp_try(text);
        break;
    default:
        language_try(text);
        break;
    }
    return 0;
}
