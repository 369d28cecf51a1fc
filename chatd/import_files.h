#pragma once
/* Files that an imported message was sent with: those of the project with the same content. */
#include <stdint.h>

struct call;
struct ids;
struct import_files;
struct import_message;

#define IMPORT_FILES_MAX 1000 /* different contents in one imported conversation */

struct import_files *import_files_new(void);
void import_files_drop(struct import_files **f);

/* The files of one message that are in the project; others are left out.
 * DONE; BAD_INPUT: too many (refused); UNAVAILABLE: filed does not answer. */
int import_files_find(struct import_files *f, struct call *c, int64_t project_id,
                      const struct import_message *m, struct ids *ret)
    __attribute__((warn_unused_result));
