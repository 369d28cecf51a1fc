/* PHC strings: parameters, salt and hash of a password as one text. */
#include "authd/phc.h"

#include <stdio.h>
#include <string.h>

#include "common/digest.h"

#define BASE64_MAX (PHC_BYTES_MAX * 4 / 3 + 3)

/* Both base64 alphabets differ in two letters only. */
static void letters_swap(char *s, const char *from, const char *to)
{
    for (; *s; s++)
        if (*s == from[0] || *s == from[1])
            *s = *s == from[0] ? to[0] : to[1];
}

static void base64_write(const unsigned char *data, uint32_t size, char ret[BASE64_MAX])
{
    base64url_encode(data, size, ret);
    letters_swap(ret, "-_", "+/");
}

void phc_write(const struct phc *p, char ret[PHC_TEXT_MAX])
{
    char salt[BASE64_MAX], hash[BASE64_MAX];

    base64_write(p->salt, p->salt_size, salt);
    base64_write(p->hash, p->hash_size, hash);
    snprintf(ret, PHC_TEXT_MAX, "$argon2id$v=19$m=%u,t=%u,p=%u$%s$%s", p->memory_kib, p->passes,
             p->lanes, salt, hash);
}

static bool literal_read(const char **at, const char *literal)
{
    size_t n = strlen(literal);

    if (strncmp(*at, literal, n) != 0)
        return false;
    *at += n;
    return true;
}

/* A decimal number from 1 to max without leading zeros. */
static bool number_read(const char **at, uint32_t max, uint32_t *ret)
{
    uint64_t n = 0;

    if (**at < '1' || **at > '9')
        return false;
    for (; **at >= '0' && **at <= '9'; ++*at) {
        n = n * 10 + (uint64_t)(**at - '0');
        if (n > max)
            return false;
    }
    *ret = (uint32_t)n;
    return true;
}

/* letters: the two that this alphabet has in place of base64url's. */
static bool bytes_read(const char **at, const char *letters, unsigned char ret[PHC_BYTES_MAX],
                       uint32_t *ret_size)
{
    size_t n = strcspn(*at, "$");
    char text[BASE64_MAX];
    unsigned char bytes[BASE64_MAX];
    int size;

    if (n >= sizeof text || strcspn(*at, "-_") < n)
        return false;
    memcpy(text, *at, n);
    text[n] = '\0';
    letters_swap(text, letters, "-_");
    size = base64url_decode(text, n, bytes);
    if (size < PHC_BYTES_MIN || size > PHC_BYTES_MAX)
        return false;
    memcpy(ret, bytes, (size_t)size);
    *ret_size = (uint32_t)size;
    *at += n;
    return true;
}

bool phc_read(const char *text, struct phc *ret)
{
    return literal_read(&text, "$argon2id$v=19$m=") &&
           number_read(&text, PHC_MEMORY_MAX, &ret->memory_kib) && literal_read(&text, ",t=") &&
           number_read(&text, PHC_PASSES_MAX, &ret->passes) && literal_read(&text, ",p=") &&
           number_read(&text, PHC_LANES_MAX, &ret->lanes) && literal_read(&text, "$") &&
           bytes_read(&text, "+/", ret->salt, &ret->salt_size) && literal_read(&text, "$") &&
           bytes_read(&text, "+/", ret->hash, &ret->hash_size) && *text == '\0';
}

bool pbkdf2_read(const char *text, struct pbkdf2 *ret)
{
    uint32_t size;

    return literal_read(&text, "$pbkdf2-sha256$") &&
           number_read(&text, PBKDF2_ROUNDS_MAX, &ret->rounds) && literal_read(&text, "$") &&
           bytes_read(&text, "./", ret->salt, &ret->salt_size) && literal_read(&text, "$") &&
           bytes_read(&text, "./", ret->hash, &size) && size == PBKDF2_HASH_SIZE && *text == '\0';
}
