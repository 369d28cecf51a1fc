#pragma once
/* Names of this daemon's statements, from queries.def. */
enum {
#define QUERY(name, sql) Q_##name,
#include "filed/queries.def"
};
