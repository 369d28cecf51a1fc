/* What filed calls the files of a page of messages. */
#include "chatd/files_named.h"

#include <json-c/json.h>
#include <stdlib.h>

#include "chatd/export.h"
#include "chatd/files.h"
#include "common/call.h"
#include "common/cleanup.h"
#include "common/db.h"
#include "common/json.h"

#define REPLIES_MAX 64 /* of IDS_MAX files each: more than a page has */

struct files_named {
    struct json_object *replies[REPLIES_MAX];
    int count;
};

void files_named_drop(struct files_named **named)
{
    if (!*named)
        return;
    for (int i = 0; i < (*named)->count; i++)
        json_drop(&(*named)->replies[i]);
    free(*named);
    *named = NULL;
}

static struct json_object *find(const struct files_named *named, int64_t id)
{
    struct json_object *file = NULL;

    for (int i = 0; i < named->count && !file; i++)
        file = files_use_find(named->replies[i], id);
    return file;
}

bool files_named_find(const struct files_named *named, int64_t id, struct export_file *ret)
{
    struct json_object *file = find(named, id);

    *ret = (struct export_file){.filename = json_str(file, "filename", NULL),
                                .sha256 = json_str(file, "sha256", NULL),
                                .bytes = json_i64(file, "bytes", 0)};
    return ret->filename && ret->sha256;
}

static int ask(struct call *c, int64_t project_id, struct ids *ids, struct files_named *named)
{
    int r = files_use(c, project_id, ids, &named->replies[named->count]);

    named->count += !r;
    ids->count = 0;
    return r;
}

static bool is_listed(const struct ids *ids, int64_t id)
{
    for (size_t i = 0; i < ids->count; i++)
        if (ids->list[i] == id)
            return true;
    return false;
}

int files_name(struct call *c, int64_t project_id, const struct pg_result *rows, int column,
               struct files_named **ret)
{
    struct files_named *named = *ret = calloc(1, sizeof *named);
    struct ids next = {0}, ids;
    int r = DONE;

    if (!named)
        abort();
    for (int row = 0; row < rows_count(rows); row++) {
        rows_ids(rows, row, column, &ids);
        for (size_t i = 0; i < ids.count && !r; i++) {
            if (is_listed(&next, ids.list[i]) || find(named, ids.list[i]))
                continue;
            next.list[next.count++] = ids.list[i];
            if (next.count == IDS_MAX && named->count < REPLIES_MAX)
                r = ask(c, project_id, &next, named);
        }
    }
    return !r && next.count && named->count < REPLIES_MAX ? ask(c, project_id, &next, named) : r;
}
