/* Which user of the seed has become which account. */
#include "deploy/admin/seed_people.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

struct person {
    int64_t user, account;
    UT_hash_handle hh;
};

struct name {
    UT_hash_handle hh;
    char key[];
};

struct seed_people {
    struct person *first;
    struct name *names;
};

struct seed_people *seed_people_new(void)
{
    struct seed_people *p = calloc(1, sizeof *p);

    if (!p)
        abort();
    return p;
}

void seed_people_drop(struct seed_people **p)
{
    struct person *one, *next;
    struct name *name, *after;

    if (!*p)
        return;
    HASH_ITER(hh, (*p)->first, one, next)
    {
        HASH_DEL((*p)->first, one);
        free(one);
    }
    HASH_ITER(hh, (*p)->names, name, after)
    {
        HASH_DEL((*p)->names, name);
        free(name);
    }
    free(*p);
    *p = NULL;
}

static struct person *person(const struct seed_people *p, int64_t user)
{
    struct person *one;

    HASH_FIND(hh, p->first, &user, sizeof user, one);
    return one;
}

void seed_people_add(struct seed_people *p, int64_t user, int64_t account)
{
    struct person *one = person(p, user);

    if (!one) {
        one = calloc(1, sizeof *one);
        if (!one)
            abort();
        one->user = user;
        HASH_ADD(hh, p->first, user, sizeof one->user, one);
    }
    one->account = account;
}

bool seed_people_find(const struct seed_people *p, int64_t user, int64_t *ret_account)
{
    const struct person *one = person(p, user);

    if (one)
        *ret_account = one->account;
    return one != NULL;
}

void seed_people_name(struct seed_people *p, const char *key)
{
    size_t n = strlen(key);
    struct name *name = calloc(1, sizeof *name + n + 1);

    if (!name)
        abort();
    memcpy(name->key, key, n + 1);
    HASH_ADD(hh, p->names, key, n, name);
}

bool seed_people_named(const struct seed_people *p, const char *key)
{
    struct name *name;

    HASH_FIND(hh, p->names, key, strlen(key), name);
    return name != NULL;
}

void seed_people_write(const struct seed_people *p, FILE *to)
{
    for (const struct person *one = p->first; one; one = one->hh.next)
        fprintf(to, "%" PRId64 " %" PRId64 "\n", one->user, one->account);
}

const char *seed_people_read(struct seed_people *p, FILE *from)
{
    int64_t user, account;
    int n;

    while ((n = fscanf(from, "%" SCNd64 " %" SCNd64, &user, &account)) == 2)
        seed_people_add(p, user, account);
    return n == EOF && !ferror(from) ? NULL : "holds something else than pairs of numbers";
}
