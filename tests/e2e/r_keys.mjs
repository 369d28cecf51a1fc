// A gateway that has just started knows no signing key: many requests at once must not be told that
// their tokens are wrong.
import assert from 'node:assert/strict';
import { eventually, request } from '../harness/http.mjs';

export const stack = { own: true };

export default async function (t) {
    t.expectLog(/event=/);
    await t.as('alice');

    await t.test('a fresh gateway takes good tokens, however many come at once', async () => {
        const before = t.stack.pid('gateway-1');
        t.stack.signal('gateway-1', 'SIGKILL');
        const alive = async () => t.stack.pid('gateway-1') !== before && (await request(t.stack.port, { path: '/health/live' })).status === 200;
        await eventually(alive, { within: 30000, every: 5, what: 'the gateway is back' });
        const replies = await Promise.all(Array.from({ length: 60 }, () => t.call('GET', '/projects')));
        assert.deepEqual(replies.map((r) => r.status).filter((status) => status !== 200 && status !== 503), []);
        await eventually(async () => (await t.call('GET', '/projects')).status === 200, { within: 30000, what: 'it serves' });
    });
}
