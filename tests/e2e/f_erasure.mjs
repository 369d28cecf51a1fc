// A deleted account: out everywhere at once, erased behind it in every schema, on disk and at the
// provider, with a receipt that says erased when the last copy is gone, and not before.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import http from 'node:http';
import path from 'node:path';
import { copiesOf } from '../harness/copies.mjs';
import { noted } from '../harness/audit.mjs';
import { eventually, request, sleep } from '../harness/http.mjs';
import { Memory } from '../harness/sse.mjs';
import { build, top } from '../harness/stack.mjs';
import { App } from '../harness/totp.mjs';
import { none, some } from '../harness/traces.mjs';

export const stack = { gateways: 2, chatd: 2, settings: { TIMEOUT_FILES: '1', REQUEST_WAIT: '120' }, own: true };

const SOON = 60000; // ms, for what takes a second
const KILLED = ['projectd', 'filed', 'chatd-1', 'gateway-1', 'authd'];

export default async function (t) {
    t.expectLog(/event=(copy|sweep|outbox|then|export)|upstream|unavailable|code=/); // the provider is taken away
    const [here, there] = t.stack.ports;
    const admin = (args, input = '') =>
        spawnSync(path.join(top, 'deploy/chatbot-admin'), ['--data', t.stack.data, ...args], { input, encoding: 'utf8', env: { ...process.env, BUILD_DIR: build } });
    const calls = async () => (await request(t.stack.providerPort, { path: '/_/calls' })).json.calls;
    const state = async (receipt) => (await t.call('GET', `/users/erasures/${receipt}`, { token: null })).json;
    const erased = (receipt) => eventually(async () => (await state(receipt)).state === 'erased', { within: SOON, every: 200, what: 'it is erased' });
    const remove = (who, options) => t.call('DELETE', '/users/me', { body: { password: who.password }, token: who.token, ...options });
    const secret = (reply) => {
        assert.equal(reply.status, 202, reply.text);
        assert.equal(reply.headers.location, `/users/erasures/${reply.json.receipt}`);
        return reply.json.receipt;
    };

    const receipts = []; // looked at in the end

    // Somebody with something of everything; the word is in all that they wrote.
    const settle = async ({ token, ...who }) => {
        const word = `w${who.name}${t.client.nonce}`;
        const call = (method, where, body) => t.call(method, where, { body, token });
        const project = (await call('POST', '/projects', { name: word })).json.id;
        await call('POST', '/projects', { name: `${word} 2` });
        await call('POST', `/projects/${project}/prompts`, { name: word, content: word });
        await call('PUT', '/users/me', { name: word, preferences: { word } });
        const { key } = (await call('POST', '/users/me/keys', { name: word, scopes: 'read chat' })).json;
        const list = `/projects/${project}/files`;
        for (const filename of ['a.txt', 'b.txt']) assert.equal((await t.upload(list, `${word} ${filename}`, { filename, token })).status, 201);
        const ready = async () => (await call('GET', list)).json.every((f) => f.status === 'ready');
        await eventually(ready, { within: SOON, what: 'the files are ready' });
        const files = (await call('GET', list)).json.map((f) => f.id);
        let conversation;
        for (let i = 0; i < 3; i++) {
            const reply = await call('POST', '/chat', { project_id: project, message: `${word} ${i}`, file_ids: i ? [] : files });
            assert.equal(reply.status, 200, reply.text);
            conversation = reply.json.conversation_id;
        }
        await call('PUT', `/conversations/${conversation}`, { title: word });
        const exported = (await call('GET', `/conversations/${conversation}/export?format=json`)).bytes;
        assert.equal((await t.upload(`/projects/${project}/conversations/import`, exported, { token })).status, 201);
        const made = (await call('POST', '/users/me/exports')).json.id;
        await eventually(async () => (await call('GET', `/users/me/exports/${made}`)).json.state === 'ready', { within: SOON, what: 'the export is ready' });
        return { ...who, token, word, project, key, files, exports: [made] };
    };
    // A file of which half has come; finish() sends the rest: its status, or 0 when it is cut off.
    const halfUpload = (who) => {
        const body = Buffer.from(`--b\r\nContent-Disposition: form-data; name="file"; filename="half.txt"\r\n\r\n${`${who.word} `.repeat(20000)}\r\n--b--\r\n`);
        const headers = { Authorization: `Bearer ${who.token}`, 'Content-Type': 'multipart/form-data; boundary=b', 'Content-Length': body.length };
        const req = http.request({ port: there, host: '127.0.0.1', method: 'POST', path: `/projects/${who.project}/files`, headers });
        const status = new Promise((done) => req.on('response', (res) => { res.resume(); done(res.statusCode); }).on('error', () => done(0)));
        req.write(body.subarray(0, body.length / 2));
        return { finish: () => { req.end(body.subarray(body.length / 2)); return status; } };
    };
    // All at the same time.
    const settled = {};
    const settleAll = async (names) => {
        const people = [];
        for (const name of names) people.push({ ...(await t.as(name)) });
        for (const who of await Promise.all(people.map(settle))) settled[who.name] = who;
        const files = names.flatMap((name) => settled[name].files);
        assert.equal((await copiesOf(t.stack)).filter((c) => files.includes(c.file)).length, 2 * names.length);
    };

    await t.test('only with the password, and in person', async () => {
        const who = await t.as('alice');
        const refused = async (body, status, field, options) => {
            const reply = await t.call('DELETE', '/users/me', { body, ...options });
            assert.equal(reply.status, status, reply.text);
            assert.equal(reply.json.field, field);
        };
        const { key } = (await t.call('POST', '/users/me/keys', { body: { name: 'x', scopes: 'admin' } })).json;
        await refused({ password: 'Not-my-password-1' }, 422, 'password');
        await refused({}, 422, 'password');
        await refused({ password: who.password, sure: true }, 422, 'sure');
        await refused({ password: who.password }, 403, undefined, { token: key });
        await refused({ password: who.password }, 401, undefined, { token: null });
        assert.equal((await t.call('GET', '/users/me')).status, 200);
        for (const receipt of ['x', 'x'.repeat(43), `${'x'.repeat(42)}%2F`]) assert.equal((await t.call('GET', `/users/erasures/${receipt}`)).status, 404);
    });

    await t.test('with a second factor only with a code of it, too', async () => {
        const who = await t.as('alice');
        const { secret: seed, otpauth_uri: uri } = (await t.call('POST', '/users/me/totp')).json;
        t.world.secrets.add(seed);
        const app = new App(uri);
        const on = await t.call('POST', '/users/me/totp/confirm', { body: { code: await app.fresh() } });
        on.json.recovery_codes.forEach((code) => t.world.secrets.add(code));
        const refused = async (body, status, code) => {
            const reply = await t.call('DELETE', '/users/me', { body });
            assert.deepEqual([reply.status, reply.json.code], [status, code], reply.text);
        };
        await refused({ password: who.password }, 401, 'totp_required');
        await refused({ password: who.password, totp_code: '000000' }, 401, 'totp_wrong');
        await refused({ password: 'Not-my-password-1', totp_code: await app.fresh() }, 422, 'bad_input');
        await noted(t, ['code_wrong', 'password_wrong']);
        receipts.push(secret(await t.call('DELETE', '/users/me', { body: { password: who.password, totp_code: on.json.recovery_codes[0] } })));
    });

    await t.test('people have something of everything', () => settleAll(['bob', 'carol', 'dave', 'frank0', 'frank1', ...KILLED]));

    await t.test('out at once, and all of it is erased', async () => {
        const who = settled.bob;
        await t.as('bob');
        assert.ok((await some(t.stack, who)) >= 12, 'there is something to erase');
        const me = async (port, token) => (await t.call('GET', '/users/me', { port, token })).status;
        for (const port of [here, there]) assert.deepEqual([await me(port, who.token), await me(port, who.key)], [200, 200]);
        // an answer that is being made, read here and there
        await t.call('PUT', `/projects/${who.project}`, { body: { model: 'n-10000x20' } });
        const stream = await t.events('POST', '/chat', { body: { project_id: who.project, message: `${who.word} last`, stream: true }, memory: new Memory() });
        const turn = stream.memory.of('accepted')[0]?.turn_id ?? (await eventually(() => stream.memory.of('accepted')[0], { what: 'accepted' })).turn_id;
        const second = await t.events('GET', `/chat/turns/${turn}/events`, { port: there, memory: new Memory() });
        const all = await t.events('GET', '/events', { port: there });
        await eventually(() => stream.memory.text.length > 20, { what: 'it runs' });

        const reply = await remove(who, { port: here });
        const receipt = secret(reply);
        assert.equal(reply.json.parts.auth, 'erased');
        assert.equal(await me(here, who.token), 401);
        for (const port of [here, there])
            for (const token of [who.token, who.key]) await eventually(async () => (await me(port, token)) === 401, { within: 15000, every: 20, what: 'refused' });
        const login = await t.call('POST', '/users/login', { body: { email: who.email, password: who.password }, token: null });
        assert.equal(login.status, 401, login.text);
        assert.equal((await remove(who)).status, 401);
        const last = async () => (await calls()).findLast((c) => c.last === `${who.word} last`)?.outcome;
        await eventually(async () => (await last()) === 'client_closed', { within: SOON, what: 'the call to the provider is closed' });
        for (const s of [stream, second, all]) await eventually(() => s.ended, { within: SOON, what: 'the stream has ended' });

        // the address is free at once, for somebody who has nothing of it
        const again = await t.call('POST', '/users/register', { body: { email: who.email, password: who.password }, token: null });
        assert.equal(again.status, 201, again.text);
        assert.notEqual(again.json.id, who.id);
        const { access_token: token } = (await t.call('POST', '/users/login', { body: { email: who.email, password: who.password }, token: null })).json;
        assert.deepEqual((await t.call('GET', '/projects', { token })).json, []);
        assert.equal((await t.call('GET', `/projects/${who.project}`, { token })).status, 404);
        assert.equal((await t.call('GET', '/users/me', { token })).json.name, null);
        await erased(receipt);
        const end = await state(receipt);
        assert.deepEqual(end.parts, { auth: 'erased', project: 'erased', chat: 'erased', file: 'erased', provider: 'erased' });
        assert.ok(end.erased_at >= end.requested_at);
        await none(t.stack, who);
        assert.deepEqual((await copiesOf(t.stack)).filter((c) => who.files.includes(c.file)), []);
        assert.equal((await t.call('DELETE', '/users/me', { body: { password: who.password }, token })).status, 202);
    });

    await t.test('as long as the provider has a copy it is not erased', async () => {
        const who = settled.carol;
        await t.stack.tell('script', { sequence: { 'files.delete': Array(200).fill({ status: 503, retry_after_ms: 200 }) } });
        const receipt = secret(await remove(who));
        await eventually(async () => (await state(receipt)).parts.file === 'erased', { within: SOON, what: 'the files are erased' });
        await eventually(async () => (await state(receipt)).parts.chat === 'erased', { within: SOON, what: 'the chats are erased' });
        await sleep(1500);
        const waiting = await state(receipt);
        assert.deepEqual([waiting.state, waiting.erased_at, waiting.parts.provider], ['erasing', null, 'erasing']);
        assert.equal((await copiesOf(t.stack)).filter((c) => who.files.includes(c.file)).length, 2);
        await t.stack.tell('script', {});
        await erased(receipt);
        assert.deepEqual((await copiesOf(t.stack)).filter((c) => who.files.includes(c.file)), []);
        await none(t.stack, who);
    });

    let root;
    await t.test('admins delete accounts, but not the last of their own', async () => {
        const email = `root.${t.client.nonce}@example.com`;
        const password = `Pass-${t.client.nonce}-root-1`;
        t.world.secrets.add(password);
        assert.equal(admin(['create-admin', email], `${password}\n`).status, 0);
        const login = async () => (await t.call('POST', '/users/login', { body: { email, password }, token: null })).json.access_token;
        root = { token: await login(), password };
        root.id = (await t.call('GET', '/users/me', { token: root.token })).json.id;
        const who = settled.dave;
        const other = await t.as('erin');
        const by = (id, token) => t.call('DELETE', `/admin/users/${id}`, { token });
        assert.equal((await by(who.id, other.token)).status, 403);
        assert.equal((await by(root.id, root.token)).status, 409);
        assert.equal((await by(999999, root.token)).status, 404);
        const refused = await remove(root);
        assert.equal(refused.status, 409, refused.text);
        assert.match(refused.json.detail, /last admin/);
        const receipt = secret(await by(who.id, root.token));
        for (const port of [here, there]) await eventually(async () => (await t.call('GET', '/users/me', { port, token: who.token })).status === 401, { within: 15000, what: 'out' });
        assert.equal((await by(who.id, root.token)).status, 404);
        await erased(receipt);
        await none(t.stack, who);
        // with another admin the first one may go
        assert.equal((await t.call('PUT', `/admin/users/${other.id}`, { body: { role: 'admin' }, token: root.token })).status, 200);
        receipts.push(secret(await remove(root)));
    });

    await t.test('what is under way meanwhile leaves nothing behind', async () => {
        const race = async (round) => {
            const who = settled[`frank${round}`];
            const big = Buffer.alloc(3 << 20, `${who.word} `);
            const seen = []; // of each doing: its statuses
            let stop = false;
            const again = async (act) => {
                const mine = [];
                seen.push(mine);
                const once = async () => mine.push((await act().catch(() => ({ status: 0 }))).status);
                while (!stop) await once();
                await once(); // behind it, also where the one before took as long as all of this
            };
            // a turn that runs, and an upload that has half of its body, until behind the deletion
            const half = halfUpload(who);
            await t.call('PUT', `/projects/${who.project}`, { body: { model: 'n-10000x20' }, token: who.token });
            const turn = await t.events('POST', '/chat', { body: { project_id: who.project, message: `${who.word} runs`, stream: true }, token: who.token, memory: new Memory() });
            await eventually(() => turn.memory.text.length > 0, { what: 'it runs' });
            await t.call('PUT', `/projects/${who.project}`, { body: { model: 'echo' }, token: who.token });
            const use = { token: who.token, form: false };
            const doings = [
                again(() => t.call('POST', '/projects', { body: { name: who.word }, ...use, port: there })),
                again(() => t.call('POST', '/chat', { body: { project_id: who.project, message: who.word }, ...use, port: there })),
                again(() => t.upload(`/projects/${who.project}/files`, big, { filename: 'big', ...use, port: there })),
                again(() => t.call('POST', '/users/me/keys', { body: { name: who.word, scopes: 'read' }, ...use, port: there })),
                again(() => t.call('PUT', '/users/me', { body: { preferences: { word: who.word } }, ...use, port: there })),
                again(async () => {
                    const reply = await t.call('POST', '/users/me/exports', { ...use, port: there });
                    if (reply.json?.id) who.exports.push(reply.json.id);
                    return reply;
                }),
            ];
            await sleep(200 + 150 * round);
            const receipt = secret(await remove(who, { port: here }));
            await eventually(async () => (await t.call('GET', '/users/me', { port: there, token: who.token })).status === 401, { within: 15000, what: 'out' });
            stop = true;
            await Promise.all(doings);
            const answers = JSON.stringify(seen);
            assert.ok(seen.every((mine) => mine.some((s) => s === 401 || s === 404)), answers); // each was at it still
            assert.ok(seen.slice(0, 5).filter((mine) => mine.some((s) => s < 300 && s)).length >= 4, answers); // and had been
            assert.ok(!answers.includes('500'), answers);
            const status = await half.finish();
            assert.ok([0, 401, 404].includes(status), `the upload: ${status}`);
            await eventually(() => turn.ended, { within: SOON, what: 'the stream has ended' });
            assert.equal(turn.memory.of('completed').length, 0);
            await erased(receipt);
            await none(t.stack, who);
        };
        await Promise.all([0, 1].map(race));
    });

    // Each has just begun to erase somebody when it is killed.
    await t.test('whoever is killed in the middle, nothing is forgotten', async () => {
        t.expectLog(/./);
        for (const name of KILLED) {
            const who = settled[name];
            receipts.push(secret(await eventually(async () => {
                const reply = await remove(who, { port: there, form: false });
                return reply.status === 202 && reply;
            }, { within: SOON, what: 'it is accepted' })));
            for (let i = 0; i < 3; i++) {
                if (t.stack.pids()[name]) t.stack.signal(name, 'SIGKILL');
                await sleep(150);
            }
        }
        await eventually(async () => (await t.call('GET', '/health', { form: false })).json?.status === 'healthy', { within: SOON, what: 'all is well again' });
        for (const receipt of receipts) await erased(receipt);
        for (const name of KILLED) await none(t.stack, settled[name]);
        const files = KILLED.flatMap((name) => settled[name].files);
        assert.deepEqual((await copiesOf(t.stack)).filter((c) => files.includes(c.file)), []);
    });
}
