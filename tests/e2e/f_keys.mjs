// API keys: what each scope and a project allow, walked over every operation of the document; that
// nothing else is allowed, and that a revoked key is refused everywhere within a second.
import assert from 'node:assert/strict';
import { isEndless } from '../harness/belongings.mjs';
import { eventually } from '../harness/http.mjs';
import { SCOPES, scopesOf as needs } from '../harness/scopes.mjs';

export const stack = { gateways: 2, own: true };

// A conversation as it is imported.
const conversation = (word) =>
    JSON.stringify({
        format: 'chatbot-conversation',
        version: 1,
        messages: [
            { parent: null, role: 'user', content: word },
            { parent: 0, role: 'assistant', content: word },
        ],
    });

export default async function (t) {
    const [here, there] = t.stack.ports;
    await t.as('alice');
    const session = t.client.who.token;
    const make = async (body) => {
        const reply = await t.call('POST', '/users/me/keys', { body: { name: 'robot', ...body }, token: session });
        assert.equal(reply.status, 201, reply.text);
        return reply.json;
    };
    const send = (op, ids, token) => {
        const path = op.template.replace(/\{([a-z_]+)\}/g, (_, name) => ids[name] ?? 999999999);
        // a sample of a password would be looked for in the files, where it is a name, too
        const body = needs(op)?.length ? t.world.contract.sample(op) : op.row.requestBody && {};
        if (body && 'project_id' in body) body.project_id = ids.project_id;
        return op.row.requestBody?.content?.['multipart/form-data']
            ? t.upload(path, op.id === 'conversation_import' ? conversation(t.client.nonce) : 'mine', { token })
            : t.call(op.method.toUpperCase(), path, { body, token });
    };
    const ids = {};
    const makeAll = async (name) => {
        const made = {};
        made.project_id = (await t.call('POST', '/projects', { body: { name }, token: session })).json.id;
        made.prompt_id = (await t.call('POST', `/projects/${made.project_id}/prompts`, { body: { name, content: name }, token: session })).json.id;
        const chat = await t.call('POST', '/chat', { body: { project_id: made.project_id, message: name }, token: session });
        Object.assign(made, { turn_id: chat.json.turn_id, conversation_id: chat.json.conversation_id, message_id: chat.json.message_id });
        made.file_id = (await t.upload(`/projects/${made.project_id}/files`, name, { token: session })).json.id;
        return made;
    };

    await t.test('a key is told once, works as a bearer token, and is listed without itself', async () => {
        const made = await make({ scopes: 'read' });
        assert.match(made.key, /^cbk_[\w-]{43}$/);
        assert.equal((await t.call('GET', '/users/me', { token: made.key })).json.id, t.client.who.id);
        const list = await t.call('GET', '/users/me/keys', { token: session });
        const row = list.json.find((k) => k.id === made.id);
        assert.equal(row.hint, made.key.slice(0, 8));
        assert.ok(row.last_used_at);
        assert.ok(!list.text.includes(made.key));
    });

    await t.test('a repeat of its making does not tell it again', async () => {
        const headers = { 'Idempotency-Key': `make-${t.client.nonce}` };
        const body = { name: 'once', scopes: 'read' };
        assert.equal((await t.call('POST', '/users/me/keys', { body, headers })).status, 201);
        const again = await t.call('POST', '/users/me/keys', { body, headers });
        assert.equal(again.status, 409);
        assert.equal(again.json.field, 'Idempotency-Key');
    });

    await t.test('each scope opens its operations and no other', async () => {
        Object.assign(ids, await makeAll('scoped'));
        let walked = 0;
        for (const scope of SCOPES) {
            const { key } = await make({ scopes: scope });
            for (const op of t.world.contract.operations) {
                const wanted = needs(op);
                if (!wanted) continue;
                const allowed = wanted.includes(scope) && !op.template.startsWith('/admin/');
                if (allowed && isEndless(op)) continue;
                // what is deleted here has to be there for the next one
                const reply = await send(op, op.method === 'delete' ? {} : ids, key);
                if (allowed) assert.ok(![401, 403].includes(reply.status), `${scope} at ${op.id}: ${reply.status}`);
                else assert.equal(reply.status, 403, `${scope} at ${op.id}: ${reply.status} ${reply.text}`);
                walked++;
            }
        }
        assert.ok(walked > 60, `${walked}`);
    });

    await t.test('a key of one project reaches nothing of another', async () => {
        const other = await makeAll('elsewhere');
        const { key } = await make({ scopes: 'read chat files admin', project_id: ids.project_id });
        for (const op of t.world.contract.operations) {
            const wanted = needs(op);
            if (!wanted?.length || ['user_me', 'model_list'].includes(op.id)) continue;
            const foreign = await send(op, other, key);
            assert.ok([403, 404].includes(foreign.status), `${op.id} of another project: ${foreign.status} ${foreign.text}`);
            if (op.method === 'delete' || op.template.startsWith('/admin/')) continue;
            const own = await send(op, ids, key);
            const bound = op.parameters.length || 'project_id' in (t.world.contract.sample(op) ?? {});
            const whole = op.id === 'message_continue' && own.status === 409; // the answer was not cut off
            if (bound) assert.ok(own.status < 300 || whole, `${op.id} of its own: ${own.status} ${own.text}`);
            else assert.equal(own.status, 403, `${op.id}: ${own.text}`);
        }
        const chat = (body) => t.call('POST', '/chat', { body: { message: 'x', ...body }, token: key });
        assert.equal((await chat({ project_id: ids.project_id, conversation_id: other.conversation_id })).status, 404);
        assert.ok([404, 422].includes((await chat({ project_id: ids.project_id, parent_id: other.message_id })).status));
        assert.equal((await chat({})).status, 404);
        assert.equal((await t.call('POST', '/chat', { body: `{"project_id":${ids.project_id},"project_id":${other.project_id},"message":"x"}`, token: key })).status, 400);
        // and the other project is as it was
        for (const path of [`/projects/${other.project_id}`, `/projects/files/${other.file_id}`, `/chat/turns/${other.turn_id}`])
            assert.equal((await t.call('GET', path, { token: session })).status, 200, path);
    });

    await t.test("a key that names somebody else's project reaches nothing", async () => {
        await t.as('bob');
        const foreign = (await t.call('POST', '/projects', { body: { name: "bob's" } })).json.id;
        await t.as('alice');
        const { key } = await make({ scopes: 'read chat files admin', project_id: foreign });
        for (const path of [`/projects/${foreign}`, `/projects/${foreign}/prompts`, `/projects/${ids.project_id}`])
            assert.equal((await t.call('GET', path, { token: key })).status, 404, path);
    });

    await t.test('revoked is refused here at once and there within a second', async () => {
        const { id, key } = await make({ scopes: 'read' });
        const me = async (port) => (await t.call('GET', '/users/me', { port, token: key })).status;
        assert.deepEqual([await me(here), await me(there)], [200, 200]);
        assert.equal((await t.call('DELETE', `/users/me/keys/${id}`, { token: session })).status, 204);
        assert.equal(await me(here), 401);
        await eventually(async () => (await me(there)) === 401, { within: 5000, every: 20, what: 'refused there' });
        assert.equal((await t.call('DELETE', `/users/me/keys/${id}`, { token: session })).status, 404);
    });

    await t.test('what looks like a key is none', async () => {
        const { key } = await make({ scopes: 'read' });
        const flipped = key.slice(0, 20) + (key[20] === 'A' ? 'B' : 'A') + key.slice(21);
        for (const token of [flipped, `${key}x`, key.slice(0, -1), key.toUpperCase(), 'cbk_', `cbk_${'A'.repeat(43)}`, `cbk_' OR true --`, key.slice(4)])
            assert.equal((await t.call('GET', '/users/me', { token })).status, 401, token);
    });

    await t.test('inputs', async () => {
        const refused = async (body, field) => {
            const reply = await t.call('POST', '/users/me/keys', { body });
            assert.equal(reply.status, 422, JSON.stringify(body));
            assert.equal(reply.json.field, field);
        };
        await refused({ scopes: 'read' }, 'name');
        await refused({ name: 'x', scopes: 'root' }, 'scopes');
        await refused({ name: 'x', scopes: 'read', days: 0 }, 'days');
        await refused({ name: 'x', scopes: 'read', rate: 6001 }, 'rate');
        await refused({ name: 'x', scopes: 'read', project_id: 'x' }, 'project_id');
        await refused({ name: 'x', scopes: 'read', key: 'cbk_mine' }, 'key');
    });
}
