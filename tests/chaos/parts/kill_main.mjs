// chaos/kill by hand: its own stack, a run of any length, figures and a verdict.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Stack, stopAll } from '../../harness/stack.mjs';
import { check } from './checker.mjs';
import { figures, told } from './figures.mjs';
import { run, SHORT, STACK, verdict } from './kill.mjs';
import { options } from './options.mjs';

const USAGE = `usage: tests/chaos/kill [--kills N] [--turns N] [--users N] [--every MS] [--seconds N] [--gap MS]
                         [--targets NAME,...] [--dir DIR]

Lets users talk while processes are killed at random; ends after that many kills, turns or seconds,
whichever comes first, and waits until all is well.  Targets: gateway, authd, projectd, chatd, filed,
postgres; all without it.  The records stay in DIR/records;
tests/chaos/check DIR/records reads them again.  BUILD_DIR names the build (build/asan).
Exit 0: nothing to complain of; 1: there is; 2: wrong usage.`;

const given = options(USAGE, { kills: 1000, turns: 50000, users: 64, every: 1500, seconds: 36000, gap: SHORT.gap, targets: '' });
const dir = given.dir ?? fs.mkdtempSync(path.join(os.tmpdir(), 'chatbot-chaos-'));
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => stopAll().finally(() => process.exit(1)));

const stack = await Stack.start(STACK);
let problems;
try {
    const facts = await run(stack, path.join(dir, 'records'), { ...SHORT, ...given });
    problems = check(facts);
    const f = figures(facts);
    const { kinds, text } = verdict(problems);
    console.log(`${told(f)}\n${text}${text && '\n'}${problems.length ? JSON.stringify(kinds) : 'nothing lost, doubled or swapped'}`);
    console.log(JSON.stringify({ name: 'kill', ...f, problems: kinds }));
    console.log(`records: ${dir}/records`);
} finally {
    await stack.stop();
    if (problems?.length) console.log(`the stack's files: ${stack.dir}`);
    else stack.remove();
}
process.exit(problems.length ? 1 : 0);
