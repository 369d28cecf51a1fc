// SIGTERM: what has begun is finished, and who comes meanwhile is served by the successor.
import assert from 'node:assert/strict';
import { eventually, sleep } from '../harness/http.mjs';

export const stack = { own: true };

export default async function (t) {
    await t.as('alice');
    const project = (await t.call('POST', '/projects', { body: { name: 'drained', model: 'n-8x200' } })).json.id;
    const chat = () => t.call('POST', '/chat', { body: { project_id: project, message: 'go' }, headers: { 'Idempotency-Key': `drain-${Math.random()}` } });
    const healthy = () => eventually(async () => (await t.call('GET', '/health')).status === 200, { within: 30000, what: 'healthy' });

    await t.test('a gateway finishes what it has begun', async () => {
        const old = t.stack.pid('gateway-1');
        const running = chat();
        await sleep(600);
        t.stack.signal('gateway-1', 'SIGTERM');
        const reply = await running;
        assert.equal(reply.status, 200, reply.text);
        await eventually(() => t.stack.pid('gateway-1') && t.stack.pid('gateway-1') !== old, { within: 30000, what: 'its successor' });
        await healthy();
    });

    await t.test('chatd finishes its turns or hands them over', async () => {
        const running = chat();
        await sleep(600);
        t.stack.signal('chatd-1', 'SIGTERM');
        const reply = await running;
        assert.equal(reply.status, 200, reply.text);
        await healthy();
    });

    for (const name of ['authd', 'projectd', 'chatd-1'])
        await t.test(`${name} restarts and no request fails`, async () => {
            const old = t.stack.pid(name);
            let stop = false;
            const counts = {};
            const client = async (i) => {
                while (!stop) {
                    const reply = await (i % 2 ? t.call('GET', '/projects') : t.call('PUT', `/projects/${project}`, { body: { name: `n${i}` } }));
                    counts[reply.status] = (counts[reply.status] ?? 0) + 1;
                }
            };
            const clients = [0, 1, 2, 3].map(client);
            await sleep(300);
            t.stack.signal(name, 'SIGTERM');
            await eventually(() => t.stack.pid(name) && t.stack.pid(name) !== old, { within: 30000, what: 'its successor' });
            await sleep(1000);
            stop = true;
            await Promise.all(clients);
            assert.deepEqual(Object.keys(counts), ['200'], JSON.stringify(counts));
        });
}
