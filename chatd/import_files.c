/* Asks filed once for each content that imported messages were sent with. */
#include "chatd/import_files.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chatd/import_check.h"
#include "common/call.h"
#include "common/cleanup.h"
#include "common/fault.h"
#include "common/json.h"

struct known {
    char sha256[65];
    int64_t id; /* 0: there is none */
};

struct import_files {
    int count;
    struct known list[IMPORT_FILES_MAX];
};

struct import_files *import_files_new(void)
{
    struct import_files *f = malloc(sizeof *f);

    if (!f)
        abort();
    f->count = 0;
    return f;
}

void import_files_drop(struct import_files **f)
{
    free(*f);
    *f = NULL;
}

static int ask(struct call *c, int64_t project_id, const char *sha256, int64_t *ret)
{
    cleanup(json_drop) struct json_object *o = NULL;
    char data[128], number[24];
    struct params params = {.data = data, .capacity = sizeof data};
    const char *reply, *why;
    size_t size;
    int r;

    snprintf(number, sizeof number, "%" PRId64, project_id);
    params_add(&params, "project_id", number, strlen(number));
    params_add(&params, "sha256", sha256, strlen(sha256));
    r = call_peer(c, OP_file_by_content, &params, &reply, &size);
    *ret = 0;
    if (r == NOT_FOUND)
        return DONE;
    if (!r && json_parse(reply, size, &o, &why))
        return FAULT("file_by_content: %s", why);
    *ret = json_i64(o, "id", 0);
    return r;
}

static int find(struct import_files *f, struct call *c, int64_t project_id,
                const struct import_message *m, size_t which, int64_t *ret)
{
    const char *sha256 = m->files[which];
    int r;

    for (int i = 0; i < f->count; i++) {
        if (strcmp(f->list[i].sha256, sha256) == 0) {
            *ret = f->list[i].id;
            return DONE;
        }
    }
    if (f->count == IMPORT_FILES_MAX) {
        char field[48];
        snprintf(field, sizeof field, "messages[%" PRId64 "].files", m->n);
        return refuse(c, BAD_INPUT, field, "%s: a conversation has at most %d different files",
                      field, IMPORT_FILES_MAX);
    }
    r = ask(c, project_id, sha256, ret);
    if (!r) {
        snprintf(f->list[f->count].sha256, sizeof f->list->sha256, "%s", sha256);
        f->list[f->count++].id = *ret;
    }
    return r;
}

int import_files_find(struct import_files *f, struct call *c, int64_t project_id,
                      const struct import_message *m, struct ids *ret)
{
    int r = DONE;

    for (size_t i = 0; i < m->file_count && !r; i++) {
        int64_t id = 0;
        bool listed = false;
        r = find(f, c, project_id, m, i, &id);
        for (size_t k = 0; k < ret->count; k++)
            listed |= ret->list[k] == id;
        if (id && !listed)
            ret->list[ret->count++] = id;
    }
    return r;
}
