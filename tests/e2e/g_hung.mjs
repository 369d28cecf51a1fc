// 150 upstream calls that hang take nothing from the others, and nothing keeps the processes from
// ending in time.
import assert from 'node:assert/strict';
import { eventually } from '../harness/http.mjs';

export const stack = {
    settings: { MAX_TURNS: '200', MAX_TURNS_PER_USER: '200', CHAT_WAIT: '12', TIMEOUT_FIRST_TOKEN: '120' },
    own: true,
};

export default async function (t) {
    await t.as('alice');
    const project = (await t.call('POST', '/projects', { body: { name: 'hung', model: 'hang' } })).json.id;
    const before = t.stack.upstream.count;
    const time = async (path) => {
        const begun = Date.now();
        assert.equal((await t.call('GET', path)).status, 200);
        return Date.now() - begun;
    };

    await t.test('150 calls hang, and the rest is served', async () => {
        const hung = Array.from({ length: 150 }, () => t.call('POST', '/chat', { body: { project_id: project, message: 'hello?' } }));
        await eventually(() => t.stack.upstream.count - before === 150, { within: 30000, what: '150 upstream calls' });
        for (const path of ['/health', '/projects', '/health/live', '/users/me'])
            for (let i = 0; i < 10; i++) assert.ok((await time(path)) < 9000, path);
        assert.equal((await t.call('POST', '/projects', { body: { name: 'works' } })).status, 201);
        for (const reply of await Promise.all(hung)) {
            assert.equal(reply.status, 504, reply.text);
            assert.equal(reply.json.code, 'turn_wait');
        }
    });

    await t.test('all of them end on request', async () => {
        const begun = Date.now();
        await t.stack.down();
        assert.ok(Date.now() - begun < 30000, `${Date.now() - begun} ms`);
    });
}
