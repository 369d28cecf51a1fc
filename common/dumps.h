#pragma once
/* Memory that holds passwords, tokens and keys stays in its process. */

/*
 * From now on no core is written, neither to a file nor to a collector, and no other process of the
 * same user may read this one's memory or environment (prctl(2), PR_SET_DUMPABLE); whoever debugs
 * it needs CAP_SYS_PTRACE.  To be called before the first secret is read.
 */
void dumps_prevent(void);
