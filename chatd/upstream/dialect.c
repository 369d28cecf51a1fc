/* The dialects by name, and what they share. */
#include "chatd/upstream/dialect.h"

#include <string.h>

#include "common/json.h"

void answer_reset(struct answer *a)
{
    struct text message = a->message;

    text_clear(&message);
    *a = (struct answer){.usage = {-1, -1, -1}, .sequence = -1, .message = message};
}

void answer_drop(struct answer *a)
{
    text_drop(&a->message);
}

void answer_copy(char *ret, size_t capacity, const char *s)
{
    size_t n = strnlen(s, capacity - 1);

    memcpy(ret, s, n);
    ret[n] = '\0';
}

void answer_error(struct answer *a, struct json_object *error)
{
    const char *code = json_str(error, "code", NULL), *message = json_str(error, "message", "");

    answer_copy(a->code, sizeof a->code, code ? code : json_str(error, "type", ""));
    text_clear(&a->message);
    text_add(&a->message, message, strnlen(message, ANSWER_MESSAGE_MAX));
}

const struct dialect *dialect_named(const char *name)
{
    static const struct dialect *const all[] = {&dialect_responses, &dialect_completions};

    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (strcmp(all[i]->name, name) == 0)
            return all[i];
    return NULL;
}
