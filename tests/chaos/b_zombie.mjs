// A chatd that was stopped and comes back late finds its turns taken over: it cannot write into them,
// and no client hears what it still says.  `tests/chaos/zombie` is the same for longer.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { build } from '../harness/stack.mjs';
import { check } from './parts/checker.mjs';
import { run, STACK, verdict, ZOMBIE } from './parts/kill.mjs';
import { outcome, refused, Stopper } from './parts/stopper.mjs';

export const stack = { ...STACK, gateways: 1, own: true };

export default async function (t) {
    t.expectLog(/./);
    let facts;
    await t.test('turns of stopped processes are answered by others', async () => {
        const records = path.join(build, 'tests/log/zombie');
        fs.rmSync(records, { recursive: true, force: true });
        facts = await run(t.stack, records, ZOMBIE, Stopper);
        const { figures, lines } = outcome(t.stack, facts);
        console.log(`     ${lines}`);
        assert.ok(figures.takeovers > 0, 'nothing was taken over');
    });
    await t.test('nothing that a zombie wrote or said is kept or heard', async () => {
        assert.equal(verdict(check(facts)).text, '');
        assert.ok(refused(t.stack) > 0, 'no zombie tried to write');
    });
}
