#pragma once
/* What comes in from daemons: each kind of message, checked and acted upon. */

struct broker;
struct service;

/* Takes the messages that wait in the service's socket, a bounded number at a time. */
void intake_read(struct broker *b, struct service *s);
