#pragma once
/* JSON Schemas of the tables' shapes and inputs; a part of openapi.c. */
#include "proto/api.h"

struct json_object;

/* An object with one member, which it takes over. */
struct json_object *schema_of_one(const char *name, struct json_object *value);
/* {"$ref": "#/components/<kind>/<name>"} */
struct json_object *schema_ref(const char *kind, const char *name);
/* A path or query value. */
struct json_object *schema_input(const struct field *f);
/* The request body of an operation that has one. */
struct json_object *schema_body(const struct op *op);
/* components/schemas: every shape that a public operation answers with, and the problem document.
 */
struct json_object *schema_all(void);

/* Bytes of any kind. */
struct json_object *schema_bytes(const char *text);
/* The form of an upload. */
struct json_object *schema_form(void);
