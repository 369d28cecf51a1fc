// The audit: what happens to accounts is noted, by every service, seen by whom it concerns and by
// admins, never says what people wrote, and cannot be changed without a trace.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { execute, select } from '../harness/database.mjs';
import { eventually } from '../harness/http.mjs';
import { build, top } from '../harness/stack.mjs';

export const stack = { settings: { REQUEST_WAIT: '120' }, own: true };

const SOON = 60000;

export default async function (t) {
    const run = (args, input = '') =>
        spawnSync(path.join(top, 'deploy/chatbot-admin'), ['--data', t.stack.data, ...args], { input, encoding: 'utf8', env: { ...process.env, BUILD_DIR: build } });
    const own = async (query = '') => (await t.call('GET', `/users/me/audit${query}`)).json;
    const noted = (action, within = SOON) => eventually(async () => (await own()).find((e) => e.action === action), { within, what: `${action} is noted` });
    const email = `root.${t.client.nonce}@example.com`;
    const password = `Pass-${t.client.nonce}-root-1`;
    t.world.secrets.add(password);
    let root;

    await t.test('what one does is in one\'s own audit, from every service', async () => {
        const who = await t.as('alice');
        const word = t.client.nonce;
        await t.call('POST', '/users/login', { body: { email: who.email, password: 'Wrong-password-1' }, token: null });
        const key = (await t.call('POST', '/users/me/keys', { body: { name: word, scopes: 'read' } })).json.id;
        await t.call('DELETE', `/users/me/keys/${key}`);
        const project = (await t.call('POST', '/projects', { body: { name: word } })).json.id;
        const file = (await t.upload(`/projects/${project}/files`, word)).json.id;
        const { conversation_id: conversation } = (await t.call('POST', '/chat', { body: { project_id: project, message: word } })).json;
        assert.equal((await t.call('DELETE', `/projects/files/${file}`)).status, 204);
        assert.equal((await t.call('DELETE', `/conversations/${conversation}`)).status, 204);
        assert.equal((await t.call('DELETE', `/projects/${project}`)).status, 204);
        const made = (await t.call('POST', '/users/me/exports')).json.id;
        await eventually(async () => (await t.call('GET', `/users/me/exports/${made}/content`, { form: false })).status === 200, { within: SOON, what: 'the archive is read' });
        assert.equal((await t.call('DELETE', `/users/me/exports/${made}`)).status, 204);
        for (const action of ['file_deleted', 'conversation_deleted', 'project_deleted', 'export_read', 'export_deleted']) await noted(action);
        const entries = await own();
        const find = (action) => entries.find((e) => e.action === action);
        for (const action of ['registered', 'login', 'login_failed', 'key_made', 'key_revoked', 'export_made']) assert.ok(find(action), action);
        assert.equal(find('key_made').object, `key:${key}`);
        assert.equal(find('project_deleted').object, `project:${project}`);
        assert.equal(find('file_deleted').object, `file:${file}`);
        for (const e of entries) assert.deepEqual([e.account_id, e.actor_id, e.address], [who.id, who.id, '127.0.0.1'], JSON.stringify(e));
        assert.ok(!JSON.stringify(entries).includes(word), 'numbers only');
        const [first] = await own('?limit=1');
        assert.deepEqual(first, entries[0]);
        assert.deepEqual((await own(`?after=${first.id}&limit=2`)).map((e) => e.id), entries.slice(1, 3).map((e) => e.id));
        const ids = (list) => list.map((e) => e.id);
        const whole = await own();
        assert.deepEqual(ids(await own('?newest=true')), ids(whole).reverse());
        assert.deepEqual(ids(await own('?newest=false')), ids(whole));
        const page = await t.call('GET', '/users/me/audit?newest=true&limit=3');
        const next = /<([^>]+)>; rel="next"/.exec(page.headers.link)[1];
        assert.deepEqual(ids([...page.json, ...(await t.call('GET', next)).json]), ids(whole).slice(-6).reverse());
        await t.as('bob');
        await noted('login');
        assert.deepEqual((await own()).map((e) => e.action), ['registered', 'login']);
    });

    await t.test('admins see all of it', async () => {
        assert.equal(run(['create-admin', email], `${password}\n`).status, 0);
        root = (await t.call('POST', '/users/login', { body: { email, password }, token: null })).json.access_token;
        const all = async (query) => (await t.call('GET', `/admin/audit${query}`, { token: root })).json;
        const { id } = await t.as('bob');
        assert.equal((await t.call('PUT', `/admin/users/${id}`, { body: { disabled: true }, token: root })).status, 200);
        assert.equal((await t.call('PUT', '/admin/settings', { body: { registration: 'open' }, token: root })).status, 200);
        const [disabled] = await eventually(async () => { const found = await all(`?user_id=${id}&action=account_disabled`); return found.length && found; }, { within: SOON, what: 'noted' });
        assert.notEqual(disabled.actor_id, id);
        assert.equal(disabled.account_id, id);
        await eventually(async () => (await all('?action=setting_changed')).length, { within: SOON, what: 'noted' });
        assert.deepEqual((await all(`?action=registered`)).at(-1).address, 'console');
        assert.deepEqual((await all('?action=role_changed')).map((e) => [e.actor_id, e.detail, e.address]), [[0, 'admin', 'console']]);
        assert.ok((await all('?days=1')).length >= 10);
        const [newest] = await all(`?user_id=${id}&newest=true&limit=1`);
        assert.equal(newest.id, disabled.id);
        assert.deepEqual(await all(`?user_id=${id}&newest=true&after=${disabled.id}`), (await all(`?user_id=${id}`)).filter((e) => e.id < disabled.id).reverse());
        assert.deepEqual(await all('?action=no_such_action'), []);
    });

    await t.test('it verifies, and what was changed shows', async () => {
        const good = run(['verify-audit']);
        assert.equal(good.status, 0, good.stderr);
        assert.match(good.stdout, /^ok \d+ entries\n$/);
        await execute(t.stack, "UPDATE auth.audit SET actor_id = actor_id + 1 WHERE id = 3");
        const changed = run(['verify-audit']);
        assert.deepEqual([changed.status, changed.stdout], [1, 'bad 3\n']);
        await execute(t.stack, 'UPDATE auth.audit SET actor_id = actor_id - 1 WHERE id = 3');
        assert.equal(run(['verify-audit']).status, 0);
        await execute(t.stack, 'CREATE TABLE auth.kept AS SELECT * FROM auth.audit WHERE id = 4; DELETE FROM auth.audit WHERE id = 4');
        assert.deepEqual([run(['verify-audit']).stdout], ['bad 5\n']);
        await execute(t.stack, 'INSERT INTO auth.audit SELECT * FROM auth.kept; DROP TABLE auth.kept');
        assert.equal(run(['verify-audit']).status, 0);
    });

    await t.test('a head that was noted shows what the chain alone does not', async () => {
        const told = await eventually(() => t.stack.logs().map((file) => fs.readFileSync(file, 'utf8')).join('').match(/event=audit_head id=(\d+) hash=([0-9a-f]{64})/), { what: 'the log has a head' });
        const good = run(['verify-audit', '--head', told[2]]);
        assert.deepEqual([good.status, /^ok \d+ entries\n$/.test(good.stdout)], [0, true], good.stdout + good.stderr);
        assert.equal(run(['verify-audit', '--head', told[2].toUpperCase()]).status, 0);
        for (const wrong of [['--head'], ['--head', 'x'], [told[2]], ['--heads', told[2]]]) assert.notEqual(run(['verify-audit', ...wrong]).status, 0, wrong.join(' '));
        // a chain that ends before the head is whole in itself
        await t.client.login('alice');
        await eventually(async () => (await select(t.stack, 'SELECT FROM auth.audit_pending')).length === 0, { what: 'it is in the chain' });
        const [{ id, hash }] = await select(t.stack, "SELECT id, encode(hash, 'hex') AS hash FROM auth.audit ORDER BY id DESC LIMIT 1");
        assert.ok(id > Number(told[1]));
        assert.equal(run(['verify-audit', '--head', hash]).status, 0);
        await execute(t.stack, `CREATE TABLE auth.kept AS SELECT * FROM auth.audit WHERE id = ${id}; DELETE FROM auth.audit WHERE id = ${id}`);
        assert.equal(run(['verify-audit']).status, 0);
        const cut = run(['verify-audit', '--head', hash]);
        assert.deepEqual([cut.status, cut.stdout], [1, 'bad head\n']);
        await execute(t.stack, 'INSERT INTO auth.audit SELECT * FROM auth.kept; DROP TABLE auth.kept');
        assert.equal(run(['verify-audit', '--head', hash]).status, 0);
    });

    await t.test('no kill loses an entry', async () => {
        t.expectLog(/./);
        await t.as('carol');
        const projects = [];
        for (let i = 0; i < 12; i++) projects.push((await t.call('POST', '/projects', { body: { name: 'x' } })).json.id);
        for (const [i, id] of projects.entries()) {
            if (i === 4) t.stack.signal('authd', 'SIGKILL');
            if (i === 8) t.stack.signal('projectd', 'SIGKILL');
            await eventually(async () => [204, 404].includes((await t.call('DELETE', `/projects/${id}`, { form: false }).catch(() => ({}))).status), { within: SOON, what: 'deleted' });
        }
        const mine = async () => (await own()).filter((e) => e.action === 'project_deleted').map((e) => e.object);
        await eventually(async () => (await mine()).length >= projects.length, { within: SOON, what: 'all are noted' });
        assert.deepEqual((await mine()).sort(), projects.map((id) => `project:${id}`).sort());
        assert.equal(run(['verify-audit']).status, 0);
    });
}
