#pragma once
/*
 * The access log in the combined format, where ACCESS_LOG names a file: a line for each reply, with
 * the account's number as the user.  Queries and referrers are left out: they hold what people
 * search for.  Opened again on SIGHUP, for whoever turns it over.
 */
#include <stdint.h>

struct access_log;
struct http_request;

/* path "": none, *ret stays NULL.  DONE, or a fault. */
int access_log_open(const char *path, struct access_log **ret) __attribute__((warn_unused_result));
/* Opens the file anew; while that fails, the old one is written on. */
void access_log_reopen(struct access_log *a);
void access_log_drop(struct access_log **ret);

/* One reply to `address`, of bytes (-1: the client has left).  a NULL: nothing.  Any thread. */
void access_log_write(struct access_log *a, const struct http_request *r, const char *address,
                      int64_t caller, int status, int64_t bytes);
