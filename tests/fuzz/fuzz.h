#pragma once
/* What each fuzz target gives to libFuzzer, and its own checks. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An invariant; libFuzzer keeps the input that breaks it. */
#define must(condition)                                                           \
    do {                                                                          \
        if (!(condition)) {                                                       \
            fprintf(stderr, "%s:%d: must(%s)\n", __FILE__, __LINE__, #condition); \
            __builtin_trap();                                                     \
        }                                                                         \
    } while (0)

/* The input behind its first byte as texts: up to a NUL, and *ret_other what lies behind that.  The
 * caller frees the first. */
static inline char *fuzz_texts(const uint8_t *data, size_t size, const char **ret_other)
{
    char *text = calloc(1, size + 1);

    must(text != NULL);
    memcpy(text, data + 1, size - 1);
    *ret_other = text + strlen(text) + (strlen(text) + 1 < size);
    return text;
}
