/* Drops for the foreign handles that many files hold. */
#include "common/cleanup.h"

#include <json-c/json.h>
#include <libpq-fe.h>

void json_drop(struct json_object **o)
{
    json_object_put(*o);
    *o = NULL;
}

void rows_drop(struct pg_result **r)
{
    PQclear(*r);
    *r = NULL;
}
