#pragma once
/* What each fuzz target gives to libFuzzer, and its own checks. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An invariant; libFuzzer keeps the input that breaks it. */
#define must(condition)                                                           \
    do {                                                                          \
        if (!(condition)) {                                                       \
            fprintf(stderr, "%s:%d: must(%s)\n", __FILE__, __LINE__, #condition); \
            __builtin_trap();                                                     \
        }                                                                         \
    } while (0)
