#pragma once
/*
 * Where mails go: a server (SMTP with STARTTLS, or SMTPS), or a directory, one file each, for
 * trying things out; or nowhere.
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "authd/address.h"
#include "common/conf.h"

struct text;

enum post_way { POST_OFF, POST_FILES, POST_SMTP };

struct post {
    enum post_way way;
    const char *url, *directory, *ca_file; /* the settings' */
    bool insists_on_tls;
    long timeout_s;
    char from[ADDRESS_MAX + 1], from_name[128];
};

/* A process' own look at the settings about mail; see conf_check_fn. */
enum setting post_check(const struct conf *c, const char **reterr_why);

/* From settings that are good. */
void post_open(const struct conf *c, struct post *ret);

/* "smtp", "files" or "off". */
const char *post_name(const struct post *p);

enum post_result {
    POST_DONE,
    POST_LATER,   /* it may work another time */
    POST_REFUSED, /* the server will never take it: there is no such mailbox, mostly */
};

/*
 * Sends a mail (letter_write()) to one address.  name: of its file.  Blocks, for the timeout at
 * most; not longer once *ends.  reterr_why: a short text without anything private, for the log.
 */
enum post_result post_send(const struct post *p, const char *to, const struct text *mail,
                           const char *name, const atomic_bool *ends, char *reterr_why,
                           size_t capacity);

/* Removes the files of mails, and drafts of them, that were written before a time; no others.
 * Returns how many. */
int post_sweep(const struct post *p, time_t before);
