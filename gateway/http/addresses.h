#pragma once
/*
 * What each network address occupies: connections, and requests that come through proxies.
 * Addresses are compared as address_group() writes them.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#define ADDRESS_GROUP_MAX 48 /* bytes of an address as text, with NUL */

struct addresses;

/* One place of an address; the caller's memory, zeroed at first. */
struct address_place {
    char group[ADDRESS_GROUP_MAX]; /* "": holds none */
    LIST_ENTRY(address_place) same;
};

/* each: places of one address, 0: any number. */
struct addresses *addresses_new(unsigned each);
void addresses_drop(struct addresses **a);

/* Takes a place, which holds none.  False: the address has as many as it may. */
bool addresses_enter(struct addresses *a, struct address_place *place, const char *group);
/* Gives it back, if it holds one. */
void addresses_leave(struct addresses *a, struct address_place *place);

/* Times that a place was refused. */
uint64_t addresses_refused(struct addresses *a);
