/* Drops for the foreign handles that many files hold; rows_drop() is in rows.c, so that libpq is
 * linked only where there is a database. */
#include "common/cleanup.h"

#include <json-c/json.h>

void json_drop(struct json_object **o)
{
    json_object_put(*o);
    *o = NULL;
}
