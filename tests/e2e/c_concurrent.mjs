// Many at once: keys make one thing, limits hold exactly.
import assert from 'node:assert/strict';

export default async function (t) {
    await t.as('alice');
    const many = (n, send) => Promise.all(Array.from({ length: n }, (_, i) => send(i)));

    await t.test('one key at once makes one project; who comes too early is told to come back', async () => {
        const headers = { 'Idempotency-Key': 'concurrent' };
        const replies = await many(20, () => t.call('POST', '/projects', { body: { name: 'one' }, headers }));
        const made = replies.filter((r) => r.status === 201);
        const early = replies.filter((r) => r.status !== 201);
        assert.ok(made.length >= 1);
        assert.equal(new Set(made.map((r) => r.text)).size, 1);
        assert.equal(made.filter((r) => !r.headers['idempotent-replayed']).length, 1);
        for (const reply of early) {
            assert.deepEqual([reply.status, reply.json.code, reply.headers['retry-after']], [409, 'in_flight', '1']);
        }
        assert.equal((await t.call('GET', '/projects')).json.length, 1);
    });

    await t.test('one address at once makes one account', async () => {
        const body = { email: `raced.${t.client.nonce}@example.com`, password: 'Secret-pass-1' };
        const replies = await many(6, () => t.call('POST', '/users/register', { body, token: null }));
        assert.deepEqual(replies.map((r) => r.status).sort(), [201, 409, 409, 409, 409, 409]);
        assert.equal((await t.call('POST', '/users/login', { body, token: null })).status, 200);
    });

    await t.test('sixty prompts at once make fifty', async () => {
        const project = (await t.call('GET', '/projects')).json[0].id;
        const path = `/projects/${project}/prompts`;
        const replies = await many(60, (i) => t.call('POST', path, { body: { name: `p${i}`, content: 'c' } }));
        assert.equal(replies.filter((r) => r.status === 201).length, 50);
        assert.ok(replies.filter((r) => r.status !== 201).every((r) => r.json.code === 'limit_reached'));
        const list = (await t.call('GET', `${path}?limit=200`)).json;
        assert.equal(new Set(list.map((p) => p.position)).size, 50, 'two prompts have one position');
    });

    await t.test('a thousand projects, and not one more', async () => {
        await t.as('carol');
        const replies = [];
        let left = 1010;
        await many(16, async () => {
            while (left-- > 0) replies.push(await t.call('POST', '/projects', { body: { name: 'p' } }));
        });
        assert.equal(replies.filter((r) => r.status === 201).length, 1000);
        assert.ok(replies.filter((r) => r.status !== 201).every((r) => r.status === 409 && r.json.code === 'limit_reached'));
        const seen = new Set();
        let path = '/projects?limit=150';
        while (path) {
            const reply = await t.call('GET', path);
            for (const { id } of reply.json) seen.add(id);
            path = /<([^>]+)>; rel="next"/.exec(reply.headers.link ?? '')?.[1];
        }
        assert.equal(seen.size, 1000);
    });
}
