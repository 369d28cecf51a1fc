// Many people, many turns, random kills of every process; then the checker reads all that was written
// down.  `tests/chaos/kill` is the same for longer.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { build } from '../harness/stack.mjs';
import { check } from './parts/checker.mjs';
import { doctored } from './parts/doctor.mjs';
import { figures, told } from './parts/figures.mjs';
import { run, SHORT, STACK, verdict } from './parts/kill.mjs';

// a worker that slept through a shutdown finds out when it is asked something
export const stack = { ...STACK, late: [/event=db_/], own: true };

export default async function (t) {
    t.expectLog(/./); // the others notice
    let facts;
    await t.test('everything that is killed comes back', async () => {
        const records = path.join(build, 'tests/log/kill');
        fs.rmSync(records, { recursive: true, force: true });
        facts = await run(t.stack, records, SHORT);
        console.log(told(figures(facts)).replace(/^/gm, '     '));
    });
    await t.test('no turn was lost, doubled or swapped', async () => {
        assert.equal(verdict(check(facts)).text, '');
    });
    await t.test('enough kills, half of them where it hurts', async () => {
        const { kills, kills_holding: holding, turns } = figures(facts);
        assert.ok(kills >= 30, `${kills} kills`);
        assert.ok(holding * 2 >= kills, `${holding} of ${kills} kills hit a process that held a turn`);
        assert.ok(turns >= 100, `${turns} turns`);
    });
    for (const [name, { kind, facts: wrong }] of Object.entries(doctored(facts)))
        await t.test(`the checker sees ${name}`, async () => {
            const kinds = verdict(check(wrong)).kinds;
            assert.ok(kinds[kind], `it says ${JSON.stringify(kinds)}, not ${kind}`);
        });
}
