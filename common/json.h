#pragma once
/*
 * JSON from strangers: a strict check of the text (json-c alone lets through NaN, single quotes,
 * duplicate keys, bad UTF-8 and lone surrogates), then json-c.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JSON_DEPTH_MAX    32
#define JSON_ELEMENTS_MAX 20000 /* members and array elements in all */

struct json_object;

/*
 * Whether text is exactly one RFC 8259 value: valid UTF-8 without a byte order mark, no duplicate
 * member names (compared after unescaping), no lone surrogate escape, no \u0000 in a member name,
 * at most JSON_DEPTH_MAX deep and JSON_ELEMENTS_MAX large.
 * On false *reterr_why is a short constant text.
 */
bool json_check(const char *text, size_t size, const char **reterr_why);

/* json_check(), then parses.  ret is owned by the caller (json_drop); the text null gives NULL.
 * DONE or BAD_JSON. */
int json_parse(const char *text, size_t size, struct json_object **ret, const char **reterr_why)
    __attribute__((warn_unused_result));

/* Whether s is valid UTF-8 (RFC 3629: no overlong forms, no surrogates). */
bool utf8_check(const char *s, size_t size);

/* Members of an object that we trust; a wrong type or absence gives the default, as everything does
 * when o is NULL or no object.  (json_flag: json-c has the name json_bool for a type.) */
const char *json_str(struct json_object *o, const char *name, const char *otherwise);
int64_t json_i64(struct json_object *o, const char *name, int64_t otherwise);
bool json_flag(struct json_object *o, const char *name, bool otherwise);
/* The member, or NULL; borrowed. */
struct json_object *json_member(struct json_object *o, const char *name);
