// A disk without room refuses uploads, and nothing else.
import assert from 'node:assert/strict';

export const stack = { settings: { MIN_FREE_BYTES: '9000000000000000000' } };

export default async function (t) {
    await t.test('no upload finds room', async () => {
        await t.as('alice');
        const project = (await t.call('POST', '/projects', { body: { name: 'full' } })).json.id;
        const reply = await t.upload(`/projects/${project}/files`, 'x'.repeat(300000));
        assert.equal(reply.status, 507, reply.text);
        assert.equal(reply.json.code, 'storage_full');
        assert.deepEqual((await t.call('GET', `/projects/${project}/files`)).json, []);
    });
}
