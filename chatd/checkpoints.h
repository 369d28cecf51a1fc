#pragma once
/*
 * Text of running turns on its way into their rows.  All turns of the process together, in few
 * statements: what one costs by itself is more than what one checkpoint costs in it.  They know
 * their places in the answer, so that one that is written again, say after a lost COMMIT, adds
 * nothing, and behind a lost one there is no gap.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct chatd;
struct db;
struct checkpoint;
struct turn;

struct checkpoints {
    struct checkpoint *first, **last;
};

void checkpoints_init(struct checkpoints *p);

/*
 * Whether the text of a turn is to be stored at this tick: at each one while up to 128 turns run in
 * the process, of more in rounds.  All at once, many of them would keep the database, and with it
 * those who wait for a processor, busy for as long as readers notice.
 */
bool checkpoint_is_due(int64_t turn, int tick, int running);

/* New text of a running turn, behind its first `stored` bytes; copied.  Without text: which
 * response in the background it is. */
void checkpoints_add(struct checkpoints *all, const struct turn *t, const char *text, size_t size);

/* All of `from` to the end of `to`; from is empty then. */
void checkpoints_move(struct checkpoints *to, struct checkpoints *from);

/*
 * Writes them into rows of turns that this process runs; others are left alone.  Not flushed but
 * for new responses in the background.  DONE, or an error of the database: then some may be
 * written, and all can be given again.
 */
int checkpoints_write(const struct checkpoints *all, struct db *db, const char *process)
    __attribute__((warn_unused_result));

/* Frees them; `placed`: of those that name a new response, turn_placed() is told. */
void checkpoints_drop(struct checkpoints *all, struct chatd *d, bool placed);
