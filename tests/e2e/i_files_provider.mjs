// The provider's copies while the provider fails in every way that it can.
import assert from 'node:assert/strict';
import { eventually, sleep } from '../harness/http.mjs';
import { copiesOf, settled } from '../harness/copies.mjs';

export const stack = { settings: { TIMEOUT_FILES: '1' }, own: true };

export default async function (t) {
    await t.as('alice');
    const project = (await t.call('POST', '/projects', { body: { name: 'copies' } })).json.id;
    const files = `/projects/${project}/files`;
    const add = async (content) => {
        const reply = await t.upload(files, content, { filename: 'a.txt' });
        assert.equal(reply.status, 201, reply.text);
        return reply.json.id;
    };
    const get = async (id) => (await t.call('GET', `/projects/files/${id}`)).json;
    const sequence = (name, steps) => t.stack.tell('script', { sequence: { [name]: [...steps, 'echo'] } });
    const gone = (id) => eventually(async () => !(await copiesOf(t.stack)).some((f) => f.file === id), { within: 30000, what: 'the copy is gone' });

    for (const [what, steps] of [
        ['500 twice', ['fail-500', { status: 500 }]],
        ['429 with Retry-After', [{ status: 429, retry_after_ms: 300 }]],
        ['a wrong key for a while', [{ status: 401 }]],
        ['a broken connection', [{ drop: 1 }, { drop: 1, reset: 1 }]],
        ['an answer that is lost', [{ cut: 1 }]],
        ['no service for a moment', [{ status: 503, retry_after_ms: 100 }]],
        ['an answer that is not whole', [{ garbage: 1 }]],
        ["somebody else's page", [{ garbage: 2 }]],
        ['no answer', [{ hang: true }]],
        ['no answer to what was done', [{ hang_after: 0 }]],
    ])
        await t.test(`${what}: one copy in the end`, async () => {
            await sequence('files.create', steps);
            await add(what);
            await settled(t, files);
        });

    for (const [what, steps] of [
        ['500, then silence', ['fail-500', { hang: true }]],
        ['429', [{ status: 429, retry_after_ms: 300 }]],
        ['a wrong key', [{ status: 401 }]],
        ['a broken connection', [{ drop: 1, reset: 1 }]],
        ['an answer that is not whole', [{ garbage: 1 }]],
        ["somebody else's page", [{ garbage: 2 }]],
    ])
        await t.test(`the list fails before a retry: ${what}`, async () => {
            await t.stack.tell('script', { sequence: { 'files.create': [{ cut: 1 }, 'echo'], 'files.list': [...steps, 'echo'] } });
            const id = await add(`list fails: ${what}`);
            // the script is for filed: nobody else asks for the list until it is through
            await eventually(async () => (await get(id)).status === 'ready', { within: 40000, what: 'the copy is found' });
            await settled(t, files);
        });

    await t.test('what the provider refuses has failed, and says why', async () => {
        await sequence('files.create', [{ status: 400, message: 'no such kind of file' }]);
        const id = await add('refused');
        const file = await eventually(async () => ((await get(id)).status === 'failed' ? get(id) : undefined));
        assert.match(file.error, /no such kind of file/);
        assert.equal(file.provider_file_id, null);
        assert.equal((await t.call('GET', `/projects/files/${id}/content`)).text, 'refused');
        assert.equal((await t.call('DELETE', `/projects/files/${id}`)).status, 204);
        await gone(id);
    });

    await t.test('deleted while it is sent', async () => {
        await sequence('files.create', [{ hang_after: 0 }]);
        const id = await add('deleted too soon');
        await eventually(async () => (await copiesOf(t.stack)).some((f) => f.file === id), { what: 'the copy has come' });
        assert.equal((await t.call('DELETE', `/projects/files/${id}`)).status, 204);
        assert.equal((await t.call('GET', `/projects/files/${id}`)).status, 404);
        await gone(id);
    });

    await t.test('deletions that fail are done later', async () => {
        const id = await add('stays for a while');
        await settled(t, files);
        await sequence('files.delete', ['fail-500', { drop: 1 }, { status: 429, retry_after_ms: 100 }, { cut: 1 }]);
        assert.equal((await t.call('DELETE', `/projects/files/${id}`)).status, 204);
        assert.equal((await t.call('GET', `/projects/files/${id}`)).status, 404);
        await gone(id);
    });

    await t.test('many deletions that fail in every way', async () => {
        const faults = ['fail-500', { status: 503 }, { status: 408 }, { drop: 1, reset: 1 }, { garbage: 1 }, { garbage: 2 }, { cut: 1 }, { hang: true }, { hang_after: 0 }, { status: 401 }];
        const ids = [];
        for (const fault of faults) ids.push(await add(`to be deleted: ${JSON.stringify(fault)}`));
        await settled(t, files);
        await sequence('files.delete', faults);
        for (const id of ids) assert.equal((await t.call('DELETE', `/projects/files/${id}`)).status, 204);
        await eventually(async () => !(await copiesOf(t.stack)).some((f) => ids.includes(f.file)), { within: 60000, what: 'all copies are gone' });
        await settled(t, files);
    });

    await t.test('filed is killed while a copy is sent, and after it came', async () => {
        for (const steps of [[{ hang: true }], [{ hang_after: 0 }], [{ cut: 1 }]]) {
            await sequence('files.create', steps);
            await add(`killed at ${JSON.stringify(steps)}`);
            await sleep(100);
            const before = t.stack.pid('filed');
            t.stack.signal('filed', 'SIGKILL');
            await eventually(() => ![0, before].includes(t.stack.pid('filed')), { what: 'filed is back' });
        }
        t.expectLog(/./);
        await settled(t, files, 60000);
        const all = (await t.call('GET', files)).json;
        assert.equal((await copiesOf(t.stack)).length, all.length, 'no orphans');
    });
}
