// chaos/zombie by hand: until so many writes of zombies were refused.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Stack, stopAll } from '../../harness/stack.mjs';
import { check } from './checker.mjs';
import { figures } from './figures.mjs';
import { run, STACK, verdict, ZOMBIE } from './kill.mjs';
import { options } from './options.mjs';
import { noticed, refused, Stopper } from './stopper.mjs';

const USAGE = `usage: tests/chaos/zombie [--writes N] [--seconds N] [--users N] [--gap MS] [--dir DIR]

Stops chatds while they run turns and lets them go on when others have taken these over, until N writes
of zombies (1000) were refused, or for so many seconds (3600).  The records stay in DIR/records.
BUILD_DIR names the build (build/asan).  Exit 0: none was accepted.`;

const given = options(USAGE, { writes: 1000, seconds: 3600, users: 64, gap: ZOMBIE.gap });
const dir = given.dir ?? fs.mkdtempSync(path.join(os.tmpdir(), 'chatbot-chaos-'));
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => stopAll().finally(() => process.exit(1)));

const stack = await Stack.start({ ...STACK, gateways: 1 });
const facts = await run(stack, path.join(dir, 'records'), { ...ZOMBIE, ...given }, Stopper);
const problems = check(facts);
const { kinds, text } = verdict(problems);
const f = figures(facts);
const figure = { name: 'zombie', turns: f.turns, stops: facts.seen.filter((r) => r.what === 'stop').length, takeovers: f.takeovers, refused: refused(stack), noticed: noticed(stack), problems: kinds };
console.log(`turns ${figure.turns}, stops ${figure.stops}, takeovers ${figure.takeovers}; writes of zombies: ${figure.refused} refused, ${figure.noticed} not tried, ${problems.length ? 'problems' : '0 accepted'}`);
if (text) console.log(text);
console.log(`${JSON.stringify(figure)}\nrecords: ${dir}/records`);
await stack.stop();
stack.remove();
process.exit(problems.length ? 1 : 0);
