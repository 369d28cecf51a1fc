// SIGHUP: a chatd that runs takes over what may change live of history, search and age, and goes on.
import assert from 'node:assert/strict';
import { execute, select } from '../harness/database.mjs';
import { eventually } from '../harness/http.mjs';

export default async function (t) {
    await t.as('alice');
    const pid = t.stack.pid('chatd-1');
    const reload = (settings, said) => t.stack.reload('chatd-1', settings, said);
    const project = (await t.call('POST', '/projects', { body: { name: 'Bot' } })).json.id;
    const say = async (message, conversation_id) => {
        const reply = await t.call('POST', '/chat', { body: { project_id: project, message, conversation_id } });
        assert.equal(reply.status, 200, reply.text);
        return reply.json;
    };
    const young = (await say('Three ships came sailing in')).conversation_id;
    const aged = (await say('An old tale of a ship')).conversation_id;
    const dropped = async () => (await say('and then?', young)).usage.dropped_messages;
    const found = async (q) => (await t.call('GET', `/search?q=${q}`)).json.map((hit) => hit.conversation_id);

    await t.test('HISTORY_TOKENS counts for the next turn', async () => {
        assert.equal(await dropped(), 0);
        await reload({ HISTORY_TOKENS: 1 });
        assert.ok((await dropped()) >= 4, 'nothing fits');
        await reload({ HISTORY_TOKENS: 16000 });
        assert.equal(await dropped(), 0, 'all of it fits again');
    });

    await t.test('a wrong value is told, and the old ones stay', async () => {
        t.expectLog(/RETENTION_DAYS|HISTORY_TOKENS|settings/);
        await reload({ HISTORY_TOKENS: 1, RETENTION_DAYS: 'never' }, /RETENTION_DAYS/);
        assert.equal(await dropped(), 0);
    });

    await t.test('SEARCH_TIMEOUT ends a search that takes longer, and nobody else waits', async () => {
        t.expectLog(/search|lock/);
        await reload({ SEARCH_TIMEOUT: 200 }, /name=SEARCH_TIMEOUT value=\S*200/);
        const held = execute(t.stack, 'BEGIN; LOCK TABLE chat.search_doc IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(2); COMMIT');
        await eventually(async () => (await select(t.stack, "SELECT 1 FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted AND relation = 'chat.search_doc'::regclass")).length > 0, { what: 'the table is held' });
        const began = Date.now();
        const slow = await t.call('GET', '/search?q=ships');
        assert.equal(slow.status, 503, slow.text);
        assert.equal(slow.json.code, 'search_too_slow');
        assert.ok(Date.now() - began < 1500, `${Date.now() - began} ms`);
        assert.equal((await say('meanwhile', young)).usage.dropped_messages, 0);
        await held;
        assert.equal((await t.call('GET', '/search?q=ships')).status, 200);
    });

    await t.test('SEARCH_LANGUAGE and RETENTION_DAYS count for what is there', async () => {
        await eventually(async () => (await found('ships')).includes(young), { what: 'it is read into the index' });
        assert.ok(!(await found('ships')).includes(aged), 'words are as they were written');
        await execute(t.stack, `UPDATE chat.conversation SET updated_at = now() - interval '31 days' WHERE id = ${aged}`);
        await reload({ SEARCH_LANGUAGE: 'english' });
        await eventually(async () => (await found('ships')).includes(aged), { what: 'one ship is found by two', within: 20000 });
        await reload({ SEARCH_LANGUAGE: 'english', RETENTION_DAYS: 30 });
        await eventually(async () => (await t.call('GET', `/conversations/${aged}`)).status === 404, { what: 'what is old goes', within: 20000 });
        assert.equal((await t.call('GET', `/conversations/${young}`)).status, 200);
        assert.equal(t.stack.pid('chatd-1'), pid, 'the same process');
    });
}
