#pragma once
/*
 * The one error convention.  A function that can fail returns int:
 *     0   DONE
 *    >0   enum status: an answer for the caller, part of the function's contract
 *    <0   fault: our problem; already logged where it arose, only pass it up
 */
#include <stdbool.h>

#define FAULT(...) fault_at(__FILE__, __LINE__, __func__, __VA_ARGS__)

/* Logs one line at priority err, with the request id of the call that this thread serves. */
int fault_at(const char *file, int line, const char *func, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* Whether an errno tells of what is used up or broken now: starting again may help, other settings
 * do not. */
bool fault_may_pass(int error);
