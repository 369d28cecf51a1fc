#pragma once
/*
 * Names that this site is asked by (setting ALLOWED_HOSTS).  A browser can be led to us under a
 * name of somebody else, whose DNS answers with our address; its pages then count as of our own
 * origin, and reach what only this machine or network should.
 */
#include <stdbool.h>

struct hosts;

/*
 * list: names ("chat.example.org"), ".example.org" for all below a name, or "*" for any, separated
 * by commas or blanks.  Empty: addresses in numbers, localhost and this machine's own name, which
 * nobody's DNS decides about; and any name that a trusted proxy passes on, as it has chosen by it.
 * DONE; BAD_INPUT with *reterr_item pointing at the first that is none.
 */
int hosts_new(const char *list, struct hosts **ret, const char **reterr_item)
    __attribute__((warn_unused_result));
void hosts_drop(struct hosts **h);

/* Whether a Host header (NULL: none) names this site.  by_proxy: a trusted proxy sent it. */
bool hosts_allow(const struct hosts *h, const char *host, bool by_proxy);
