#pragma once
/* Projects that come from elsewhere. */
struct call;
struct import_project;

/*
 * In a transaction of c->caller's: makes the project with its prompts and writes c->out (shape
 * project); the one that was made for the same digest (SHA-256, as PostgreSQL writes bytea) is
 * found again, with c->http 200.  DONE; LIMIT_REACHED; or what db_one() says.
 */
int import_make(struct call *c, const struct import_project *p, const char *digest)
    __attribute__((warn_unused_result));
