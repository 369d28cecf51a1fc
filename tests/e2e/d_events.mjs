// An account's other tabs and devices hear of its conversations at every gateway: new ones, imports,
// names and titles, pins, what is put away, shown at another branch, deleted, and grown too old.
import assert from 'node:assert/strict';
import { execute } from '../harness/database.mjs';
import { sleep } from '../harness/http.mjs';

export const stack = { gateways: 2, settings: { TITLES: 'on', TITLE_MODEL: 'titler', RETENTION_DAYS: '30' } };

export default async function (t) {
    await t.stack.tell('script', { models: { titler: { reply: 'Ships of the line' } } });
    await t.as('bob');
    const stranger = await t.events('GET', '/events');
    await stranger.seen('hello');
    await t.as('alice');
    const { token } = t.client.who;
    const tabs = await Promise.all(t.stack.ports.map((port) => t.events('GET', '/events', { port })));
    for (const tab of tabs) await tab.seen('hello');
    const project = (await t.call('POST', '/projects', { body: { name: 'Bot' } })).json.id;
    const ask = (method, path, body) => t.call(method, path, { body, token });

    let seen = 0;
    // The next `count` changes, the same in every tab.
    const news = async (count, what) => {
        const heard = (tab) => tab.all.filter((e) => e.name === 'conversation').map((e) => e.data);
        for (const tab of tabs) await tab.until(() => heard(tab).length >= seen + count, { what });
        const [here, there] = tabs.map((tab) => heard(tab).slice(seen));
        assert.deepEqual(there, here);
        seen += count;
        return here;
    };
    const expect = async (conversation, what, where = project) =>
        assert.deepEqual(await news(1, what), [{ conversation_id: conversation, project_id: where, what }]);

    let conversation, question;
    await t.test('a first message, and the title behind its answer', async () => {
        const reply = await ask('POST', '/chat', { project_id: project, message: 'Tell me of ships' });
        conversation = reply.json.conversation_id;
        const change = (what) => ({ conversation_id: conversation, project_id: project, what });
        assert.deepEqual(await news(2, 'creation and title'), [change('created'), change('changed')]);
        assert.equal((await ask('GET', `/conversations/${conversation}`)).json.title, 'Ships of the line');
        question = (await ask('GET', `/conversations/${conversation}/messages?order=asc`)).json[0].id;
    });

    await t.test('what its owner changes', async () => {
        for (const change of [{ title: 'Boats' }, { title: null }, { pinned: true }, { archived: true }, { active_leaf: question }]) {
            assert.equal((await ask('PUT', `/conversations/${conversation}`, change)).status, 200);
            await expect(conversation, 'changed');
        }
    });

    await t.test('nothing of what is refused, and a repeat is not told twice', async () => {
        assert.equal((await ask('PUT', `/conversations/${conversation}`, { active_leaf: 999999999 })).status, 404);
        assert.equal((await ask('PUT', `/conversations/${conversation}`, { title: '' })).status, 422);
        const options = { body: { title: 'Once' }, headers: { 'Idempotency-Key': `k${t.client.nonce}` } };
        for (let i = 0; i < 3; i++) assert.equal((await t.call('PUT', `/conversations/${conversation}`, options)).status, 200);
        await expect(conversation, 'changed');
    });

    await t.test('an import, and nothing of the same file again', async () => {
        const file = (await ask('GET', `/conversations/${conversation}/export?format=json`)).text;
        const load = () => t.upload(`/projects/${project}/conversations/import`, file, { filename: 'a.json' });
        const made = await load();
        assert.equal(made.status, 201, made.text);
        await expect(made.json.id, 'created');
        assert.equal((await load()).status, 200);
        assert.equal((await ask('DELETE', `/conversations/${made.json.id}`)).status, 204);
        await expect(made.json.id, 'deleted');
    });

    await t.test('what grows older than RETENTION_DAYS', async () => {
        await execute(t.stack, `UPDATE chat.conversation SET updated_at = now() - interval '31 days' WHERE id = ${conversation}`);
        await expect(conversation, 'deleted');
        assert.equal((await ask('GET', `/conversations/${conversation}`)).status, 404);
    });

    await t.test('what is deleted with its project', async () => {
        const other = (await ask('POST', '/projects', { name: 'Other' })).json.id;
        const ids = [];
        for (const message of ['one', 'two']) {
            ids.push((await ask('POST', '/chat', { project_id: other, message })).json.conversation_id);
            await expect(ids.at(-1), 'created', other);
            await expect(ids.at(-1), 'changed', other);
        }
        assert.equal((await ask('DELETE', `/projects/${other}`)).status, 204);
        const told = await news(2, 'deleted');
        assert.deepEqual(told.map((e) => e.conversation_id).sort((a, b) => a - b), ids);
        assert.ok(told.every((e) => e.what === 'deleted' && e.project_id === other));
    });

    await t.test('strangers hear nothing, and no event has an id', async () => {
        await sleep(300);
        assert.deepEqual(stranger.all.map((e) => e.name), ['hello']);
        for (const tab of tabs) {
            assert.equal(tab.all.filter((e) => e.name === 'conversation').length, seen);
            assert.ok(tab.all.every((e) => e.id === undefined));
            tab.close();
        }
        stranger.close();
    });
}
