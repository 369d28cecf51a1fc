/* Statements that take too long are named. */
#include <inttypes.h>
#include <stdatomic.h>

#include "common/clock.h"
#include "common/db.h"
#include "common/log.h"

static atomic_int_fast64_t slow_us;

void db_slow_limit(int64_t us)
{
    atomic_store(&slow_us, us);
}

void db_slow_tell(const char *query, int64_t begun_us)
{
    int64_t most = atomic_load_explicit(&slow_us, memory_order_relaxed);
    int64_t took = most ? clock_us() - begun_us : 0;

    if (took > most)
        log_line(LOG_LEVEL_NOTICE, "event=slow_query query=%s usec=%" PRId64, query, took);
}
