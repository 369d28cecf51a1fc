// chaos/kill by hand: a run of any length.
import { byHand } from './by_hand.mjs';
import { figures, told } from './figures.mjs';
import { run, SHORT, STACK } from './kill.mjs';
import { options } from './options.mjs';

const USAGE = `usage: tests/chaos/kill [--kills N] [--turns N] [--users N] [--every MS] [--seconds N] [--gap MS]
                         [--targets NAME,...] [--storms PERCENT] [--dir DIR]

Lets users talk while processes are killed at random; ends after that many kills (1000), turns (50000)
or seconds, whichever comes first, and waits until all is well.  Targets: gateway, authd, projectd,
chatd, filed, postgres; all without it.  So many PERCENT (25) of the deaths of a chatd are followed, while
others take its turns over, by the death of another chatd or of PostgreSQL.  The records stay in DIR/records; tests/chaos/check DIR/records
reads them again.  BUILD_DIR names the build (build/asan).
Exit 0: nothing to complain of; 1: there is; 2: wrong usage.`;

const given = options(USAGE, { kills: 1000, turns: 50000, users: 64, every: 1500, seconds: 36000, gap: SHORT.gap, targets: '', storms: 25 });
await byHand('kill', STACK, given.dir, async (stack, dir) => {
    const facts = await run(stack, dir, { ...SHORT, ...given });
    return { facts, figures: figures(facts), lines: told(figures(facts)) };
});
