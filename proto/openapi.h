#pragma once
/* The OpenAPI 3.1 document of this build, made from the tables. */
#include <stddef.h>

/* The document as JSON, NUL-terminated; the caller frees it.  ret_size is without the NUL. */
char *openapi_text(size_t *ret_size);
