#pragma once
/*
 * How tests make a thread hang.  Exists only where the tests are built: in what is shipped
 * hang_if_told() is nothing.
 */
#ifdef HANG_POINTS

/* Sleeps for as long as there is a file $HANG_DIR/<process>.<thread>. */
void hang_if_told(const char *thread);

#else

static inline void hang_if_told(const char *thread)
{
    (void)thread;
}

#endif
