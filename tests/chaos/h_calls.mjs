// Single calls of the database, the bus, files, the provider and memory that fail: a few of each step of
// the tour, and all kinds under load.  `tests/chaos/faults` lets each of them fail, one after the other.
// With --long only: which calls fail is random, and some ends are not told apart yet (a daemon that finds no
// descriptor for its settings at its start ends like one whose settings are wrong, and is not started again).
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { build } from '../harness/stack.mjs';
import { check } from './parts/checker.mjs';
import { Faulter, Faults, pointsOf, STACK } from './parts/faults.mjs';
import { figures } from './parts/figures.mjs';
import { run, SHORT, verdict } from './parts/kill.mjs';
import { KINDS, Plans, PROGRAMS } from './parts/plans.mjs';

const LIMIT = 20000; // ms for the points
const LEAST = 10; // of them, however slow the machine is
const CROWD = { ...SHORT, seconds: 12, kills: 0, faults: 1000, every: 250 };

export const stack = { ...STACK, chatd: 2, own: true, late: [/./] };

export default async function (t) {
    t.expectLog(/./); // each fault is told
    if (process.env.TEST_LONG !== '1') return;
    await t.test('nothing is lost or doubled where calls fail under load', async () => {
        const records = path.join(build, 'tests/log/faults');
        fs.rmSync(records, { recursive: true, force: true });
        const facts = await run(t.stack, records, CROWD, Faulter);
        assert.equal(verdict(check(facts)).text, '');
        const plans = new Plans(t.stack);
        const failed = PROGRAMS.flatMap((program) => KINDS.map((kind) => plans.failed(program, kind))).reduce((a, b) => a + b);
        console.log(`     ${failed} calls failed beside ${figures(facts).turns} turns`);
        assert.ok(failed >= LEAST, `${failed} calls failed`);
    });
    await t.as('alice');
    const found = [];
    const faults = new Faults(t.client, ({ where, what }) => found.push(`${where}: ${what}`));
    await t.test('a call that fails is told honestly, and all is well again', async () => {
        const points = shuffled(pointsOf(await faults.survey(), 40));
        const end = Date.now() + LIMIT;
        while (points.length && (Date.now() < end || faults.met < LEAST)) await faults.point(points.pop());
        console.log(faults.told().split('\n')[0].replace(/^/, '     '));
        assert.equal(found.join('\n'), '');
        assert.ok(faults.met >= LEAST, `${faults.met} calls failed`);
    });
}

// In another order each time.
function shuffled(list) {
    const left = [...list];
    return list.map(() => left.splice(Math.floor(Math.random() * left.length), 1)[0]);
}
