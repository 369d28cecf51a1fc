#pragma once
/* Names of what authd counts, from meters.def. */
#include "common/meters.h"

enum {
    METERS_BEGIN = RUNTIME_METERS - 1,
#define METER(name, ...) M_##name,
#include "authd/meters.def"
};
