#pragma once
/* What to do about a copy of ours that the provider lists.  Pure. */
#include <stdbool.h>
#include <stdint.h>

enum listed {
    LISTED_LEAVE, /* it is being worked on */
    LISTED_SEEN,  /* as it should be */
    LISTED_ADOPT, /* an upload whose answer was lost: it is the copy */
    LISTED_ORPHAN /* nobody's: delete it */
};

/* The row of table copy that it is compared with: the one with its id, else the file's. */
struct listed_row {
    bool exists;
    const char *state, *provider_file_id; /* "": not known */
    int64_t try, bytes;                   /* of the file; -1: the file is gone */
    bool leased;
};

enum listed listed_compare(const struct listed_row *row, const char *id, int64_t try,
                           int64_t bytes);
