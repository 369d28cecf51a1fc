// chaos/zombie by hand: until so many writes of zombies were refused.
import { byHand } from './by_hand.mjs';
import { run, STACK, ZOMBIE } from './kill.mjs';
import { options } from './options.mjs';
import { outcome, Stopper } from './stopper.mjs';

const USAGE = `usage: tests/chaos/zombie [--writes N] [--seconds N] [--users N] [--gap MS] [--long MS] [--dir DIR]

Stops chatds while they run turns and lets them go on when others have taken these over, until N writes
of zombies (1000) were refused, or for so many seconds (3600).  Each tenth stop lasts so many MS (30000).
The records stay in DIR/records.
BUILD_DIR names the build (build/asan).  Exit 0: none was accepted.`;

const given = options(USAGE, { writes: 1000, seconds: 3600, users: 64, gap: ZOMBIE.gap, long: 30000 });
await byHand('zombie', { ...STACK, gateways: 1 }, given.dir, async (stack, dir) => {
    const facts = await run(stack, dir, { ...ZOMBIE, ...given }, Stopper);
    return { facts, ...outcome(stack, facts) };
});
