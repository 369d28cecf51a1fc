#pragma once
/* Which user of the seed has become which account. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct seed_people;

struct seed_people *seed_people_new(void);
void seed_people_drop(struct seed_people **p);

/* account 0: of a dry run, it would be made. */
void seed_people_add(struct seed_people *p, int64_t user, int64_t account);
/* False: the user was not taken. */
bool seed_people_find(const struct seed_people *p, int64_t user, int64_t *ret_account);

/* The addresses, as they are compared, of those that were added. */
void seed_people_name(struct seed_people *p, const char *key);
bool seed_people_named(const struct seed_people *p, const char *key);

/* One line for each: "USER ACCOUNT". */
void seed_people_write(const struct seed_people *p, FILE *to);
/* NULL, or why that is no such file. */
const char *seed_people_read(struct seed_people *p, FILE *from) __attribute__((warn_unused_result));
