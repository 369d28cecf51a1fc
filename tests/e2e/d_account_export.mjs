// Exports of whole accounts: what is in the archive, for how long, and that no kill loses one.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { execFileSync } from 'node:child_process';
import { execute } from '../harness/database.mjs';
import { eventually, sleep } from '../harness/http.mjs';

export const stack = { own: true };

export default async function (t) {
    t.expectLog(/event=(export|outbox)|upstream|unavailable|too_late|code=/); // others notice the stop and the kill
    await t.as('alice');
    const word = t.client.nonce;
    const dir = fs.mkdtempSync(path.join(t.stack.data, 'read-'));
    const archives = () => fs.readdirSync(path.join(t.stack.data, 'blobs', 'exports')).sort();
    const get = async (id) => (await t.call('GET', `/users/me/exports/${id}`)).json;
    const ready = (id) =>
        eventually(
            async () => {
                const e = await get(id);
                assert.notEqual(e.state, 'failed', JSON.stringify(e));
                return e.state === 'ready' && e;
            },
            { within: 60000, what: `export ${id} is ready` },
        );
    const made = async () => {
        const reply = await t.call('POST', '/users/me/exports');
        assert.equal(reply.status, 202, reply.text);
        assert.equal(reply.headers.location, `/users/me/exports/${reply.json.id}`);
        return ready(reply.json.id);
    };
    const remove = async (id) => assert.equal((await t.call('DELETE', `/users/me/exports/${id}`)).status, 204);
    // The archive's entries by name, as tar reads them.
    const unpack = async (id) => {
        const reply = await t.call('GET', `/users/me/exports/${id}/content`);
        assert.equal(reply.status, 200, reply.text.slice(0, 200));
        const file = path.join(dir, `${id}.tar`);
        fs.writeFileSync(file, reply.bytes);
        const names = execFileSync('tar', ['-tf', file], { encoding: 'utf8' }).trim().split('\n');
        const entry = (name) => execFileSync('tar', ['-xOf', file, name], { maxBuffer: 1 << 28 });
        return { reply, names, entry, json: (name) => JSON.parse(entry(name)) };
    };

    const one = (await t.call('POST', '/projects', { body: { name: `one ${word}`, temperature: 0.5 } })).json.id;
    await t.call('POST', '/projects', { body: { name: `two ${word}` } });
    await t.call('POST', `/projects/${one}/prompts`, { body: { name: 'second', content: 'later', position: 9, enabled: false } });
    await t.call('POST', `/projects/${one}/prompts`, { body: { name: 'first', content: `Speak "so" ${word}`, position: 1 } });
    const content = crypto.randomBytes(300000);
    for (const filename of ['a.bin', 'b.bin']) assert.equal((await t.upload(`/projects/${one}/files`, content, { filename })).status, 201);
    const conversations = [];
    for (const message of ['x', 'y', 'z'].map((x) => `${x} ${word}`)) conversations.push((await t.call('POST', '/chat', { body: { project_id: one, message } })).json.conversation_id);

    await t.test('it has all that is theirs', async () => {
        const e = await made();
        assert.deepEqual([e.projects, e.conversations, e.files, e.error], [2, 3, 1, null]);
        const { reply, names, entry, json } = await unpack(e.id);
        assert.equal(reply.headers['content-type'], 'application/x-tar');
        assert.match(reply.headers['content-disposition'], /^attachment; filename="chatbot-\d{4}-\d\d-\d\d\.tar"/);
        assert.equal(reply.headers.etag, `"${e.sha256}"`);
        assert.equal(reply.bytes.length, e.bytes);
        assert.equal(crypto.createHash('sha256').update(reply.bytes).digest('hex'), e.sha256);
        const sha256 = crypto.createHash('sha256').update(content).digest('hex');
        assert.deepEqual(names, ['account.json', 'projects/1.json', 'projects/2.json', `files/${sha256}`, ...[1, 2, 3].map((n) => `projects/1/conversations/${n}.json`)]);
        assert.deepEqual([json('account.json').format, json('account.json').version], ['chatbot-account', 1]);
        const { project, files } = json('projects/1.json');
        assert.equal(project.name, `one ${word}`);
        assert.equal(project.temperature, 0.5);
        assert.deepEqual(project.prompts.map((p) => [p.name, p.content, p.enabled]), [['first', `Speak "so" ${word}`, true], ['second', 'later', false]]);
        assert.deepEqual(files.map((f) => [f.filename, f.bytes, f.sha256]), [['a.bin', 300000, sha256], ['b.bin', 300000, sha256]]);
        assert.deepEqual(json('projects/2.json').files, []);
        assert.ok(entry(`files/${sha256}`).equals(content));
        for (const [i, id] of conversations.entries())
            assert.equal(entry(`projects/1/conversations/${i + 1}.json`).toString(), (await t.call('GET', `/conversations/${id}/export?format=json`)).text);
        // a conversation of it is imported as any other
        const back = await t.upload(`/projects/${one}/conversations/import`, entry('projects/1/conversations/1.json'));
        assert.equal(back.status, 201, back.text);
        const part = await t.call('GET', `/users/me/exports/${e.id}/content`, { headers: { Range: 'bytes=257-261' } });
        assert.deepEqual([part.status, part.text], [206, 'ustar']);
        await remove(e.id);
        assert.equal((await t.call('GET', `/users/me/exports/${e.id}/content`)).status, 404);
        assert.deepEqual(archives(), []);
    });

    await t.test('another account gets all of it, once', async () => {
        const before = (await made()).id;
        const { json } = await unpack(before);
        const archive = path.join(dir, `${before}.tar`);
        await t.as('carol');
        const restore = () => {
            const env = { ...process.env, TOKEN: t.client.who.token };
            return execFileSync('deploy/import-account', [archive, `http://127.0.0.1:${t.stack.port}`], { env, encoding: 'utf8', timeout: 120000 }).trim();
        };
        assert.equal(restore(), '2 projects, 2 files, 4 conversations; 8 of them were new');
        assert.equal(restore(), '2 projects, 2 files, 4 conversations; 0 of them were new');
        const projects = (await t.call('GET', '/projects')).json;
        assert.deepEqual(projects.map((p) => [p.name, p.temperature]), [[`one ${word}`, 0.5], [`two ${word}`, null]]);
        const prompts = (await t.call('GET', `/projects/${projects[0].id}/prompts`)).json;
        assert.deepEqual(prompts.map((p) => [p.name, p.content, p.position, p.enabled, p.version]), [['first', `Speak "so" ${word}`, 1, true, 1], ['second', 'later', 9, false, 1]]);
        const files = (await t.call('GET', `/projects/${projects[0].id}/files`)).json;
        assert.deepEqual(files.map((f) => [f.filename, f.sha256]), json('projects/1.json').files.map((f) => [f.filename, f.sha256]));
        assert.ok((await t.call('GET', `/projects/files/${files[0].id}/content`)).bytes.equals(content));
        const said = [];
        for (const c of (await t.call('GET', `/projects/${projects[0].id}/conversations`)).json.reverse())
            said.push((await t.call('GET', `/conversations/${c.id}/messages?order=asc`)).json.map((m) => m.content));
        assert.deepEqual(said, [1, 2, 3, 4].map((n) => json(`projects/1/conversations/${n}.json`).messages.map((m) => m.content)));
        await t.as('alice');
        await remove(before);
    });

    await t.test('what is wrong in a project is named, and nothing stays', async () => {
        await t.as('dave');
        const prompt = { name: 'a', content: 'b' };
        for (const [file, status, field] of [
            ['mine', 400, 'file'],
            [[], 422, 'file'],
            [{ project: 5 }, 422, 'project'],
            [{ project: {} }, 422, 'project.name'],
            [{ project: { name: 'x', colour: 'red' } }, 422, 'project.colour'],
            [{ project: { name: 'x', temperature: 3 } }, 422, 'project.temperature'],
            [{ project: { name: 'x' }, more: 1 }, 422, 'more'],
            [{ project: { name: 'x', prompts: [prompt, { ...prompt, content: 'x'.repeat(32769) }] } }, 422, 'project.prompts[1].content'],
            [{ project: { name: 'x', prompts: Array(51).fill(prompt) } }, 422, 'project.prompts'],
            [{ project: { name: 'a\u0000b' } }, 422, 'project.name'],
            ['x'.repeat((8 << 20) + 1), 413, 'file'],
        ]) {
            const reply = await t.upload('/projects/import', typeof file === 'string' ? file : JSON.stringify(file));
            assert.deepEqual([reply.status, reply.json.field], [status, field], reply.text);
        }
        assert.deepEqual((await t.call('GET', '/projects')).json, []);
        const file = JSON.stringify({ project: { name: 'kept', prompts: [prompt] } });
        const all = await Promise.all([1, 2, 3].map(() => t.upload('/projects/import', file)));
        assert.deepEqual(all.map((r) => r.status).sort(), [200, 200, 201]);
        const [{ id, name }] = (await t.call('GET', '/projects')).json;
        assert.ok(all.every((r) => r.json.id === id && r.json.name === name && name === 'kept'));
        await t.call('DELETE', `/projects/${id}`);
        assert.equal((await t.upload('/projects/import', file)).status, 201, 'deleted, it is made anew');
        await t.as('alice');
    });

    await t.test('no stranger, no other account, no API key reaches it', async () => {
        const e = await made();
        const { key } = (await t.call('POST', '/users/me/keys', { body: { name: 'k', scopes: 'read chat files admin' } })).json;
        for (const [method, at] of [['GET', ''], ['POST', ''], ['GET', `/${e.id}`], ['GET', `/${e.id}/content`], ['DELETE', `/${e.id}`]])
            assert.equal((await t.call(method, `/users/me/exports${at}`, { token: key })).status, 403, `${method} ${at}`);
        await t.as('bob');
        assert.deepEqual((await t.call('GET', '/users/me/exports')).json, []);
        for (const [method, at] of [['GET', ''], ['GET', '/content'], ['DELETE', '']])
            assert.equal((await t.call(method, `/users/me/exports/${e.id}${at}`)).status, 404, `${method} ${at}`);
        const own = await made();
        assert.deepEqual((await unpack(own.id)).names, ['account.json']);
        await t.as('alice');
        assert.deepEqual((await t.call('GET', '/users/me/exports')).json.map((x) => x.id), [e.id]);
        await remove(e.id);
    });

    await t.test('a killed one is begun anew, one at a time, and a deleted one is broken off', async () => {
        // it hangs while chatd is stopped
        t.stack.signal('chatd-1', 'SIGSTOP');
        const { id } = (await t.call('POST', '/users/me/exports')).json;
        await eventually(async () => archives().some((name) => name.startsWith(`${id}-`)) && (await get(id)).state === 'running', { what: 'it is being made' });
        const second = await t.call('POST', '/users/me/exports');
        assert.deepEqual([second.status, second.json.code], [409, 'limit_reached']);
        assert.equal((await t.call('GET', `/users/me/exports/${id}/content`)).json.code, 'export_not_ready');
        const before = t.stack.pid('filed');
        t.stack.signal('filed', 'SIGKILL');
        await eventually(() => ![0, before].includes(t.stack.pid('filed')), { what: 'filed is back' });
        t.stack.signal('chatd-1', 'SIGCONT');
        const e = await ready(id);
        assert.deepEqual([e.projects, e.conversations, e.files], [2, 4, 1]);
        assert.equal((await unpack(id)).names.length, 8);
        await eventually(() => archives().length === 2, { within: 90000, what: 'what the kill left is swept: this one and the other account' });
        await remove(id);

        t.stack.signal('chatd-1', 'SIGSTOP');
        const gone = (await t.call('POST', '/users/me/exports')).json.id;
        await eventually(async () => (await get(gone)).state === 'running', { what: 'it is being made' });
        await remove(gone);
        await sleep(500);
        t.stack.signal('chatd-1', 'SIGCONT');
        await eventually(() => !archives().some((name) => name.startsWith(`${gone}-`)), { what: 'nothing is left of it' });
        assert.equal((await t.call('GET', `/users/me/exports/${gone}`)).status, 404);
    });

    await t.test('three are kept, and for two days', async () => {
        const kept = [await made(), await made(), await made()];
        const more = await t.call('POST', '/users/me/exports');
        assert.deepEqual([more.status, more.json.code], [409, 'limit_reached']);
        const life = Date.parse(kept[0].expires_at) - Date.parse(kept[0].finished_at);
        assert.equal(life, 48 * 3600 * 1000);
        await execute(t.stack, `UPDATE file.account_export SET expires_at = now() - interval '1 second' WHERE id = ${kept[0].id}`);
        await eventually(async () => (await t.call('GET', `/users/me/exports/${kept[0].id}`)).status === 404, { within: 90000, what: 'it is deleted' });
        await eventually(() => !archives().some((name) => name.startsWith(`${kept[0].id}-`)), { within: 90000, what: 'so is its archive' });
        assert.equal((await unpack(kept[1].id)).names[0], 'account.json');
        await made();
    });
}
