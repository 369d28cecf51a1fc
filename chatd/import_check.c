/* What an exported conversation says, checked. */
#include "chatd/import_check.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chatd/import_scan.h"
#include "common/cleanup.h"
#include "common/json.h"
#include "proto/api.h"

void import_check_init(struct import_check *k)
{
    *k = (struct import_check){.leaf = -1, .newest_answer = -1};
}

void import_check_drop(struct import_check *k)
{
    free(k->above);
    k->above = NULL;
}

/* ---- values; each says what is wrong with it, or NULL ---- */

static const char *as_string(struct json_object *v, size_t min, size_t max, const char **ret)
{
    size_t n;

    if (!json_object_is_type(v, json_type_string))
        return "must be a string";
    *ret = json_object_get_string(v);
    n = (size_t)json_object_get_string_len(v);
    if (strlen(*ret) != n)
        return "holds a NUL character";
    return n < min ? "is too short" : n > max ? "is too long" : NULL;
}

static const char *as_integer(struct json_object *v, int64_t min, int64_t max, int64_t *ret)
{
    if (!json_object_is_type(v, json_type_int))
        return "must be an integer";
    *ret = json_object_get_int64(v);
    return *ret < min || *ret > max ? "is out of range" : NULL;
}

static const char *as_flag(struct json_object *v, bool *ret)
{
    if (!json_object_is_type(v, json_type_boolean))
        return "must be a boolean";
    *ret = json_object_get_boolean(v);
    return NULL;
}

static const char *as_number(struct json_object *v, double min, double max)
{
    double n;

    if (!json_object_is_type(v, json_type_int) && !json_object_is_type(v, json_type_double))
        return "must be a number";
    n = json_object_get_double(v);
    return n >= min && n <= max ? NULL : "is out of range";
}

static const char *as_one_of(struct json_object *v, const char *const *words, const char *why,
                             const char **ret)
{
    const char *wrong = as_string(v, 1, 64, ret);

    for (; !wrong && *words; words++)
        if (strcmp(*ret, *words) == 0)
            return NULL;
    return wrong ? wrong : why;
}

static int digits(const char *s, int n)
{
    int value = 0;

    for (int i = 0; i < n; i++) {
        if (s[i] < '0' || s[i] > '9')
            return -1;
        value = value * 10 + (s[i] - '0');
    }
    return value;
}

/* RFC 3339 in UTC: "2026-11-23T02:43:50.123456Z", from 1970 to 2999. */
static const char *as_time(struct json_object *v, const char **ret)
{
    static const char *const why = "must be a time as 2026-12-31T23:59:59.123456Z";
    static const int days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year, month, day;
    const char *t, *wrong = as_string(v, 20, 27, ret);

    if (wrong)
        return why;
    t = *ret;
    year = digits(t, 4);
    month = digits(t + 5, 2);
    day = digits(t + 8, 2);
    if (t[4] != '-' || t[7] != '-' || t[10] != 'T' || t[13] != ':' || t[16] != ':' || year < 1970 ||
        year > 2999 || month < 1 || month > 12 || day < 1 || day > days[month - 1])
        return why;
    if (month == 2 && day == 29 && (year % 4 || (year % 100 == 0 && year % 400)))
        return why;
    if (digits(t + 11, 2) < 0 || digits(t + 11, 2) > 23 || digits(t + 14, 2) < 0 ||
        digits(t + 14, 2) > 59 || digits(t + 17, 2) < 0 || digits(t + 17, 2) > 59)
        return why;
    t += 19;
    if (*t == '.') {
        size_t n = strspn(t + 1, "0123456789");
        if (n < 1 || n > 6)
            return why;
        t += 1 + n;
    }
    return strcmp(t, "Z") == 0 ? NULL : why;
}

static bool is_null(struct json_object *v)
{
    return v == NULL;
}

/* ---- errors ---- */

static int wrong(struct import_check *k, const char *field, const char *why)
{
    snprintf(k->field, sizeof k->field, "%s", field);
    k->why = why;
    return BAD_INPUT;
}

/* Of message n. */
static int wrong_in(struct import_check *k, int64_t n, const char *member, const char *why)
{
    snprintf(k->field, sizeof k->field, "messages[%" PRId64 "]%s%.40s", n, *member ? "." : "",
             member);
    k->why = why;
    return BAD_INPUT;
}

static int parse(struct import_check *k, const struct import_scan *s, struct json_object **ret)
{
    const char *why;
    int r = json_parse(s->value.size ? s->value.data : "", s->value.size, ret, &why);

    if (!r)
        return DONE;
    k->why = why;
    if (s->in_messages || s->state == IMPORT_AFTER_MESSAGE)
        snprintf(k->field, sizeof k->field, "messages[%" PRId64 "]", s->n);
    else
        snprintf(k->field, sizeof k->field, "%s", s->name);
    return r;
}

/* ---- what a message was made with ---- */

static const char *prompts_check(struct json_object *v)
{
    int64_t number;

    if (!json_object_is_type(v, json_type_array) || json_object_array_length(v) > 50)
        return "must be an array of at most 50 prompts";
    for (size_t i = 0; i < json_object_array_length(v); i++) {
        struct json_object *one = json_object_array_get_idx(v, i);
        if (!json_object_is_type(one, json_type_object) || json_object_object_length(one) != 2 ||
            as_integer(json_member(one, "id"), 0, INT64_MAX, &number) ||
            as_integer(json_member(one, "version"), 0, INT64_MAX, &number))
            return "must hold prompts as {\"id\", \"version\"}";
    }
    return NULL;
}

static const char *made_with_check(struct json_object *v)
{
    static const char *const counts[] = {"max_output_tokens", "input_tokens", "output_tokens",
                                         "dropped_messages", NULL};
    const char *why, *string;
    int64_t number;

    if (!json_object_is_type(v, json_type_object))
        return "must be an object";
    json_object_object_foreach(v, name, value)
    {
        bool known = false;
        for (int i = 0; counts[i]; i++)
            known |= strcmp(name, counts[i]) == 0;
        if (known)
            why = as_integer(value, 0, INT64_MAX, &number);
        else if (strcmp(name, "model") == 0 || strcmp(name, "finish_reason") == 0)
            why = as_string(value, 1, 120, &string);
        else if (strcmp(name, "temperature") == 0)
            why = as_number(value, 0, 2);
        else if (strcmp(name, "prompts") == 0)
            why = prompts_check(value);
        else
            why = "has a member that is not known";
        if (why)
            return why;
    }
    return NULL;
}

/* ---- messages ---- */

static const char *parent_check(const struct import_check *k, struct import_message *m,
                                struct json_object *v)
{
    const char *why;

    m->parent = -1;
    if (is_null(v))
        return NULL;
    why = as_integer(v, 0, INT64_MAX, &m->parent);
    if (why)
        return why;
    if (m->parent >= m->n)
        return "must be the place of a message before it";
    m->depth = k->above[m->parent] / 2 + 1;
    return NULL;
}

static const char *feedback_check(struct import_message *m, struct json_object *v)
{
    struct json_object *note;
    const char *why;

    if (is_null(v))
        return NULL;
    if (!json_object_is_type(v, json_type_object))
        return "must be an object";
    json_object_object_foreach(v, name, value)
    {
        (void)value;
        if (strcmp(name, "rating") != 0 && strcmp(name, "note") != 0)
            return "has a member that is not known";
    }
    why = as_integer(json_member(v, "rating"), -1, 1, &m->rating);
    if (why || m->rating == 0)
        return "must have a rating of 1 or -1";
    note = json_member(v, "note");
    return note && as_string(note, 1, 1000, &m->note) ? "must have a note of 1 to 1000 bytes"
                                                      : NULL;
}

static const char *file_check(struct json_object *v, const char **ret)
{
    const char *filename;
    int64_t bytes;

    if (!json_object_is_type(v, json_type_object) || json_object_object_length(v) != 3 ||
        as_string(json_member(v, "filename"), 1, 255, &filename) ||
        as_integer(json_member(v, "bytes"), 1, INT64_MAX, &bytes) ||
        as_string(json_member(v, "sha256"), 64, 64, ret) ||
        (*ret)[strspn(*ret, "0123456789abcdef")])
        return "must hold files as {\"filename\", \"sha256\", \"bytes\"}";
    return NULL;
}

static const char *files_check(struct import_message *m, struct json_object *v)
{
    const char *why = NULL;

    if (!json_object_is_type(v, json_type_array) || json_object_array_length(v) > MOVED_FILES_MAX)
        return "must be an array of at most 10 files";
    for (size_t i = 0; !why && i < json_object_array_length(v); i++)
        why = file_check(json_object_array_get_idx(v, i), &m->files[m->file_count++]);
    return why;
}

/* One member of a message; what several of them say together is looked at later. */
static const char *member_check(const struct import_check *k, struct import_message *m,
                                const char *name, struct json_object *v)
{
    static const char *const roles[] = {"user", "assistant", NULL};
    static const char *const statuses[] = {"complete", "pending",   "incomplete",
                                           "failed",   "cancelled", NULL};
    const char *why = NULL;

    if (strcmp(name, "parent") == 0)
        return parent_check(k, m, v);
    if (strcmp(name, "role") == 0)
        return as_one_of(v, roles, "must be user or assistant", &m->role);
    if (strcmp(name, "status") == 0)
        return as_one_of(v, statuses, "must be complete, pending, incomplete, failed or cancelled",
                         &m->status);
    if (strcmp(name, "content") == 0) {
        why = as_string(v, 0, MOVED_ANSWER_MAX, &m->content);
        m->content_size = why ? 0 : strlen(m->content);
        return why;
    }
    if (strcmp(name, "created_at") == 0)
        return as_time(v, &m->created_at);
    if (strcmp(name, "feedback") == 0)
        return feedback_check(m, v);
    if (strcmp(name, "files") == 0)
        return files_check(m, v);
    if (strcmp(name, "made_with") != 0)
        return "is not known";
    why = made_with_check(v);
    m->made_with = why ? NULL : json_object_to_json_string_ext(v, JSON_C_TO_STRING_PLAIN);
    return why;
}

/* What a user said stands first, or below an answer; an answer stands below something. */
static int whole_check(struct import_check *k, struct json_object *o, struct import_message *m)
{
    bool question;

    if (!m->role)
        return wrong_in(k, m->n, "role", "is missing");
    if (!m->content)
        return wrong_in(k, m->n, "content", "is missing");
    if (!json_object_object_get_ex(o, "parent", NULL))
        return wrong_in(k, m->n, "parent", "is missing");
    question = strcmp(m->role, "user") == 0;
    if (question && m->parent >= 0 && !(k->above[m->parent] & 1))
        return wrong_in(k, m->n, "parent", "must be an answer, or null");
    if (!question && m->parent < 0)
        return wrong_in(k, m->n, "parent", "must be the message that is answered");
    if (question && (m->content_size < 1 || m->content_size > MOVED_QUESTION_MAX))
        return wrong_in(k, m->n, "content", "must have 1 to 65536 bytes");
    if (!m->status)
        m->status = "complete";
    if (question && strcmp(m->status, "complete") != 0)
        return wrong_in(k, m->n, "status", "must be complete");
    if (strcmp(m->status, "pending") == 0)
        m->status = "incomplete"; /* nobody goes on with it */
    if (question && m->rating)
        return wrong_in(k, m->n, "feedback", "is for answers");
    if (question && m->made_with)
        return wrong_in(k, m->n, "made_with", "is for answers");
    return !question && m->file_count ? wrong_in(k, m->n, "files", "are for what a user said")
                                      : DONE;
}

static void message_note(struct import_check *k, const struct import_message *m)
{
    bool answer = strcmp(m->role, "assistant") == 0;

    if (m->n >= k->capacity) {
        k->capacity = k->capacity ? 2 * k->capacity : 256;
        k->above = realloc(k->above, (size_t)k->capacity * sizeof *k->above);
        if (!k->above)
            abort();
    }
    k->above[m->n] = (uint32_t)m->depth * 2 + answer;
    k->count = m->n + 1;
    if (answer)
        k->newest_answer = m->n;
}

int import_check_message(struct import_check *k, const struct import_scan *s,
                         int (*hand)(void *state, const struct import_message *m), void *state)
{
    cleanup(json_drop) struct json_object *o = NULL;
    struct import_message m = {.n = s->n, .parent = -1};
    int r = parse(k, s, &o);

    if (r)
        return r;
    if (!json_object_is_type(o, json_type_object))
        return wrong_in(k, m.n, "", "must be an object");
    json_object_object_foreach(o, name, value)
    {
        const char *why = member_check(k, &m, name, value);
        if (why)
            return wrong_in(k, m.n, name, why);
    }
    r = whole_check(k, o, &m);
    if (r)
        return r;
    message_note(k, &m);
    return hand(state, &m);
}

/* ---- the conversation ---- */

static const char *format_check(struct import_check *k, struct json_object *v)
{
    const char *format, *why = as_string(v, 1, 64, &format);

    k->has_format = true;
    return why || strcmp(format, MOVED_FORMAT) == 0 ? why : "must be " MOVED_FORMAT;
}

static const char *version_check(struct import_check *k, struct json_object *v)
{
    int64_t version;
    const char *why = as_integer(v, INT64_MIN, INT64_MAX, &version);

    k->has_version = true;
    return why || version == MOVED_VERSION ? why : "is not one that is known here";
}

static const char *title_check(struct import_check *k, struct json_object *v)
{
    const char *title, *why;

    if (is_null(v))
        return NULL;
    why = as_string(v, 1, sizeof k->title - 1, &title);
    k->has_title = !why;
    snprintf(k->title, sizeof k->title, "%s", why ? "" : title);
    return why;
}

static const char *created_check(struct import_check *k, struct json_object *v)
{
    const char *time, *why = as_time(v, &time);

    snprintf(k->created_at, sizeof k->created_at, "%s", why ? "" : time);
    return why;
}

static const char *updated_check(struct import_check *k, struct json_object *v)
{
    const char *time;

    (void)k;
    return as_time(v, &time);
}

static const char *pinned_check(struct import_check *k, struct json_object *v)
{
    return as_flag(v, &k->pinned);
}

static const char *archived_check(struct import_check *k, struct json_object *v)
{
    return as_flag(v, &k->archived);
}

static const char *messages_check(struct import_check *k, struct json_object *v)
{
    (void)k;
    (void)v;
    return "must be an array";
}

static const char *leaf_check(struct import_check *k, struct json_object *v)
{
    return is_null(v) ? NULL : as_integer(v, 0, MOVED_MESSAGES_MAX - 1, &k->leaf);
}

static const struct {
    const char *name;
    const char *(*check)(struct import_check *k, struct json_object *v);
} members[] = {
    {"format", format_check},      {"version", version_check},   {"title", title_check},
    {"pinned", pinned_check},      {"archived", archived_check}, {"created_at", created_check},
    {"updated_at", updated_check}, {"messages", messages_check}, {"active_leaf", leaf_check},
};

int import_check_member(struct import_check *k, const struct import_scan *s)
{
    cleanup(json_drop) struct json_object *v = NULL;
    int r = parse(k, s, &v);

    for (size_t i = 0; !r && i < sizeof members / sizeof *members; i++) {
        const char *why;
        if (strcmp(s->name, members[i].name) != 0)
            continue;
        if (k->seen & 1U << i) {
            wrong(k, s->name, "is given twice");
            return BAD_JSON;
        }
        k->seen |= 1U << i;
        why = members[i].check(k, v);
        return why ? wrong(k, s->name, why) : DONE;
    }
    return r ? r : wrong(k, s->name, "is not known");
}

int import_check_end(struct import_check *k)
{
    if (!k->has_format)
        return wrong(k, "format", "is missing");
    if (!k->has_version)
        return wrong(k, "version", "is missing");
    if (!k->count)
        return wrong(k, "messages", "must hold at least one message");
    if (k->leaf < 0)
        k->leaf = k->newest_answer;
    if (k->leaf < 0 || k->leaf >= k->count || !(k->above[k->leaf] & 1))
        return wrong(k, "active_leaf", "must be the place of an answer");
    return DONE;
}
