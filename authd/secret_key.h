#pragma once
/* SECRET_KEY: from its setting, else from a file, which the first start makes. */
#include <stdbool.h>

#define SECRET_KEY_MIN 32 /* characters */
#define SECRET_KEY_MAX 512

struct secret_key {
    char text[SECRET_KEY_MAX + 1];
};

/* For cleanup(): wipes it. */
void secret_key_drop(struct secret_key *s);

/*
 * given: the setting, "" if unset.  path: the file to use then, "" if unset.
 * may_create: whether a missing file is made: 256 random bits, mode 0600, on the disk before this
 * returns; two processes that start at once end up with the same one.
 * DONE or a fault whose log line says what to do: nothing set, a file that others can read, that is
 * too short, or missing.
 */
int secret_key_load(const char *given, const char *path, bool may_create, struct secret_key *ret)
    __attribute__((warn_unused_result));
