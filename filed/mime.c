/* The type of a content by libmagic. */
#include "filed/mime.h"

#include <magic.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/fault.h"

struct mime {
    pthread_mutex_t lock; /* a magic_t is one thread's */
    magic_t magic;        /* NULL: not yet used, or not usable */
    int tried;
};

struct mime *mime_new(void)
{
    struct mime *m = calloc(1, sizeof *m);

    if (!m)
        abort();
    pthread_mutex_init(&m->lock, NULL);
    return m;
}

void mime_drop(struct mime **mp)
{
    struct mime *m = TAKE(*mp);

    if (!m)
        return;
    if (m->magic)
        magic_close(m->magic);
    pthread_mutex_destroy(&m->lock);
    free(m);
}

static void magic_begin(struct mime *m)
{
    m->tried = 1;
    m->magic = magic_open(MAGIC_MIME_TYPE | MAGIC_NO_CHECK_COMPRESS | MAGIC_NO_CHECK_ELF);
    if (m->magic && magic_load(m->magic, NULL) == 0)
        return;
    FAULT("libmagic: %s", m->magic ? magic_error(m->magic) : "no memory");
    if (m->magic)
        magic_close(m->magic);
    m->magic = NULL;
}

/* type "/" subtype, of the characters that RFC 6838 4.2 allows */
static int is_type(const char *s)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                  "!#$&-^_.+";
    size_t n = strspn(s, allowed), k;

    if (!n || s[n] != '/')
        return 0;
    k = strspn(s + n + 1, allowed);
    return k && !s[n + 1 + k] && n + 1 + k < MIME_MAX;
}

void mime_find(struct mime *m, const void *data, size_t size, char ret[MIME_MAX])
{
    const char *type = NULL;

    pthread_mutex_lock(&m->lock);
    if (!m->tried)
        magic_begin(m);
    if (m->magic)
        type = magic_buffer(m->magic, data, size);
    snprintf(ret, MIME_MAX, "%s", type && is_type(type) ? type : "application/octet-stream");
    pthread_mutex_unlock(&m->lock);
}
