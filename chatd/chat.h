#pragma once
/* What POST /chat finds out before its transaction: struct call's prepared. */
#include "chatd/upstream/model_input.h"

struct context;

struct chat_prepared {
    const struct context *context;
    struct model_message message; /* with its files */
};
