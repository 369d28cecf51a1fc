/* Lines about a database that is away and comes back, few of them however long that takes. */
#include "common/db_away.h"

#include <inttypes.h>
#include <stdatomic.h>

#include "common/clock.h"
#include "common/log.h"

#define SILENCE_FIRST_US INT64_C(1000000)
#define SILENCE_MAX_US   INT64_C(60000000)

static atomic_int_fast64_t since_us;   /* of the first line; 0: it is there */
static atomic_int_fast64_t due_us;     /* no line before this */
static atomic_int_fast64_t silence_us; /* after the next line; 0: SILENCE_FIRST_US */

void db_away(const char *event, const char *what, const char *why)
{
    int_fast64_t due = atomic_load(&due_us), now = clock_us(), none = 0, silence;
    char text[400];

    if (now < due)
        return;
    silence = atomic_load(&silence_us);
    silence = silence ? silence : SILENCE_FIRST_US;
    if (!atomic_compare_exchange_strong(&due_us, &due, now + silence))
        return;
    atomic_store(&silence_us, silence * 2 < SILENCE_MAX_US ? silence * 2 : SILENCE_MAX_US);
    atomic_compare_exchange_strong(&since_us, &none, now);
    log_line(LOG_LEVEL_WARN, "event=%s query=%s what=%s", event, what,
             log_quote(why, text, sizeof text));
}

void db_back(void)
{
    int_fast64_t since = atomic_load(&since_us), now;

    if (!since || !atomic_compare_exchange_strong(&since_us, &since, 0))
        return;
    now = clock_us();
    atomic_store(&silence_us, 0);
    atomic_store(&due_us, now + SILENCE_FIRST_US);
    log_line(LOG_LEVEL_NOTICE, "event=db_back away_ms=%" PRId64, (int64_t)(now - since) / 1000);
}
