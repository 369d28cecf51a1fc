#pragma once
/* The broker's thread: starts and ends with the broker. */
#include <stdbool.h>

struct broker;

/* Whether the calling thread is the broker's. */
bool loop_is_here(const struct broker *b);

/* DONE or a fault. */
int loop_start(struct broker *b) __attribute__((warn_unused_result));
/* Answers what waits, lets the other threads leave, ends the thread if it was started. */
void loop_end(struct broker *b);
