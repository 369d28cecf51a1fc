/* project_context, asked once and remembered for a short time. */
#include "chatd/context.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <uthash.h>

#include "common/call.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/fault.h"
#include "common/json.h"

struct key {
    int64_t caller, project;
};

struct entry {
    struct key key;
    int64_t until_us;
    char *reply; /* projectd's answer */
    size_t size;
    UT_hash_handle hh;
};

struct contexts {
    pthread_mutex_t lock;
    struct entry *entries; /* oldest first: uthash keeps the order of adding */
    size_t bytes;          /* of their replies */
    uint64_t forgotten;    /* counts context_forget(), so that an answer under way is not kept */
};

struct contexts *contexts_new(void)
{
    struct contexts *c = calloc(1, sizeof *c);

    if (!c)
        abort();
    pthread_mutex_init(&c->lock, NULL);
    return c;
}

static void entry_drop(struct contexts *all, struct entry *e)
{
    HASH_DEL(all->entries, e);
    all->bytes -= e->size;
    free(e->reply);
    free(e);
}

void contexts_drop(struct contexts **c)
{
    struct entry *e, *next;

    if (!*c)
        return;
    HASH_ITER(hh, (*c)->entries, e, next)
    entry_drop(*c, e);
    pthread_mutex_destroy(&(*c)->lock);
    free(*c);
    *c = NULL;
}

void context_forget(struct contexts *all, int64_t project_id)
{
    struct entry *e, *next;

    pthread_mutex_lock(&all->lock);
    all->forgotten++;
    HASH_ITER(hh, all->entries, e, next)
    if (e->key.project == project_id)
        entry_drop(all, e);
    pthread_mutex_unlock(&all->lock);
}

static const char *remembered(struct contexts *all, struct call *c, const struct key *key,
                              size_t *ret_size, uint64_t *ret_forgotten)
{
    const char *reply = NULL;
    struct entry *e;

    pthread_mutex_lock(&all->lock);
    *ret_forgotten = all->forgotten;
    HASH_FIND(hh, all->entries, key, sizeof *key, e);
    if (e && clock_us() < e->until_us) {
        reply = arena_strndup(&c->arena, e->reply, e->size);
        *ret_size = e->size;
    }
    pthread_mutex_unlock(&all->lock);
    return reply;
}

static void remember(struct contexts *all, const struct key *key, const char *reply, size_t size,
                     uint64_t forgotten)
{
    struct entry *e;

    pthread_mutex_lock(&all->lock);
    HASH_FIND(hh, all->entries, key, sizeof *key, e);
    if (e)
        entry_drop(all, e);
    while (all->entries &&
           (HASH_COUNT(all->entries) >= CONTEXTS_MAX || all->bytes + size > CONTEXTS_BYTES))
        entry_drop(all, all->entries);
    if (forgotten == all->forgotten) {
        e = calloc(1, sizeof *e);
        if (!e || !(e->reply = malloc(size + 1)))
            abort();
        e->key = *key;
        memcpy(e->reply, reply, size);
        e->reply[size] = '\0';
        e->size = size;
        all->bytes += size;
        e->until_us = clock_us() + CONTEXT_LIFE_US;
        HASH_ADD(hh, all->entries, key, sizeof e->key, e);
    }
    pthread_mutex_unlock(&all->lock);
}

static void prompts_read(struct call *c, struct json_object *list, struct context *ret,
                         struct text *sent)
{
    size_t n = list ? json_object_array_length(list) : 0;

    ret->prompts = arena_alloc(&c->arena, (n + 1) * sizeof *ret->prompts);
    ret->prompt_count = n;
    text_json_name(sent, "prompts");
    text_putc(sent, '[');
    for (size_t i = 0; i < n; i++) {
        struct json_object *p = json_object_array_get_idx(list, i);
        const char *content = json_str(p, "content", "");
        ret->prompts[i] = arena_strndup(&c->arena, content, strlen(content));
        text_printf(sent, "%s{\"id\":%" PRId64 ",\"version\":%" PRId64 "}", i ? "," : "",
                    json_i64(p, "id", 0), json_i64(p, "version", 0));
    }
    text_putc(sent, ']');
}

static void sent_with_write(struct call *c, struct json_object *reply, struct context *ret)
{
    cleanup(text_drop) struct text sent = {0};

    text_putc(&sent, '{');
    prompts_read(c, json_member(reply, "prompts"), ret, &sent);
    text_json_name(&sent, "temperature");
    if (ret->has_temperature)
        text_printf(&sent, "%.15g", ret->temperature);
    else
        text_puts(&sent, "null");
    if (ret->max_output_tokens)
        text_member_i64(&sent, "max_output_tokens", ret->max_output_tokens);
    else
        text_puts(&sent, ",\"max_output_tokens\":null");
    text_putc(&sent, '}');
    ret->sent_with = arena_strndup(&c->arena, sent.data, sent.size);
}

static int reply_read(struct call *c, const char *reply, size_t size, struct context *ret)
{
    cleanup(json_drop) struct json_object *o = NULL;
    const char *why, *model;
    struct json_object *temperature;

    if (json_parse(reply, size, &o, &why))
        return FAULT("project_context: %s", why);
    *ret = (struct context){0};
    ret->version = json_i64(o, "version", 0);
    model = json_str(o, "model", NULL);
    ret->model = model ? arena_strndup(&c->arena, model, strlen(model)) : NULL;
    temperature = json_member(o, "temperature");
    ret->has_temperature = temperature != NULL;
    ret->temperature = temperature ? json_object_get_double(temperature) : 0;
    ret->max_output_tokens = json_i64(o, "max_output_tokens", 0);
    ret->background = json_flag(o, "background", false);
    sent_with_write(c, o, ret);
    return DONE;
}

int context_get(struct contexts *all, struct call *c, int64_t project_id, struct context *ret)
{
    struct key key = {c->caller, project_id};
    char data[64], number[24];
    struct params params = {.data = data, .capacity = sizeof data};
    uint64_t forgotten;
    size_t size = 0;
    const char *reply = remembered(all, c, &key, &size, &forgotten);
    int r;

    if (reply)
        return reply_read(c, reply, size, ret);
    snprintf(number, sizeof number, "%" PRId64, project_id);
    params_add(&params, "project_id", number, strlen(number));
    r = call_peer(c, OP_project_context, &params, &reply, &size);
    if (r)
        return r;
    remember(all, &key, reply, size, forgotten);
    return reply_read(c, reply, size, ret);
}
