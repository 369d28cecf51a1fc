// Files in chat messages where the provider reads them by id: what the model is sent, now and in
// later turns, and what becomes of a turn whose file goes.
import assert from 'node:assert/strict';
import { copiesOf } from '../harness/copies.mjs';
import { eventually } from '../harness/http.mjs';
import { heard } from '../harness/upstream.mjs';

export const stack = { settings: { MAX_TURNS: '8' }, own: true };

const PNG = Buffer.from(
    'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64');

export default async function (t) {
    const made = async () => (await t.call('POST', '/projects', { body: { name: 'files' } })).json.id;
    await t.as('alice');
    const project = await made();
    const get = async (id) => (await t.call('GET', `/projects/files/${id}`)).json;
    const add = async (filename, content, to = project) => {
        const reply = await t.upload(`/projects/${to}/files`, content, { filename });
        assert.equal(reply.status, 201, reply.text);
        return reply.json.id;
    };
    const ready = async (...args) => {
        const id = await add(...args);
        return eventually(async () => ((await get(id)).status === 'ready' ? get(id) : undefined), { within: 30000, what: 'the file is ready' });
    };
    const remove = async (file) => assert.equal((await t.call('DELETE', `/projects/files/${file.id}`)).status, 204);
    const gone = (file) =>
        eventually(async () => !(await copiesOf(t.stack)).some((c) => c.id === file.provider_file_id), { within: 30000, what: 'the copy is gone' });
    const say = (message, more = {}, options = {}) => t.call('POST', '/chat', { body: { project_id: project, message, ...more }, ...options });
    const said = async (...args) => {
        const reply = await say(...args);
        assert.equal(reply.status, 200, reply.text);
        return reply.json;
    };
    const refused = async (status, code, more) => {
        const before = t.stack.upstream.count;
        const reply = await say('x', more);
        assert.deepEqual([reply.status, reply.json.code, reply.json.field], [status, code, 'file_ids'], reply.text);
        assert.equal(t.stack.upstream.count, before, 'the model was not asked');
        return reply.json.detail;
    };
    const script = (steps) => t.stack.tell('script', { sequence: { echo: [...steps, 'echo'] } });
    const last = () => heard(t.stack.upstream.last).input;
    const called = (count, what) => eventually(() => t.stack.upstream.count >= count, { within: 60000, what });
    const messages = async (conversation, query = 'order=asc') =>
        (await t.call('GET', `/conversations/${conversation}/messages?${query}`)).json;

    let map, dot, talk;
    await t.test('a file is sent by its id at the provider, an image as an image', async () => {
        map = await ready('map "1".txt', 'Treasure');
        dot = await ready('dot.png', PNG);
        talk = await said('Where?', { file_ids: [dot.id, map.id] });
        const [message, ...others] = last();
        assert.equal(others.length, 0);
        assert.deepEqual(message.files, [map.provider_file_id]);
        assert.deepEqual(message.images, [dot.provider_file_id]);
        assert.equal(message.text, '[Attached, in this order: "dot.png", "map "1".txt"]\n\nWhere?');
        assert.deepEqual(t.stack.upstream.last.body.input.at(-1).content.map((p) => p.type), ['input_image', 'input_file', 'input_text']);
    });

    await t.test('the message shows its files, in the order given', async () => {
        const [question, answer] = await messages(talk.conversation_id);
        assert.deepEqual(question.file_ids, [dot.id, map.id]);
        assert.equal(question.content, 'Where?');
        assert.deepEqual(answer.file_ids, []);
    });

    await t.test('later turns of the branch keep the files', async () => {
        const again = await said('And now?', { conversation_id: talk.conversation_id });
        const [first, , second] = last();
        assert.deepEqual([first.files, first.images], [[map.provider_file_id], [dot.provider_file_id]]);
        assert.match(first.text, /dot\.png.*\n\nWhere\?$/s);
        assert.deepEqual([second.files, second.images, second.text], [[], [], 'And now?']);
        assert.equal(again.usage.dropped_messages, 0);
    });

    await t.test('attached again, a file is sent once, with the newer message', async () => {
        await said('Look again', { conversation_id: talk.conversation_id, file_ids: [map.id] });
        const input = last();
        assert.deepEqual(input.map((m) => m.files), [[], [], [], [], [map.provider_file_id]]);
        assert.match(input[0].text, /A file was attached here: it is attached to a later message again/);
    });

    await t.test('another branch does not know them', async () => {
        const start = await said('Without');
        await said('With', { conversation_id: start.conversation_id, file_ids: [map.id] });
        await said('Elsewhere', { conversation_id: start.conversation_id, parent_id: start.message_id });
        assert.deepEqual(last().map((m) => m.files), [[], [], []]);
    });

    await t.test('none is none', async () => {
        for (const file_ids of [[], null]) {
            await said('nothing', { file_ids });
            assert.equal(t.stack.upstream.last.body.input.at(-1).content, 'nothing');
        }
    });

    await t.test('lists that are none', async () => {
        for (const file_ids of [[map.id, map.id], [0], [-1], [1.5], ['1'], [null], [[map.id]], 'x', 1, {}, true, [map.id, 2 ** 70], Array.from({ length: 11 }, (_, i) => i + 1)])
            await refused(422, 'bad_input', { file_ids });
    });

    await t.test('files of other projects and people are not there', async () => {
        const elsewhere = await ready('other.txt', 'other', await made());
        assert.match(await refused(404, 'not_found', { file_ids: [map.id, elsewhere.id] }), new RegExp(`${elsewhere.id}`));
        await refused(404, 'not_found', { file_ids: [999999999] });
        await t.as('bob');
        const bobs = await made();
        await refused(404, 'not_found', { project_id: bobs, file_ids: [map.id] });
        const his = await add('his.txt', 'his', bobs);
        await t.as('alice');
        await refused(404, 'not_found', { file_ids: [his] });
    });

    await t.test('one that is not ready is refused, with its name and state', async () => {
        await t.stack.tell('script', { sequence: { 'files.create': [{ status: 503, retry_after: 1 }, { status: 400, message: 'not this kind' }, 'echo'] } });
        const late = await add('late.txt', 'late');
        assert.match(await refused(409, 'file_not_ready', { file_ids: [map.id, late] }), /uploading.*late\.txt/);
        await eventually(async () => (await get(late)).status === 'failed', { within: 60000, what: 'the provider has refused it' });
        assert.match(await refused(409, 'file_not_ready', { file_ids: [late] }), /failed.*late\.txt.*not this kind/);
        await t.stack.tell('script', { models: {} });
    });

    await t.test('a repeat with the key gets the first answer, also when the file is gone', async () => {
        const file = await ready('once.txt', 'once');
        const headers = { 'Idempotency-Key': `files-${t.client.nonce}` };
        const first = await said('once', { file_ids: [file.id] }, { headers });
        const other = await say('once', { file_ids: [map.id] }, { headers });
        assert.deepEqual([other.status, other.json.field], [422, 'Idempotency-Key'], other.text);
        await remove(file);
        await gone(file);
        const again = await say('once', { file_ids: [file.id] }, { headers });
        assert.equal(again.status, 200, again.text);
        assert.equal(again.json.turn_id, first.turn_id);
        await refused(404, 'not_found', { file_ids: [file.id] });
    });

    await t.test('a file that was deleted is left out of later turns, and the model is told', async () => {
        const file = await ready('old.txt', 'old');
        const start = await said('Read', { file_ids: [file.id, map.id] });
        await remove(file);
        const { conversation_id } = await said('And?', { conversation_id: start.conversation_id });
        const [first] = last();
        assert.deepEqual(first.files, [map.provider_file_id]);
        assert.match(first.text, /A file was attached here: it has been deleted since\..*Read$/s);
        assert.deepEqual((await messages(conversation_id))[0].file_ids, [file.id, map.id]);
    });

    await t.test('what does not fit into the budget is left out, and said', async () => {
        const long = await ready('long.txt', 'long line of text\n'.repeat(4500)); // 81,000 bytes: more than 16,000 tokens
        const start = await said('Sum up', { file_ids: [long.id, map.id] });
        assert.deepEqual(last()[0].files, [long.provider_file_id, map.provider_file_id]);
        const next = await said('More', { conversation_id: start.conversation_id });
        assert.deepEqual(last()[0].files, [map.provider_file_id]);
        assert.match(last()[0].text, /The file "long\.txt" was attached here: it is left out/);
        assert.equal(next.usage.dropped_messages, 0);
    });

    await t.test('deleted while its turn waits: answered without it', async () => {
        const file = await ready('waits.txt', 'waits');
        const { conversation_id } = await said('start');
        await script([{ hold: 1 }]);
        const before = t.stack.upstream.count;
        const first = say('one', { conversation_id });
        await called(before + 1, 'the first turn runs');
        const second = say('two', { conversation_id, file_ids: [file.id] });
        await eventually(async () => (await messages(conversation_id)).length === 6, { what: 'the second turn waits' });
        await remove(file);
        await t.stack.tell('release');
        assert.equal((await first).status, 200);
        const reply = await second;
        assert.equal(reply.status, 200, reply.text);
        assert.match(reply.json.reply, /it has been deleted since/);
        assert.equal(last().at(-1).files.length, 0);
    });

    await t.test('deleted while the model answers: the answer comes', async () => {
        const file = await ready('runs.txt', 'runs');
        await script([{ hold_after: 1, reply: 'a long enough answer' }]);
        const before = t.stack.upstream.count;
        const run = say('go', { file_ids: [file.id] });
        await called(before + 1, 'the model is asked');
        await remove(file);
        await gone(file);
        await t.stack.tell('release');
        const reply = await run;
        assert.equal(reply.status, 200, reply.text);
        assert.equal(reply.json.reply, 'a long enough answer');
    });

    await t.test('deleted between two tries: tried again without it', async () => {
        const file = await ready('tries.txt', 'tries');
        await script([{ hold: 1, status: 500 }]);
        const before = t.stack.upstream.count;
        const run = say('try', { file_ids: [file.id, map.id] });
        await called(before + 1, 'the model is asked');
        await remove(file);
        await gone(file);
        await t.stack.tell('release'); // 500; the second try is refused, as the file is gone
        const reply = await run;
        assert.equal(reply.status, 200, reply.text);
        assert.equal(t.stack.upstream.count, before + 3);
        assert.deepEqual(last()[0].files, [map.provider_file_id]);
        assert.match(reply.json.reply, /it has been deleted since/);
        const turn = (await t.call('GET', `/chat/turns/${reply.json.turn_id}`)).json;
        assert.equal(turn.attempt, 2);
    });

    await t.test('refused for another reason: fails once', async () => {
        await script([{ status: 400, message: 'no' }]);
        const before = t.stack.upstream.count;
        const reply = await say('x', { file_ids: [map.id] });
        assert.deepEqual([reply.status, reply.json.code], [502, 'upstream_refused'], reply.text);
        assert.equal(t.stack.upstream.count, before + 1);
    });

    await t.test('after a takeover the model is given the same files', async () => {
        await script([{ hold: 1 }]);
        const before = t.stack.upstream.count;
        const run = say('take over', { file_ids: [map.id, dot.id] });
        await called(before + 1, 'the model is asked');
        t.stack.signal('chatd-1', 'SIGKILL');
        const reply = await run;
        assert.equal(reply.status, 200, reply.text);
        const [one, two] = t.stack.upstream.calls.slice(-2).map((c) => heard(c).input[0]);
        assert.deepEqual(two, one);
        assert.deepEqual([two.files, two.images], [[map.provider_file_id], [dot.provider_file_id]]);
        await t.stack.tell('release');
    });

    await t.test('while filed is away its turns wait, and others are answered', async () => {
        const start = await said('with a file', { file_ids: [map.id] });
        t.stack.signal('filed', 'SIGSTOP');
        try {
            const waits = say('goes on', { conversation_id: start.conversation_id });
            await eventually(async () => (await messages(start.conversation_id)).length === 4, { within: 30000, what: 'it is accepted' });
            assert.equal((await say('no file')).status, 200);
            const more = await said('plain');
            assert.equal((await say('plain, again', { conversation_id: more.conversation_id })).status, 200);
            const reply = await say('a new one', { file_ids: [map.id] });
            assert.ok([503, 504].includes(reply.status), reply.text);
            t.stack.signal('filed', 'SIGCONT');
            assert.equal((await waits).status, 200);
            assert.deepEqual(last()[0].files, [map.provider_file_id]);
        } finally {
            t.stack.signal('filed', 'SIGCONT');
        }
    });
}
