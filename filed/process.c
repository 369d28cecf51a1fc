/* filed from its start to its end. */
#include "filed/process.h"

#include <stdlib.h>
#include <string.h>

#include "common/conf.h"
#include "common/log.h"
#include "common/service.h"
#include "filed/copies.h"
#include "filed/exports.h"
#include "filed/filed.h"
#include "filed/limits.h"
#include "filed/mime.h"
#include "filed/project.h"
#include "filed/store.h"

void filed_reload(const struct conf *conf, void *state)
{
    struct filed *f = state;

    atomic_store(&f->storage_per_user, conf_i64(conf, SET_STORAGE_PER_USER));
}

int filed_start(struct daemon *daemon, void **ret_state)
{
    const struct conf *conf = daemon_conf(daemon);
    struct filed *f = calloc(1, sizeof *f);
    int r, removed;

    if (!f)
        abort();
    *ret_state = f;
    filed_reload(conf, f);
    f->no_copies = strcmp(conf_str(conf, SET_OPENAI_API), "chat_completions") == 0;
    f->access = project_access;
    f->mime = mime_new();
    r = store_open(conf_str(conf, SET_BLOB_DIR), daemon_instance(daemon),
                   conf_i64(conf, SET_MIN_FREE_BYTES), &f->store);
    if (r)
        return r;
    removed = store_incoming_clean(f->store, INCOMING_OLD_S);
    if (removed)
        log_line(LOG_LEVEL_NOTICE, "event=incoming_removed contents=%d", removed);
    r = copies_start(daemon, f->store, f->no_copies, &f->copies);
    return r ? r : exports_start(daemon, f->store, &f->exports);
}

void filed_drain(void *state)
{
    struct filed *f = state;

    exports_drop(&f->exports);
    copies_drop(&f->copies);
}

void filed_stop(void *state)
{
    struct filed *f = state;

    if (!f)
        return;
    exports_drop(&f->exports);
    copies_drop(&f->copies);
    store_drop(&f->store);
    mime_drop(&f->mime);
    free(f);
}
