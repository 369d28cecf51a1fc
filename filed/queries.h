#pragma once
/* Names of this daemon's statements, from queries.def. */
enum {
    Q_NONE = -1,
#define QUERY(name, sql) Q_##name,
#include "filed/queries.def"
};
