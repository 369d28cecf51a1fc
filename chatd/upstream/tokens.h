#pragma once
/* How many tokens a text costs at a model, without the model's tokenizer.  Pure. */
#include <stddef.h>
#include <stdint.h>

/*
 * Tokens that `size` bytes of UTF-8 cost, rather too many: models cut text differently, and what is
 * too low here is more than a budget allows there.  O(size), no memory; never less than a quarter
 * of the bytes, never more than all of them.
 *
 * It walks over the text as the tokenizers' own first cut does (words, digits by three, blanks,
 * marks) and charges for each kind of character what both OpenAI's o200k and its older cl100k need
 * for it, whichever needs more.  tests/tokens/ holds it against the ranks of both: it was at or
 * above them for every sample of 60 languages, codes and tables.  How much above, of what cl100k
 * says: numbers, base64 and other noise 1.0-1.1; prose in English and German 1.3-1.6, in other
 * alphabets 1.0-1.5; Chinese, Japanese, Korean 1.1-1.6; source code, JSON, mark-up 1.2-1.8; long
 * lines and blanks more, as they are a quarter of their bytes.  o200k needs less for what is not
 * Latin: there it is 1.5-2 times of Chinese, and 2.5-5 of Arabic, Hindi, Greek and the like.
 */
int64_t tokens_estimate(const char *text, size_t size);
