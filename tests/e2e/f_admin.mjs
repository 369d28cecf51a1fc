// Admins: made on the console, served by /admin, and nobody else is; what they do is felt at every
// gateway within a second, and shows them nothing of what people wrote.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { eventually } from '../harness/http.mjs';
import { build, top } from '../harness/stack.mjs';

export const stack = { gateways: 2, own: true };

export default async function (t) {
    const [here, there] = t.stack.ports;
    const email = `root.${t.client.nonce}@example.com`;
    const password = `Pass-${t.client.nonce}-root-1`;
    t.world.secrets.add(password);
    const admin = (args, input = '') =>
        spawnSync(path.join(top, 'deploy/chatbot-admin'), ['--data', t.stack.data, ...args], { input, encoding: 'utf8', env: { ...process.env, BUILD_DIR: build } });
    const login = async (who, secret) => t.call('POST', '/users/login', { body: { email: who, password: secret }, token: null });
    let root;
    const as = (method, where, body) => t.call(method, where, { body, token: root });

    await t.test('the first admin comes from the console', async () => {
        assert.equal(admin(['create-admin', email], 'short\n').status, 1);
        assert.equal(admin(['create-admin', 'no address'], `${password}\n`).status, 1);
        assert.equal(admin(['create-admin']).status, 2);
        assert.equal(admin(['nonsense', email]).status, 2);
        const made = admin(['create-admin', email], `${password}\n`);
        assert.equal(made.status, 0, made.stderr);
        assert.ok(!made.stdout.includes(password) && !made.stderr.includes(password));
        root = (await login(email, password)).json.access_token;
        assert.equal((await as('GET', `/admin/users?q=root.${t.client.nonce}`)).json[0].role, 'admin');
    });

    await t.test('nobody else gets anything', async () => {
        await t.as('alice');
        const { key } = (await t.call('POST', '/users/me/keys', { body: { name: 'x', scopes: 'admin' } })).json;
        const narrow = (await as('POST', '/users/me/keys', { name: 'x', scopes: 'read chat files' })).json.key;
        let walked = 0;
        for (const op of t.world.contract.operations.filter((o) => o.template.startsWith('/admin/'))) {
            const where = op.template.replace(/\{[a-z_]+\}/g, '1');
            const body = op.row.requestBody && {};
            for (const [token, status] of [[t.client.who.token, 403], [key, 403], [narrow, 403], [null, 401]]) {
                const reply = await t.call(op.method.toUpperCase(), where, { body, token });
                assert.equal(reply.status, status, `${op.id}: ${reply.text}`);
                walked++;
            }
        }
        assert.ok(walked >= 40, `${walked}`);
        assert.equal((await login(email, password)).status, 200, 'and nothing happened');
    });

    await t.test('disabled is out everywhere within a second, and back in', async () => {
        await t.as('carol');
        const { id, token } = t.client.who;
        const { key } = (await t.call('POST', '/users/me/keys', { body: { name: 'x', scopes: 'read' } })).json;
        const me = async (port, with_) => (await t.call('GET', '/users/me', { port, token: with_ })).status;
        for (const port of [here, there]) assert.deepEqual([await me(port, token), await me(port, key)], [200, 200]);
        const changed = await as('PUT', `/admin/users/${id}`, { disabled: true });
        assert.equal(changed.status, 200, changed.text);
        assert.equal(changed.json.disabled, true);
        for (const port of [here, there])
            for (const with_ of [token, key]) await eventually(async () => (await me(port, with_)) === 401, { within: 5000, every: 20, what: 'refused' });
        assert.equal((await login(t.client.who.email, t.client.who.password)).status, 403);
        assert.equal((await as('PUT', `/admin/users/${id}`, { disabled: false })).status, 200);
        assert.equal((await login(t.client.who.email, t.client.who.password)).status, 200);
        assert.equal(await me(here, key), 200);
    });

    await t.test('sessions are ended, and roles change, at every gateway', async () => {
        await t.as('dave');
        const { id } = t.client.who;
        const token = await t.client.login('dave');
        assert.equal((await as('DELETE', `/admin/users/${id}/sessions`)).status, 204);
        await eventually(async () => (await t.call('GET', '/users/me', { port: there, token })).status === 401, { within: 5000, what: 'ended' });
        await t.client.login('dave');
        assert.equal((await t.call('GET', '/admin/users', { port: there })).status, 403);
        assert.equal((await as('PUT', `/admin/users/${id}`, { role: 'admin' })).status, 200);
        await eventually(async () => (await t.call('GET', '/admin/users', { port: there })).status === 200, { within: 5000, what: 'is an admin' });
        assert.equal((await as('PUT', `/admin/users/${id}`, { role: 'user' })).status, 200);
        await eventually(async () => (await t.call('GET', '/admin/users', { port: there })).status === 403, { within: 5000, what: 'is none' });
        assert.equal((await as('PUT', `/admin/users/${id}`, { role: 'root' })).status, 422);
    });

    await t.test('admins see what is used and nothing of what is said', async () => {
        const secret = `confided ${t.client.nonce}`;
        await t.as('erin');
        const { id } = t.client.who;
        const project = (await t.call('POST', '/projects', { body: { name: secret } })).json.id;
        const chat = await t.call('POST', '/chat', { body: { project_id: project, message: secret } });
        assert.equal(chat.status, 200, chat.text);
        const usage = await eventually(async () => {
            const reply = await as('GET', `/admin/users/${id}/usage?days=2`);
            return reply.json.turns === 1 && reply;
        }, { what: 'the turn is counted' });
        assert.equal(usage.json.by_day.length, 1);
        assert.equal(usage.json.by_day[0].output_tokens, usage.json.output_tokens);
        const seen = [usage.text];
        for (const where of [`/admin/users/${id}`, '/admin/users', '/admin/invites', '/admin/settings']) seen.push((await as('GET', where)).text);
        assert.doesNotMatch(seen.join('\n'), new RegExp(secret));
        for (const where of [`/projects/${project}`, `/chat/turns/${chat.json.turn_id}`]) assert.equal((await as('GET', where)).status, 404);
        assert.equal((await as('GET', '/admin/users/999999999')).status, 404);
    });

    await t.test('the queue is told in numbers', async () => {
        await t.as('fay');
        const project = (await t.call('POST', '/projects', { body: { name: 'held', model: 'hold' } })).json.id;
        const idle = (await as('GET', '/admin/queue')).json;
        assert.deepEqual([idle.queued, idle.queued_users, idle.oldest_seconds, idle.running, idle.running_users], [0, 0, 0, 0, 0]);
        assert.deepEqual(idle.processes.map((p) => p.running), [0]);
        // four of a user run at once
        const replies = Array.from({ length: 6 }, () => t.call('POST', '/chat', { body: { project_id: project, message: 'hold on' }, timeout: 60000 }));
        const busy = await eventually(async () => {
            const { json } = await as('GET', '/admin/queue');
            return json.running === 4 && json.queued === 2 && json.oldest_seconds > 0 && json;
        }, { within: 30000, what: 'two wait' });
        assert.deepEqual([busy.queued_users, busy.running_users], [1, 1]);
        assert.deepEqual(busy.processes.map((p) => p.running), [4]);
        const released = setInterval(() => t.stack.tell('release'), 100);
        for (const reply of replies) assert.equal((await reply).status, 200);
        clearInterval(released);
    });

    await t.test('a reset voids the password; its token sets a new one, once', async () => {
        await t.as('frank');
        const { id, email: his, password: old, token } = t.client.who;
        const fresh = `Fresh-${t.client.nonce}-1`;
        const made = await as('POST', `/admin/users/${id}/reset`);
        assert.equal(made.status, 200, made.text);
        await eventually(async () => (await t.call('GET', '/users/me', { port: there, token })).status === 401, { within: 5000, what: 'ended' });
        assert.equal((await login(his, old)).status, 403);
        const confirm = (body) => t.call('POST', '/users/password/reset/confirm', { body, token: null });
        assert.equal((await confirm({ token: 'x'.repeat(43), password: fresh })).status, 422);
        assert.equal((await confirm({ token: made.json.token, password: fresh })).status, 204);
        assert.equal((await confirm({ token: made.json.token, password: fresh })).status, 422);
        assert.equal((await login(his, old)).status, 401);
        assert.equal((await login(his, fresh)).status, 200);
        const said = admin(['reset', his]);
        assert.equal(said.status, 0, said.stderr);
        assert.equal((await login(his, fresh)).status, 403);
        assert.equal((await confirm({ token: said.stdout.trim(), password: `${fresh}2` })).status, 204);
    });

    await t.test('registration: closed, by invitation, open', async () => {
        const register = (name, more = {}) => t.call('POST', '/users/register', { body: { email: `${name}.${t.client.nonce}@example.com`, password, ...more }, token: null });
        assert.equal((await as('PUT', '/admin/settings', { registration: 'closed' })).json.registration, 'closed');
        assert.equal((await register('g')).status, 403);
        assert.equal((await as('PUT', '/admin/settings', { registration: 'invite' })).status, 200);
        assert.equal((await register('g')).status, 403);
        const made = await as('POST', '/admin/invites', { email: `g.${t.client.nonce}@example.com` });
        assert.equal(made.status, 201, made.text);
        assert.equal((await as('GET', '/admin/invites')).json.length, 1);
        assert.ok(!(await as('GET', '/admin/invites')).text.includes(made.json.token));
        assert.equal((await register('h', { invite: made.json.token })).status, 422);
        assert.equal((await register('g', { invite: made.json.token })).status, 201);
        assert.equal((await register('g2', { invite: made.json.token })).status, 422);
        const token = admin(['invite']).stdout.trim();
        const [row] = (await as('GET', '/admin/invites')).json;
        assert.equal(row.created_by, 0);
        assert.equal((await as('DELETE', `/admin/invites/${row.id}`)).status, 204);
        assert.equal((await register('h', { invite: token })).status, 422);
        assert.equal((await as('PUT', '/admin/settings', { registration_domains: 'elsewhere.example', registration: 'open' })).status, 200);
        assert.equal((await register('h')).status, 403);
        assert.equal((await as('PUT', '/admin/settings', { registration_domains: null, registration: null })).json.registration, 'open');
        assert.equal((await register('h')).status, 201);
        assert.equal((await as('PUT', '/admin/settings', { registration: 'ajar' })).status, 422);
    });

    await t.test('nobody shuts themselves out; the console lets in again', async () => {
        const me = (await t.call('GET', '/users/me', { token: root })).json.id;
        assert.equal((await as('PUT', `/admin/users/${me}`, { disabled: true })).status, 409);
        assert.equal((await as('PUT', `/admin/users/${me}`, { role: 'user' })).status, 409);
        assert.equal(admin(['disable', email]).status, 0);
        await eventually(async () => (await t.call('GET', '/users/me', { token: root })).status === 401, { within: 5000, what: 'refused' });
        assert.equal(admin(['enable', email]).status, 0);
        assert.equal((await login(email, password)).status, 200);
        assert.equal(admin(['disable', `nobody.${t.client.nonce}@example.com`]).status, 1);
    });
}
