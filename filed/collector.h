#pragma once
struct call;

/* Periodic task: removes contents that no file has had for an hour, a few at a time, and what other
 * processes left half written. */
int blobs_collect(struct call *c);
