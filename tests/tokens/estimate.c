/* Estimates texts: each ends with a NUL on standard input, its tokens are a line. */
#include <inttypes.h>
#include <stdio.h>

#include "chatd/upstream/tokens.h"
#include "common/cleanup.h"
#include "common/text.h"

int main(void)
{
    cleanup(text_drop) struct text one = {0};
    int c;

    while ((c = getchar()) != EOF) {
        if (c) {
            text_putc(&one, (char)c);
            continue;
        }
        printf("%" PRId64 "\n", tokens_estimate(one.size ? one.data : "", one.size));
        text_clear(&one);
    }
    return 0;
}
