#pragma once
/* Files: what was uploaded; at most FILE_MAX, the oldest goes first. */
#include <stdbool.h>
#include <stddef.h>

enum { FILE_MAX = 4096 };

struct file;

/* NULL when there is none of that id (or it was deleted). */
const struct file *file_find(const char *id);
const char *file_name(const struct file *file);
unsigned file_count(void);
void files_reset(void);
