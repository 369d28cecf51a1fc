#pragma once
/* Daily token limits, checked before a turn is accepted. */
#include <stdint.h>

struct call;
struct conf;
struct context;

/*
 * Holds the tokens that a turn may cost against the limits that are set: input_tokens (the message
 * and its files), and the longest answer's (the project's max_output_tokens, else BUDGET_OUTPUT).
 * What was really used replaces it when the turn ends. DONE with *ret_reserved (0 when no limit is
 * set), or TOKENS_SPENT with the seconds until the day (UTC) ends.
 */
#define BUDGET_OUTPUT 4096
int budget_reserve(struct call *c, const struct conf *conf, const struct context *context,
                   int64_t input_tokens, int64_t *ret_reserved) __attribute__((warn_unused_result));
