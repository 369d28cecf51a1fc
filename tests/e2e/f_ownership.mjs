// A second user's token walks every operation of the document with the owner's ids: nothing is
// there for it, and afterwards everything of the owner is as before.
import assert from 'node:assert/strict';
import { eventually } from '../harness/http.mjs';

export default async function (t) {
    const word = `owned ${t.client.nonce}`;
    const ids = {};

    // Everything that the owner can read, as text.
    const snapshot = async () => {
        await t.as('alice');
        const seen = [];
        for (const op of t.world.contract.operations) {
            if (op.method !== 'get' || !op.parameters.length || isAdmins(op)) continue;
            const reply = await t.call('GET', fill(op.template, ids));
            assert.equal(reply.status, 200, `the owner reads ${op.id}: ${reply.text}`);
            seen.push(`${op.id} ${reply.text}`);
        }
        return [...seen, (await t.call('GET', '/projects')).text].join('\n');
    };

    await t.test('the owner has one of everything', async () => {
        await t.as('alice');
        ids.session_id = (await t.call('GET', '/users/me/sessions')).json[0].id;
        ids.key_id = (await t.call('POST', '/users/me/keys', { body: { name: word, scopes: 'read' } })).json.id;
        const project = await t.call('POST', '/projects', { body: { name: word } });
        ids.project_id = project.json.id;
        const prompt = await t.call('POST', `/projects/${ids.project_id}/prompts`, { body: { name: word, content: word } });
        ids.prompt_id = prompt.json.id;
        const chat = await t.call('POST', '/chat', { body: { project_id: ids.project_id, message: word } });
        assert.equal(chat.status, 200, chat.text);
        ids.turn_id = chat.json.turn_id;
        ids.conversation_id = chat.json.conversation_id;
        ids.message_id = ids.parent_id = chat.json.message_id;
        const file = await t.upload(`/projects/${ids.project_id}/files`, word, { filename: `${word}.txt` });
        assert.equal(file.status, 201, file.text);
        ids.file_id = file.json.id;
        const ready = async () => (await t.call('GET', `/projects/files/${ids.file_id}`)).json.status === 'ready';
        await eventually(ready, { what: 'the file is ready' });
        ids.export_id = (await t.call('POST', '/users/me/exports')).json.id;
        const made = async () => (await t.call('GET', `/users/me/exports/${ids.export_id}`)).json.state === 'ready';
        await eventually(made, { what: 'the export is ready' });
    });

    let before;
    await t.test('the owner sees it', async () => {
        before = await snapshot();
        assert.match(before, new RegExp(word));
    });

    let walked = 0;
    for (const op of t.world.contract.operations) {
        const body = t.world.contract.sample(op);
        const named = Object.keys(body ?? {}).filter((name) => name in ids);
        for (const name of named) body[name] = ids[name];
        if ((!op.parameters.length && !named.length) || isAdmins(op)) continue;
        walked++;
        await t.test(`a stranger finds nothing at ${op.id}`, async () => {
            const missing = op.parameters.filter((name) => !(name in ids));
            assert.deepEqual(missing, [], 'the walk has no id for it: make one above');
            await t.as('bob');
            const path = fill(op.template, ids);
            const reply = op.row.requestBody?.content?.['multipart/form-data']
                ? await t.upload(path, 'mine')
                : await t.call(op.method.toUpperCase(), path, { body });
            assert.equal(reply.status, 404, `${op.id} ${JSON.stringify(body)}: ${reply.text}`);
            assert.equal(reply.json.code, 'not_found');
            assert.doesNotMatch(reply.text, new RegExp(word));
        });
    }

    await t.test('a stranger goes on in no conversation', async () => {
        await t.as('bob');
        const own = await t.call('POST', '/projects', { body: { name: "bob's" } });
        for (const body of [
            { project_id: own.json.id, conversation_id: ids.conversation_id, message: 'x' },
            { project_id: own.json.id, conversation_id: ids.conversation_id, parent_id: ids.message_id, message: 'x' },
            { project_id: ids.project_id, conversation_id: ids.conversation_id, message: 'x' },
        ])
            assert.equal((await t.call('POST', '/chat', { body })).status, 404);
    });

    await t.test('lists of a stranger hold nothing of the owner', async () => {
        await t.as('bob');
        for (const op of t.world.contract.operations) {
            if (op.method !== 'get' || op.parameters.length || !op.row.security?.length) continue;
            if (op.row.responses[200].content['text/event-stream']) continue; // never ends; see d_streams.mjs
            const reply = await t.call('GET', op.template);
            assert.doesNotMatch(reply.text, new RegExp(word), op.id);
        }
    });

    await t.test('nothing of the owner has changed', async () => {
        assert.ok(walked >= 7, `${walked} operations were walked`);
        assert.equal(await snapshot(), before);
    });
}

const fill = (template, ids) => template.replace(/\{([a-z_]+)\}/g, (_, name) => ids[name]);
// What nobody but admins reaches, see f_admin.mjs.
const isAdmins = (op) => op.template.startsWith('/admin/');
