/* Imported conversations: the first byte says in which pieces they come; in one piece they must
 * mean the same, and what is taken keeps the rules that others rely on. */
#include <string.h>

#include "chatd/import_check.h"
#include "chatd/import_scan.h"
#include "common/digest.h"
#include "common/json.h"
#include "proto/api.h"
#include "tests/fuzz/fuzz.h"

struct outcome {
    int status;
    int64_t messages, leaf;
    struct text said; /* all that was handed over */
    char field[96];
};

static int hand(void *state, const struct import_message *m)
{
    struct outcome *o = state;
    bool answer = strcmp(m->role, "assistant") == 0;

    must(m->n == o->messages);
    must(m->parent < m->n && (m->parent >= 0 || !answer));
    must(m->depth >= 0 && m->depth <= m->n && (m->parent >= 0) == (m->depth > 0));
    must(answer || strcmp(m->role, "user") == 0);
    must(strcmp(m->status, "pending") != 0 && (answer || strcmp(m->status, "complete") == 0));
    must(strlen(m->content) == m->content_size && utf8_check(m->content, m->content_size));
    must(m->content_size <= (answer ? MOVED_ANSWER_MAX : MOVED_QUESTION_MAX));
    must(answer || m->content_size);
    must(m->rating >= -1 && m->rating <= 1 && (answer || !m->rating) && (m->rating || !m->note));
    must(!m->note || strlen(m->note) <= 1000);
    must(m->file_count <= MOVED_FILES_MAX && (!answer || !m->file_count));
    must(!m->created_at || (m->created_at[10] == 'T' && strlen(m->created_at) <= 27));
    if (m->made_with) {
        const char *why;
        must(json_check(m->made_with, strlen(m->made_with), &why));
    }
    o->messages++;
    text_printf(&o->said, "%lld %s %s ", (long long)m->parent, m->role, m->status);
    text_add(&o->said, m->content, m->content_size);
    return DONE;
}

static int read_all(const char *data, size_t size, size_t step, struct import_scan *s,
                    struct import_check *k, struct outcome *ret)
{
    size_t at = 0;
    int r = DONE;

    while (!r) {
        size_t n = size - at < step ? size - at : step;
        switch (import_scan_next(s)) {
        case IMPORT_MORE:
            if (n)
                import_scan_feed(s, data + at, n);
            else
                import_scan_ended(s);
            at += n;
            break;
        case IMPORT_MEMBER:
            r = import_check_member(k, s);
            break;
        case IMPORT_MESSAGE:
            r = import_check_message(k, s, hand, ret);
            break;
        case IMPORT_END:
            return import_check_end(k);
        case IMPORT_BAD:
            must((s->status == BAD_JSON || s->status == BAD_INPUT) && s->why);
            memcpy(ret->field, s->field, sizeof s->field);
            return s->status;
        }
    }
    return r;
}

static void read_file(const char *data, size_t size, size_t step, struct outcome *ret)
{
    struct import_scan s;
    struct import_check k;

    import_scan_init(&s);
    import_check_init(&k);
    text_clear(&ret->said);
    ret->messages = 0;
    ret->field[0] = '\0';
    ret->status = read_all(data, size, step ? step : 1, &s, &k, ret);
    must(ret->status == DONE || ret->status == BAD_INPUT || ret->status == BAD_JSON);
    if (k.field[0])
        memcpy(ret->field, k.field, sizeof ret->field);
    if (ret->status == DONE) {
        must(ret->messages > 0 && ret->messages == k.count);
        must(k.leaf >= 0 && k.leaf < k.count);
        must(strlen(k.title) <= 120 && utf8_check(k.title, strlen(k.title)));
    }
    ret->leaf = k.leaf;
    import_scan_drop(&s);
    import_check_drop(&k);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct outcome pieces, whole;

    if (size < 1)
        return 0;
    read_file((const char *)data + 1, size - 1, (data[0] & 63) + 1, &pieces);
    read_file((const char *)data + 1, size - 1, size, &whole);
    must(pieces.status == whole.status && pieces.messages == whole.messages);
    must(pieces.leaf == whole.leaf);
    must(pieces.said.size == whole.said.size);
    must(!whole.said.size || !memcmp(pieces.said.data, whole.said.data, whole.said.size));
    must(strcmp(pieces.field, whole.field) == 0);
    if (whole.status == DONE) { /* then it is JSON */
        const char *why = NULL;
        must(json_check((const char *)data + 1, size - 1, &why) ||
             strcmp(why, "too many elements") == 0 || strcmp(why, "nested too deep") == 0);
    }
    return 0;
}
