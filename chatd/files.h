#pragma once
/*
 * Files of messages, as filed tells of them (file_use, file_text).
 *
 * A model whose dialect reads files by id is given those that filed calls "ready"; any other one is
 * given the content of texts of at most FILE_TEXT_MAX bytes, whatever their state at the provider.
 *
 * A message is accepted only with files that can be given to the model (files_attach).  Later, when
 * its turn begins or goes on elsewhere, and in every later turn of the branch, a file that cannot
 * be given any more is MODEL_FILE_ABSENT: the turn goes on without it, and the model is told.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct call;
struct ids;
struct model_file;
struct model_message;

struct json_object;

/* What filed tells of files (at most IDS_MAX): the reply of file_use, owned by the caller.  DONE,
 * or UNAVAILABLE: it does not answer within 5 s. */
int files_use(struct call *c, int64_t project_id, const struct ids *ids, struct json_object **ret)
    __attribute__((warn_unused_result));
/* What the reply tells of one; NULL: it was deleted. */
struct json_object *files_use_find(struct json_object *reply, int64_t id);

/* The new files of a message: MODEL_FILE_UNKNOWN, in the arena. */
struct model_file *files_new(struct arena *a, const struct ids *ids);

/*
 * Looks up the files that a message is sent with, and reads those that are given as text.
 * DONE; with field file_ids: NOT_FOUND (not in the project, or not the caller's), FILE_NOT_READY,
 * BAD_INPUT (this model cannot be given it); UNAVAILABLE: filed does not answer within 5 s.
 */
int files_attach(struct call *c, int64_t project_id, const struct ids *ids,
                 struct model_message *to) __attribute__((warn_unused_result));

/*
 * Looks up those files of a message and its history (oldest first) that are MODEL_FILE_UNKNOWN: at
 * most IDS_MAX in all, the newest; each only where it was attached last.  What is given as text has
 * no text yet.
 * DONE, or UNAVAILABLE.
 */
int files_look(struct call *c, int64_t project_id, struct model_message *message,
               struct model_message *history, size_t count) __attribute__((warn_unused_result));

/* Reads the texts that are missing; results as above. */
int files_read(struct call *c, int64_t project_id, struct model_message *message,
               struct model_message *history, size_t count) __attribute__((warn_unused_result));

/* The files that the model is given. */
void files_given(const struct model_message *message, const struct model_message *history,
                 size_t count, struct ids *ret);

/* Whether each of them is still ready at the provider.  DONE, or UNAVAILABLE. */
int files_ready(struct call *c, int64_t project_id, const struct ids *ids, bool *ret_ready)
    __attribute__((warn_unused_result));
