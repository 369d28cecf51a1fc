// Streams are cut at random bytes and resumed at random gateways with the last event's id; some turns
// are stopped on the way, some have a second tab.  Every text has to be the provider's, byte by byte.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { build } from '../harness/stack.mjs';
import { check } from './parts/checker.mjs';
import { Cutter } from './parts/cutter.mjs';
import { figures, told } from './parts/figures.mjs';
import { CUT, run, STACK, verdict } from './parts/kill.mjs';

export const stack = { ...STACK, own: true };

const BYTES = 1500; // mean of what a connection lets through

export default async function (t) {
    t.expectLog(/./); // clients that leave
    const cutter = await Cutter.start(t.stack.ports, BYTES);
    let facts;
    await t.test('cut streams go on', async () => {
        const records = path.join(build, 'tests/log/cut');
        fs.rmSync(records, { recursive: true, force: true });
        facts = await run(t.stack, records, { ...CUT, ports: cutter.ports, kills: 0 });
        console.log(`${cutter.cuts} cuts\n${told(figures(facts))}`.replace(/^/gm, '     '));
        assert.ok(cutter.cuts >= 200, `${cutter.cuts} cuts`);
    });
    await cutter.stop();
    await t.test('no byte is lost, doubled or swapped', async () => {
        assert.equal(verdict(check(facts)).text, '');
    });
}
