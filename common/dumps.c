/* No core dumps, and no other eyes on our memory. */
#include "common/dumps.h"

#include <sys/prctl.h>
#include <sys/resource.h>

void dumps_prevent(void)
{
    const struct rlimit none = {0};

    /* collectors get a core whatever the limit says, so it alone is not enough; where a service's
     * filter of system calls refuses it, its unit sets it */
    setrlimit(RLIMIT_CORE, &none);
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}
