#pragma once
/* What each fuzz target gives to libFuzzer, and its own checks. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An invariant; libFuzzer keeps the input that breaks it. */
#define must(condition)       \
    do {                      \
        if (!(condition))     \
            __builtin_trap(); \
    } while (0)
