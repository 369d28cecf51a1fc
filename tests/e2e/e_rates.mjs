// Rate limits: numbers in the headers, refusals, and that they are of one person or address.
import assert from 'node:assert/strict';

export const stack = { settings: { RATE_LIMIT: 'on' }, own: true };

export default async function (t) {
    let project;

    await t.test('every limited answer tells the limit', async () => {
        await t.as('alice'); // two of ten log-ins of this address
        const reply = await t.call('GET', '/projects');
        assert.equal(reply.headers['ratelimit-limit'], '600');
        assert.match(reply.headers['ratelimit-remaining'], /^\d+$/);
        assert.match(reply.headers['ratelimit-reset'], /^\d+$/);
        const next = await t.call('GET', '/projects');
        assert.ok(Number(next.headers['ratelimit-remaining']) <= Number(reply.headers['ratelimit-remaining']));
        const made = await t.call('POST', '/projects', { body: { name: 'limited' } });
        assert.equal(made.headers['ratelimit-limit'], '120');
        project = made.json.id;
        const said = await t.call('POST', '/chat', { body: { project_id: project, message: 'hi' } });
        assert.equal(said.headers['ratelimit-limit'], '60');
        assert.equal((await t.call('GET', '/health')).headers['ratelimit-limit'], undefined);
    });

    await t.test('writing too much is refused, reading and others are not', async () => {
        await t.as('bob');
        await t.as('alice');
        const replies = await many(150, () => t.call('PUT', `/projects/${project}`, { body: { name: 'again' } }));
        const refused = replies.filter((r) => r.status === 429);
        assert.ok(refused.length >= 20, `${refused.length} of 150 were refused`);
        assert.ok(replies.filter((r) => r.status === 200).length >= 100);
        for (const reply of refused) {
            assert.equal(reply.json.code, 'rate_limited');
            assert.equal(reply.headers['ratelimit-remaining'], '0');
            assert.ok(Number(reply.headers['retry-after']) >= 1);
        }
        assert.equal((await t.call('GET', '/projects')).status, 200);
        await t.as('bob');
        assert.equal((await t.call('POST', '/projects', { body: { name: "bob's" } })).status, 201);
    });

    await t.test('a key has a rate of its own', async () => {
        await t.as('bob');
        const { key } = (await t.call('POST', '/users/me/keys', { body: { name: 'slow', scopes: 'read', rate: 5 } })).json;
        const replies = await many(40, () => t.call('GET', '/projects', { token: key }));
        const refused = replies.filter((r) => r.status === 429);
        assert.ok(refused.length >= 5, `${refused.length} of 40 were refused`);
        assert.equal(replies.filter((r) => r.status === 200).length, 40 - refused.length);
        for (const reply of refused) assert.equal(reply.headers['ratelimit-limit'], '5');
        assert.equal((await t.call('GET', '/projects')).status, 200, 'the user goes on');
    });

    await t.test('guessing keys is bounded by address', async () => {
        const replies = await many(150, (_, i) => t.call('GET', '/projects', { token: `cbk_${String(i).padStart(43, 'x')}` }));
        const refused = replies.filter((r) => r.status === 429);
        assert.ok(refused.length >= 20, `${refused.length} of 150 were refused`);
        for (const reply of replies) assert.ok([401, 429].includes(reply.status), `${reply.status}`);
        assert.equal((await t.call('GET', '/projects')).status, 200);
    });

    await t.test('guessing passwords is bounded by address', async () => {
        const replies = await many(40, () =>
            t.call('POST', '/users/login', { body: { email: 'nobody@example.com', password: 'guess-guess-1' }, token: null }));
        const refused = replies.filter((r) => r.status === 429);
        assert.ok(refused.length >= 2, `${refused.length} of 40 were refused`);
        for (const reply of replies) assert.ok([401, 429].includes(reply.status), `${reply.status}`);
        const late = await many(20, (_, i) =>
            t.call('POST', '/users/register', { body: { email: `late.${i}.${t.client.nonce}@example.com`, password: 'Secret-pass-1' }, token: null }));
        assert.ok(late.some((r) => r.status === 429), 'registering is bounded with it');
    });

    await t.test('a forged address header changes nothing', async () => {
        const replies = await many(40, (_, i) => t.call('POST', '/users/login', {
            body: { email: 'nobody@example.com', password: 'guess-guess-1' },
            headers: { 'X-Forwarded-For': `192.0.2.${i}`, 'X-Real-IP': `192.0.2.${i}`, Forwarded: `for=192.0.2.${i}` },
            token: null,
        }));
        assert.ok(replies.filter((r) => r.status === 429).length > 20, 'all count as one');
    });
}

const many = (n, send) => Promise.all(Array.from({ length: n }, send));
