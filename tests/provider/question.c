/* The question: decodes request bodies of the Responses API and of chat completions. */
#include "question.h"

#include <json-c/json.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "buffer.h"
#include "files.h"
#include "reply.h"
#include "text.h"

enum { JSON_DEPTH = 32, TEXT_KEEP = 4 << 20 };

/* What is gathered while messages are read. */
struct gather {
    struct question *q;
    struct buffer last, system, files;
    const char *bad_file;
};

static int refuse(struct api_error *error, const char *code, const char *param, const char *message)
{
    *error = (struct api_error){.status = 400,
                                .type = "invalid_request_error",
                                .code = code,
                                .param = param,
                                .message = message};
    return -1;
}

static struct json_object *member(struct json_object *json, const char *key)
{
    struct json_object *value = NULL;

    if (json_object_is_type(json, json_type_object))
        json_object_object_get_ex(json, key, &value);
    return value;
}

static const char *member_text(struct json_object *json, const char *key)
{
    struct json_object *value = member(json, key);

    return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : NULL;
}

static char *copy(const char *text)
{
    char *made = strdup(text);

    if (!made)
        abort();
    return made;
}

static void gather_text(struct gather *g, struct buffer *into, const char *text, size_t length)
{
    g->q->input_bytes += length;
    if (!into || buffer_length(into) + length > TEXT_KEEP)
        return;
    if (buffer_length(into))
        buffer_text(into, "\n");
    buffer_add(into, text, length);
}

/* By its extension, as OpenAI goes by it. */
static bool is_image(const char *name)
{
    static const char *const images[] = {".png", ".jpg", ".jpeg", ".webp", ".gif"};
    const char *dot = strrchr(name, '.');

    for (size_t i = 0; dot && i < sizeof images / sizeof *images; i++)
        if (!strcasecmp(dot, images[i]))
            return true;
    return false;
}

/* input_file and input_image of the Responses API; {"file": {...}} of chat completions is unpacked
 * before. */
static void gather_file(struct gather *g, struct json_object *part, bool image)
{
    const char *id = member_text(part, "file_id");
    const char *name = member_text(part, "filename");
    const struct file *file = id ? file_find(id) : NULL;

    if (id && !file)
        g->bad_file = "No such File object.";
    if (file)
        name = file_name(file);
    if (file && is_image(name) != image)
        g->bad_file = image ? "Invalid image." : "Expected a file, but got an image.";
    if (buffer_length(&g->files))
        buffer_text(&g->files, ", ");
    buffer_text(&g->files, name ? name : "file");
}

static void gather_part(struct gather *g, struct buffer *into, struct json_object *part)
{
    const char *type = member_text(part, "type");
    struct json_object *text = member(part, "text");

    if (json_object_is_type(text, json_type_string))
        gather_text(g, into, json_object_get_string(text),
                    (size_t)json_object_get_string_len(text));
    else if (type && !strcmp(type, "input_file"))
        gather_file(g, part, false);
    else if (type && !strcmp(type, "input_image"))
        gather_file(g, part, true);
    else if (type && !strcmp(type, "file"))
        gather_file(g, member(part, "file"), false);
}

static void gather_content(struct gather *g, struct buffer *into, struct json_object *content)
{
    if (json_object_is_type(content, json_type_string))
        gather_text(g, into, json_object_get_string(content),
                    (size_t)json_object_get_string_len(content));
    if (!json_object_is_type(content, json_type_array))
        return;
    for (size_t i = 0; i < json_object_array_length(content); i++)
        gather_part(g, into, json_object_array_get_idx(content, i));
}

static bool gather_message(struct gather *g, struct json_object *message)
{
    const char *type = member_text(message, "type");
    const char *role = member_text(message, "role");
    struct json_object *content = member(message, "content");

    if (type && strcmp(type, "message") != 0)
        return true; /* tool calls and the like */
    if (!role)
        return false;
    if (!strcmp(role, "system") || !strcmp(role, "developer")) {
        gather_content(g, &g->system, content);
        return true;
    }
    g->q->messages++;
    if (!strcmp(role, "user")) {
        buffer_clear(&g->last);
        gather_content(g, &g->last, content);
    } else {
        gather_content(g, NULL, content);
    }
    return !strcmp(role, "user") || !strcmp(role, "assistant") || !strcmp(role, "tool");
}

static int gather_input(struct gather *g, struct json_object *input, const char *param,
                        struct api_error *error)
{
    if (json_object_is_type(input, json_type_string)) {
        gather_content(g, &g->last, input);
        g->q->messages = 1;
        return 0;
    }
    if (!json_object_is_type(input, json_type_array))
        return refuse(error, "missing_required_parameter", param, "Missing required parameter.");
    for (size_t i = 0; i < json_object_array_length(input); i++)
        if (!gather_message(g, json_object_array_get_idx(input, i)))
            return refuse(error, "invalid_value", param, "Invalid value: not a message.");
    if (g->bad_file)
        return refuse(error, "not_found", param, g->bad_file);
    return 0;
}

static int read_options(struct question *q, struct json_object *json, struct api_error *error)
{
    struct json_object *temperature = member(json, "temperature");
    struct json_object *metadata = member(json, "metadata");
    struct json_object *store = member(json, "store");
    static const char *const limits[] = {"max_output_tokens", "max_completion_tokens",
                                         "max_tokens"};

    q->stream = json_object_get_boolean(member(json, "stream"));
    q->background = json_object_get_boolean(member(json, "background"));
    q->store = store ? json_object_get_boolean(store) : true;
    q->include_usage =
        json_object_get_boolean(member(member(json, "stream_options"), "include_usage"));
    if (temperature) {
        q->has_temperature = true;
        q->temperature = json_object_get_double(temperature);
        if (!(q->temperature >= 0 && q->temperature <= 2))
            return refuse(error, "decimal_above_max_value", "temperature",
                          "Invalid 'temperature': expected a value from 0 to 2.");
    }
    for (size_t i = 0; i < 3; i++) {
        struct json_object *limit = member(json, limits[i]);
        if (!limit)
            continue;
        q->max_tokens = json_object_is_type(limit, json_type_int) ? json_object_get_int(limit) : 0;
        if (q->max_tokens < 1)
            return refuse(error, "integer_below_min_value", limits[i],
                          "Invalid token limit: expected an integer of 1 or more.");
    }
    if (json_object_is_type(metadata, json_type_object))
        q->metadata = copy(json_object_to_json_string_ext(metadata, JSON_C_TO_STRING_PLAIN));
    return 0;
}

static int read_json(struct question *q, struct json_object *json, enum question_api api,
                     struct api_error *error)
{
    struct gather g = {.q = q};
    const char *model = member_text(json, "model");
    const char *instructions = member_text(json, "instructions");
    const char *param = api == QUESTION_RESPONSES ? "input" : "messages";
    int result;

    if (!model || !*model || strlen(model) > 256)
        return refuse(error, NULL, NULL, "you must provide a model parameter");
    q->model = copy(model);
    if (instructions) {
        q->instructions = copy(instructions);
        gather_text(&g, &g.system, instructions, strlen(instructions));
    }
    result = gather_input(&g, member(json, param), param, error);
    q->last = buffer_take(&g.last);
    q->system = buffer_take(&g.system);
    q->files = buffer_take(&g.files);
    return result ? result : read_options(q, json, error);
}

int question_read(struct question *q, const char *body, size_t length, enum question_api api,
                  struct api_error *reterr_error)
{
    static struct json_tokener *tokener; /* one for the process; reset before each use */
    struct json_object *json = NULL;
    int result;

    if (!tokener)
        tokener = json_tokener_new_ex(JSON_DEPTH);
    json_tokener_reset(tokener);
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
    if (length && text_valid(body, length))
        json = json_tokener_parse_ex(tokener, body, (int)length);
    if (json && json_object_is_type(json, json_type_object))
        result = read_json(q, json, api, reterr_error);
    else
        result =
            refuse(reterr_error, NULL, NULL, "We could not parse the JSON body of your request.");
    json_object_put(json);
    return result;
}

void question_free(struct question *q)
{
    free(q->model);
    free(q->last);
    free(q->system);
    free(q->instructions);
    free(q->metadata);
    free(q->files);
    *q = (struct question){0};
}
