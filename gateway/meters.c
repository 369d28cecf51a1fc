/* What the daemons count: asked of each instance, and put together. */
#include "gateway/meters.h"

#include <json-c/json.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/json.h"
#include "gateway/call.h"

#define METERS_WAIT_MS 2000 /* for all of them together */
#define INSTANCES_MAX  64   /* of a service */

static const enum op_id ops[SVC_GATEWAY] = {
    [SVC_AUTH] = OP_auth_meters,
    [SVC_PROJECT] = OP_project_meters,
    [SVC_CHAT] = OP_chat_meters,
    [SVC_FILE] = OP_file_meters,
};

static void instance_ask(struct exchange *x, enum svc svc, const char *instance, int64_t until_us,
                         struct text *to)
{
    cleanup(bus_reply_drop) struct bus_reply reply = {0};
    cleanup(json_drop) struct json_object *o = NULL;
    int64_t left_ms = (until_us - clock_us()) / 1000;
    struct bus_request request = {
        .op = api_op(ops[svc]),
        .trace = x->asks,
        .address = x->request->address,
        .to = instance,
        .deadline_ms = (uint32_t)left_ms,
    };
    const char *why;

    if (left_ms <= 0)
        return;
    broker_call(x->gateway->broker, &request, &reply);
    if (reply.status == DONE && reply.body &&
        json_parse(reply.body, reply.body_size, &o, &why) == DONE)
        text_puts(to, json_str(o, "text", ""));
}

void meters_gather(struct exchange *x, struct text *to)
{
    int64_t until = clock_us() + METERS_WAIT_MS * 1000;
    char names[INSTANCES_MAX][BROKER_INSTANCE_MAX];

    for (int svc = 0; svc < SVC_GATEWAY; svc++) {
        struct text texts[INSTANCES_MAX] = {0};
        unsigned n = broker_instances(x->gateway->broker, (enum svc)svc, names, INSTANCES_MAX);
        for (unsigned i = 0; i < n; i++)
            instance_ask(x, (enum svc)svc, names[i], until, &texts[i]);
        meters_merge(texts, n, to);
        for (unsigned i = 0; i < n; i++)
            text_drop(&texts[i]);
    }
}

/* One metric within a text: its two lines of head, and its samples. */
struct family {
    const char *head, *samples, *end;
    size_t name_size; /* "# HELP name " */
};

static const char *line_end(const char *at)
{
    const char *end = strchr(at, '\n');

    return end ? end + 1 : at + strlen(at);
}

/* The family that begins at `at`; false: there is none. */
static bool family_at(const char *at, struct family *ret)
{
    static const char help[] = "# HELP ";

    if (!at || strncmp(at, help, sizeof help - 1) != 0)
        return false;
    ret->head = at;
    ret->name_size = sizeof help - 1 + strcspn(at + sizeof help - 1, " \n") + 1;
    ret->samples = line_end(line_end(at));
    for (ret->end = ret->samples; *ret->end && *ret->end != '#';)
        ret->end = line_end(ret->end);
    return true;
}

static bool family_find(const struct text *in, const struct family *like, struct family *ret)
{
    for (const char *at = in->data; family_at(at, ret); at = ret->end)
        if (ret->name_size == like->name_size && !memcmp(ret->head, like->head, like->name_size))
            return true;
    return false;
}

void meters_merge(const struct text *texts, unsigned count, struct text *to)
{
    struct family f, other;

    for (unsigned i = 0; i < count; i++) {
        for (const char *at = texts[i].data; family_at(at, &f); at = f.end) {
            bool told = false;
            for (unsigned k = 0; k < i && !told; k++)
                told = family_find(&texts[k], &f, &other);
            if (told)
                continue;
            text_add(to, f.head, (size_t)(f.end - f.head));
            for (unsigned k = i + 1; k < count; k++)
                if (family_find(&texts[k], &f, &other))
                    text_add(to, other.samples, (size_t)(other.end - other.samples));
        }
    }
}
