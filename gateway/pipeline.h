#pragma once
/* What every request goes through, in this order; the callbacks of struct http_config. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct address_place;
struct http_reply;
struct http_request;

/* Bytes of scratch memory that a thread needs. */
size_t pipeline_scratch(void);
void pipeline_scratch_drop(void *scratch);

/* state is the struct gateway. */
bool pipeline_enter(void *state, const char *address, struct address_place *place);
void pipeline_leave(void *state, struct address_place *place);
void pipeline_handle(void *state, struct http_request *r, int status, const char *detail,
                     struct http_reply *reply);
void pipeline_refuse(void *state, const char *address, int status, struct http_reply *reply);
void pipeline_done(void *state, struct http_request *r, const struct http_reply *reply,
                   int64_t bytes);
