/* Errands: responses that the provider shall stop although no call reads them. */
#include <stdio.h>
#include <stdlib.h>

#include "chatd/upstream/engine.h"

void upstream_cancel_response(struct upstream *u, const char *response_id)
{
    struct errand *e = calloc(1, sizeof *e);

    if (!e)
        abort();
    snprintf(e->response_id, sizeof e->response_id, "%s", response_id);
    pthread_mutex_lock(&u->lock);
    if (u->errands < ERRANDS_MAX && !u->stopping) {
        e->next = u->asked;
        u->asked = e;
        u->errands++;
        e = NULL;
        engine_wake(u);
    }
    pthread_mutex_unlock(&u->lock);
    free(e);
}

void errands_send(struct upstream *u)
{
    struct errand *e, *next;

    pthread_mutex_lock(&u->lock);
    e = u->asked;
    u->asked = NULL;
    pthread_mutex_unlock(&u->lock);
    for (; e; e = next) {
        next = e->next;
        e->easy = transfer_cancel(&u->pool, e->response_id);
        if (curl_multi_add_handle(u->multi, e->easy) != CURLM_OK)
            abort();
        e->next = u->under_way;
        u->under_way = e;
    }
}

static void errand_drop(struct upstream *u, struct errand *e)
{
    if (e->easy) {
        curl_multi_remove_handle(u->multi, e->easy);
        curl_easy_cleanup(e->easy);
    }
    free(e);
    pthread_mutex_lock(&u->lock);
    u->errands--;
    pthread_mutex_unlock(&u->lock);
}

void errand_end(struct upstream *u, CURL *easy)
{
    for (struct errand **at = &u->under_way; *at; at = &(*at)->next) {
        struct errand *e = *at;
        if (e->easy != easy)
            continue;
        *at = e->next;
        errand_drop(u, e);
        return;
    }
}

void errands_drop(struct upstream *u)
{
    struct errand *e;

    while ((e = u->asked)) {
        u->asked = e->next;
        errand_drop(u, e);
    }
    while ((e = u->under_way)) {
        u->under_way = e->next;
        errand_drop(u, e);
    }
}
