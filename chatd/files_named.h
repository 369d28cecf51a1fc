#pragma once
/* Files of messages that are exported, and of those that are imported: what filed calls them. */
#include <stdbool.h>
#include <stdint.h>

struct call;
struct export_file;
struct files_named;
struct pg_result;

/* Looks up all files of the rows' column of ids.  DONE, or UNAVAILABLE. */
int files_name(struct call *c, int64_t project_id, const struct pg_result *rows, int column,
               struct files_named **ret) __attribute__((warn_unused_result));
/* The file; false when it was deleted.  Its strings live as long as named. */
bool files_named_find(const struct files_named *named, int64_t id, struct export_file *ret);
/* Accepts NULL. */
void files_named_drop(struct files_named **named);
