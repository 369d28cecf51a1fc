// How many streams there may be: of a user, of a gateway.
import assert from 'node:assert/strict';
import { eventually } from '../harness/http.mjs';

export const stack = { settings: { RATE_LIMIT: 'on', MAX_STREAMS: '40', HTTP_THREADS: '128' }, own: true };

export default async function (t) {
    const open = async (n, how) => Promise.all(Array.from({ length: n }, how));
    const account = () => t.events('GET', '/events');
    const close = (streams) => streams.forEach((stream) => stream.close());
    const allowed = async (what) => eventually(async () => {
        const stream = await what();
        if (stream.status === 200) stream.close();
        return stream.status === 200;
    }, { within: 10000, what: 'a place' });

    await t.test('a user has 16', async () => {
        await t.as('alice');
        const mine = await open(16, account);
        for (const stream of mine) assert.equal(stream.status, 200);
        const more = await account();
        assert.deepEqual([more.status, more.reply.json.code], [429, 'rate_limited']);
        assert.match(more.headers['retry-after'], /^\d+$/);
        await t.as('bob');
        close([await account()]);
        await t.as('alice');
        mine.pop().close();
        await allowed(account);
        close(mine);
    });

    await t.test('a gateway has MAX_STREAMS, and serves everything else beside them', async () => {
        const all = [];
        for (const name of ['carol', 'dave', 'erin']) {
            await t.as(name);
            all.push(...(await open(16, account)));
        }
        assert.equal(all.filter((s) => s.status === 200).length, 40);
        const refused = all.filter((s) => s.status !== 200);
        for (const { status, headers, reply } of refused) {
            assert.deepEqual([status, reply.json.code], [503, 'busy']);
            assert.match(headers['retry-after'], /^\d+$/);
        }
        const project = (await t.call('POST', '/projects', { body: { name: 'Bot', model: 'echo' } })).json.id;
        const body = { project_id: project, message: 'beside' };
        assert.equal((await t.call('POST', '/chat', { body })).json.reply, 'beside');
        const streamed = await t.events('POST', '/chat', { body: { ...body, stream: true } });
        assert.equal(streamed.status, 503); // and nothing was accepted
        close(all);
        await allowed(account);
    });
}
