#pragma once
/* The life of the process: hooks of struct service. */
struct daemon;
struct event;

int chatd_start(struct daemon *daemon, void **ret_state);
void chatd_drain(void *state);
void chatd_hand_over(void *state);
void chatd_stop(void *state);
const char *chatd_note(void *state);
void chatd_event(void *state, const struct event *e);
