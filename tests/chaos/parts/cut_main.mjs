// chaos/cut by hand: any number of cuts, with kills in between if wanted.
import { byHand } from './by_hand.mjs';
import { Cutter } from './cutter.mjs';
import { figures, told } from './figures.mjs';
import { CUT, run, STACK } from './kill.mjs';
import { options } from './options.mjs';

const USAGE = `usage: tests/chaos/cut [--cuts N] [--bytes N] [--kills N] [--every MS] [--users N] [--seconds N] [--dir DIR]

Cuts event streams at random bytes (1500 on average) until N (10000) were cut, or for so many seconds
(3600); clients resume with the last event's id at random gateways, stop some turns, and follow some
twice.  --kills kills gateways and chatds as well, each --every ms.  The records stay in DIR/records.
BUILD_DIR names the build (build/asan).  Exit 0: every text is the provider's, byte by byte.`;

const given = options(USAGE, { cuts: 10000, bytes: 1500, kills: 0, every: 2000, users: 32, seconds: 3600 });
await byHand('cut', STACK, given.dir, async (stack, dir) => {
    const cutter = await Cutter.start(stack.ports, given.bytes, given.cuts);
    const facts = await run(stack, dir, { ...CUT, ...given, ports: cutter.ports, targets: 'gateway,chatd', enough: cutter.enough });
    await cutter.stop();
    const found = { cuts: cutter.cuts, ...figures(facts) };
    return { facts, figures: found, lines: `cuts ${cutter.cuts}\n${told(found)}` };
});
