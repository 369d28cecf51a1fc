#pragma once
/* The life of the process: hooks of struct service, and its periodic task. */
struct call;
struct conf;
struct daemon;

int filed_start(struct daemon *daemon, void **ret_state);
void filed_reload(const struct conf *conf, void *state);
void filed_drain(void *state);
void filed_stop(void *state);
