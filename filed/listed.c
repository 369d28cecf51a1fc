/* What to do about a copy of ours that the provider lists. */
#include "filed/listed.h"

#include <string.h>

enum listed listed_compare(const struct listed_row *row, const char *id, int64_t try, int64_t bytes)
{
    if (!row->exists)
        return LISTED_ORPHAN;
    if (strcmp(row->provider_file_id, id) == 0)
        return strcmp(row->state, "present") == 0 ? LISTED_SEEN : LISTED_LEAVE;
    if (strcmp(row->state, "uploading") == 0 ||
        (strcmp(row->state, "deleting") == 0 && row->leased && !row->provider_file_id[0]))
        return try == row->try ? LISTED_LEAVE : LISTED_ORPHAN;
    if ((strcmp(row->state, "wanted") == 0 || strcmp(row->state, "failed") == 0) &&
        !row->provider_file_id[0] && try <= row->try && bytes == row->bytes)
        return LISTED_ADOPT;
    return LISTED_ORPHAN;
}
