// Files in chat messages where the provider speaks chat completions: texts become part of the
// message, everything else is refused with a reason.
import assert from 'node:assert/strict';
import { copiesOf } from '../harness/copies.mjs';
import { heard } from '../harness/upstream.mjs';

export const stack = { settings: { OPENAI_API: 'chat_completions' } };

export default async function (t) {
    await t.as('alice');
    const project = (await t.call('POST', '/projects', { body: { name: 'texts' } })).json.id;
    const add = async (filename, content) => {
        const reply = await t.upload(`/projects/${project}/files`, content, { filename });
        assert.equal(reply.status, 201, reply.text);
        return reply.json;
    };
    const say = (message, more = {}) => t.call('POST', '/chat', { body: { project_id: project, message, ...more } });
    const said = async (...args) => {
        const reply = await say(...args);
        assert.equal(reply.status, 200, reply.text);
        return reply.json;
    };
    const refused = async (file, pattern) => {
        const before = t.stack.upstream.count;
        const reply = await say('x', { file_ids: [map.id, file.id] });
        assert.deepEqual([reply.status, reply.json.code, reply.json.field], [422, 'bad_input', 'file_ids'], reply.text);
        assert.match(reply.json.detail, new RegExp(`file ${file.id} .*${pattern}.*"${file.filename}`));
        assert.equal(t.stack.upstream.count, before, 'the model was not asked');
    };
    const last = () => t.stack.upstream.last.body.messages.slice(1); // behind the system prompt

    let map, talk;
    await t.test('a text stands in the message, under its name', async () => {
        map = await add('"map" & <more>.txt', 'Schätze\nunter der Eiche\n');
        const list = await add('list.csv', 'a,b\n1,2');
        assert.deepEqual([map.status, list.status], ['stored', 'stored']);
        talk = await said('Where?', { file_ids: [list.id, map.id] });
        assert.deepEqual(last(), [{
            role: 'user',
            content: '<file name="list.csv">\na,b\n1,2\n</file>\n' +
                '<file name="&quot;map&quot; &amp; &lt;more>.txt">\nSchätze\nunter der Eiche\n</file>\n\nWhere?',
        }]);
    });

    await t.test('later turns keep it, until it is deleted', async () => {
        await said('And?', { conversation_id: talk.conversation_id });
        assert.match(last()[0].content, /unter der Eiche.*Where\?$/s);
        const list = (await t.call('GET', `/conversations/${talk.conversation_id}/messages?order=asc`)).json;
        assert.equal((await t.call('DELETE', `/projects/files/${list[0].file_ids[0]}`)).status, 204);
        await said('Still?', { conversation_id: talk.conversation_id });
        assert.match(last()[0].content, /^\[A file was attached here: it has been deleted since\.\]\n<file name="&quot;map/);
        assert.doesNotMatch(last()[0].content, /a,b/);
    });

    await t.test('what does not fit into the budget is left out', async () => {
        const long = await add('long.txt', 'line\n'.repeat(20000)); // 100,000 bytes
        await t.stack.tell('script', { models: { echo: { reply: 'short' } } });
        const start = await said('Sum up', { file_ids: [long.id] });
        assert.ok(last()[0].content.length > 100000);
        await said('More', { conversation_id: start.conversation_id });
        assert.match(last()[0].content, /^\[The file "long\.txt" was attached here: it is left out.*\n\nSum up$/s);
        await t.stack.tell('script', { models: {} });
    });

    await t.test('256 KiB are given, one byte more is refused', async () => {
        const most = await add('most.txt', 'x'.repeat(256 * 1024));
        await said('Most', { file_ids: [most.id] });
        assert.equal(last()[0].content.length, 256 * 1024 + '<file name="most.txt">\n\n</file>\n\nMost'.length);
        await refused(await add('more.txt', 'x'.repeat(256 * 1024 + 1)), '262144');
    });

    await t.test('what is no text is refused', async () => {
        await refused(await add('latin1.txt', Buffer.from('caf\xe9 au lait', 'latin1')), 'not UTF-8 text');
        await refused(await add('nul.txt', 'a\0b'), 'not UTF-8 text');
        await refused(await add('doc.pdf', '%PDF-1.4\n1 0 obj\n<< >>\nendobj\n'), 'not UTF-8 text');
        await refused(await add('dot.gif', Buffer.from('R0lGODlhAQABAAAAACwAAAAAAQABAAA=', 'base64')), 'not UTF-8 text');
    });

    await t.test('a file that is not there', async () => {
        const reply = await say('x', { file_ids: [999999999] });
        assert.deepEqual([reply.status, reply.json.field], [404, 'file_ids'], reply.text);
    });

    await t.test('the provider is sent no copies', async () => {
        assert.deepEqual(await copiesOf(t.stack), []);
        assert.match(heard(t.stack.upstream.last).user, /Most$/);
    });
}
