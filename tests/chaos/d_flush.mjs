// No success is told before it would outlive a crash: PostgreSQL is shut down immediately right after
// acknowledgements.  That the test would see it otherwise is shown with commits that do not wait.
import assert from 'node:assert/strict';
import { execute } from '../harness/database.mjs';
import { Flush, unsafe } from './parts/flush.mjs';

// a worker that slept through a shutdown finds out when it is asked something
export const stack = { late: [/event=db_/], chatd: 2, own: true, direct: true, settings: { MAX_TURNS_PER_USER: '16' } };

const rounds = process.env.TEST_LONG === '1' ? 50 : 4;
const CONTROLS = 5; // rounds until commits that do not wait have to lose something

export default async function (t) {
    t.expectLog(/./);
    await t.as('alice');
    const flush = new Flush(t.stack, t.client);
    await flush.prepare();

    await t.test('what was acknowledged is there after a crash', async () => {
        for (let i = 0; i < rounds; i++) await flush.round();
        console.log(`     ${flush.rounds} immediate shutdowns, ${flush.acknowledged} acknowledged changes, ${flush.lost.length} lost`);
        assert.deepEqual(flush.lost, []);
    });
    await t.test('commits that do not wait for the flush are found out', async () => {
        await execute(t.stack, unsafe(true));
        await flush.round(); // the connections that are made after it do not wait
        let lost = 0;
        for (let i = 0; i < CONTROLS && !lost; i++) lost = await flush.round();
        assert.ok(lost > 0, 'nothing was lost: the test sees nothing');
    });
}
