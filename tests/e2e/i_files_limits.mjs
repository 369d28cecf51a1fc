// Limits of an account, and a disk without room.
import assert from 'node:assert/strict';
import { sleep } from '../harness/http.mjs';

export const stack = { settings: { STORAGE_PER_USER: '1000' } };

export default async function (t) {
    await t.as('alice');
    const project = (await t.call('POST', '/projects', { body: { name: 'limits' } })).json.id;
    const files = `/projects/${project}/files`;

    await t.test('an account has so much room', async () => {
        const first = await t.upload(files, 'x'.repeat(600));
        assert.equal(first.status, 201, first.text);
        const more = await t.upload(files, 'y'.repeat(401));
        assert.equal(more.status, 413, more.text);
        assert.equal(more.json.code, 'too_large');
        assert.equal((await t.upload(files, 'y'.repeat(400))).status, 201);
        assert.equal((await t.upload(files, 'z')).status, 413);
        assert.equal((await t.call('DELETE', `/projects/files/${first.json.id}`)).status, 204);
        assert.equal((await t.upload(files, 'z'.repeat(600))).status, 201);
    });

    await t.test('uploads at once do not pass the limit', async () => {
        await t.as('carol');
        const own = (await t.call('POST', '/projects', { body: { name: 'at once' } })).json.id;
        const persist = async (i) => {
            for (;;) {
                const reply = await t.upload(`/projects/${own}/files`, `${i}`.padEnd(300, 'x'));
                if (reply.status !== 429) return reply; // so many at once are not taken
                await sleep(50);
            }
        };
        const replies = await Promise.all(Array.from({ length: 12 }, (_, i) => persist(i)));
        const made = replies.filter((r) => r.status === 201);
        assert.equal(made.length, 3, replies.map((r) => r.status).join());
        for (const r of replies) if (r.status !== 201) assert.equal(r.status, 413, r.text);
    });
}
