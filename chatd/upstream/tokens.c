/* An estimate of tokens by kinds of characters, in 20ths of a token. */
#include "chatd/upstream/tokens.h"

#include <stdbool.h>

#define TOKEN       20
#define BYTES_MOST  4 /* in a token, on average */
#define WORD_LETTER 9 /* of a word, from its fourth letter on */
#define WORD_FREE   3
#define WORD_LONG   24 /* letters: longer ones are none */
#define LONG_LETTER 13
#define CAPITAL     12
#define PART        25 /* of a word: begins with a capital, or behind a digit */
#define MARK_MORE   14 /* behind another mark */
#define MARK_AGAIN  2
#define BLANK_OTHER 16
#define BLANK_AGAIN 1
#define IN_WORD_MAX 0x530 /* scripts whose letters make words with Latin ones */

enum kind { LOWER, UPPER, DIGIT, BLANK, MARK, OTHER, START };

/* Characters up to `last` cost so much each. */
struct block {
    uint32_t last;
    int cost;
};

static const struct block blocks[] = {
    {0xff, 20},      /* Latin-1 */
    {0x17f, 32},     /* Latin of Central Europe, Turkish, Vietnamese */
    {0x36f, 42},     /* phonetic, combining */
    {0x3ff, 24},     /* Greek */
    {0x40f, 18},     /* Cyrillic beyond Russian */
    {0x44f, 12},     /* Russian */
    {0x45f, 18},     /* Cyrillic beyond Russian */
    {0x52f, 40},     /* */
    {0x58f, 46},     /* Armenian */
    {0x5ff, 29},     /* Hebrew */
    {0x6ff, 22},     /* Arabic */
    {0x8ff, 40},     /* */
    {0x97f, 32},     /* Devanagari */
    {0xdff, 45},     /* of India */
    {0xe7f, 30},     /* Thai */
    {0x10ff, 45},    /* Lao to Georgian */
    {0x1dff, 60},    /* Hangul in parts, Ethiopic, Khmer and many more */
    {0x1eff, 33},    /* Vietnamese */
    {0x2010, 60},    /* ancient Greek, spaces, marks that are not seen */
    {0x2027, 40},    /* dashes, quotes, dots */
    {0x2fff, 60},    /* symbols */
    {0x30ff, 24},    /* Japanese */
    {0x4dff, 60},    /* */
    {0x9fff, 35},    /* Chinese */
    {0xabff, 60},    /* */
    {0xd7a3, 30},    /* Korean */
    {0xfeff, 60},    /* */
    {0xffef, 44},    /* wide and narrow forms */
    {0xffff, 60},    /* */
    {0x1d3ff, 80},   /* */
    {0x1d7ff, 64},   /* mathematical letters */
    {0x1efff, 80},   /* */
    {0x1ffff, 60},   /* emoji */
    {UINT32_MAX, 80} /* */
};

struct scan {
    int64_t cost;
    enum kind kind; /* of the last character */
    uint32_t last;
    int64_t run; /* letters, digits or blanks so far */
    const struct block *block;
};

static enum kind kind_of(uint32_t c)
{
    if (c >= 'a' && c <= 'z')
        return LOWER;
    if (c >= 'A' && c <= 'Z')
        return UPPER;
    if (c >= '0' && c <= '9')
        return DIGIT;
    if (c == ' ' || (c >= '\t' && c <= '\r'))
        return BLANK;
    return c < 0x80 ? MARK : OTHER;
}

static bool is_word(enum kind k)
{
    return k == LOWER || k == UPPER || k == OTHER;
}

static int lower(struct scan *s)
{
    if (is_word(s->kind)) {
        s->run++;
        return s->run > WORD_LONG ? LONG_LETTER : s->run > WORD_FREE ? WORD_LETTER : 0;
    }
    s->run = s->kind == DIGIT ? WORD_FREE : 1;
    return s->kind == DIGIT ? PART : TOKEN;
}

static int upper(struct scan *s)
{
    if (s->kind == UPPER)
        return ++s->run > WORD_LONG ? LONG_LETTER : CAPITAL;
    s->run = is_word(s->kind) || s->kind == DIGIT ? WORD_FREE : 1;
    return s->run == 1 ? TOKEN : PART;
}

static int digit(struct scan *s)
{
    s->run = s->kind == DIGIT ? s->run + 1 : 1;
    return s->run % 3 == 1 ? TOKEN : 0;
}

static int blank(struct scan *s, uint32_t c)
{
    s->run = s->kind == BLANK ? s->run + 1 : 1;
    if (s->run == 1)
        return 0;
    return c == s->last ? BLANK_AGAIN : BLANK_OTHER;
}

/* A single space belongs to what follows, unless that is a number. */
static int blanks_end(const struct scan *s, enum kind next)
{
    if (s->run > 1)
        return next == DIGIT ? 2 * TOKEN : TOKEN;
    return s->last == ' ' && next != DIGIT && next != START ? 0 : TOKEN;
}

static int mark(const struct scan *s, uint32_t c)
{
    if (c < ' ' || c == 0x7f)
        return 2 * TOKEN;
    if (s->kind != MARK)
        return TOKEN;
    return c == s->last ? MARK_AGAIN : MARK_MORE;
}

static int other(struct scan *s, uint32_t c)
{
    bool first = !is_word(s->kind);

    if (c > s->block->last || (s->block > blocks && c <= s->block[-1].last))
        for (s->block = blocks; c > s->block->last;)
            s->block++;
    s->run = first ? 1 : s->run + 1;
    return s->block->cost + (first && c < IN_WORD_MAX ? TOKEN / 2 : 0);
}

static void character(struct scan *s, uint32_t c)
{
    enum kind kind = kind_of(c);

    if (s->kind == BLANK && kind != BLANK)
        s->cost += blanks_end(s, kind);
    switch (kind) {
    case LOWER:
        s->cost += lower(s);
        break;
    case UPPER:
        s->cost += upper(s);
        break;
    case DIGIT:
        s->cost += digit(s);
        break;
    case BLANK:
        s->cost += blank(s, c);
        break;
    case MARK:
        s->cost += mark(s, c);
        break;
    case OTHER:
    case START:
        s->cost += other(s, c);
        break;
    }
    s->kind = kind;
    s->last = c;
}

/* Bytes of the character that begins with b; what is no UTF-8 passes as something dear. */
static size_t length_of(unsigned char b)
{
    return b < 0xc0 ? 1 : b < 0xe0 ? 2 : b < 0xf0 ? 3 : 4;
}

int64_t tokens_estimate(const char *text, size_t size)
{
    struct scan s = {.kind = START, .block = blocks};
    int64_t least = (int64_t)((size + BYTES_MOST - 1) / BYTES_MOST), tokens;

    for (size_t i = 0; i < size;) {
        unsigned char b = (unsigned char)text[i];
        size_t n = length_of(b);
        uint32_t c = n == 1 ? b : b & (0x7fu >> n);
        for (size_t k = 1; k < n && i + k < size; k++)
            c = c << 6 | ((unsigned char)text[i + k] & 0x3f);
        character(&s, c);
        i += n;
    }
    if (s.kind == BLANK)
        s.cost += blanks_end(&s, START);
    tokens = (s.cost + TOKEN - 1) / TOKEN;
    return tokens < least ? least : tokens > (int64_t)size ? (int64_t)size : tokens;
}
