/* Prints the OpenAPI document of the build it came from. */
#include <stdio.h>
#include <stdlib.h>

#include "proto/openapi.h"

int main(void)
{
    size_t size;
    char *text = openapi_text(&size);
    int failed = fwrite(text, 1, size, stdout) != size || putchar('\n') == EOF || fflush(stdout);

    free(text);
    return failed ? 1 : 0;
}
