// A second factor: turned on with a code, asked for at log-ins, good once, and what happens when
// the phone is lost.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { noted } from '../harness/audit.mjs';
import { eventually, Raw } from '../harness/http.mjs';
import { App } from '../harness/totp.mjs';
import { build, top } from '../harness/stack.mjs';

export const stack = { own: true, settings: { REQUEST_WAIT: '60' } };

export default async function (t) {
    await t.as('alice');
    const { id, email, password } = t.client.who;
    let app, codes;
    const login = (code) => t.call('POST', '/users/login', { body: { email, password, ...(code !== undefined && { totp_code: code }) }, token: null });
    const refused = (reply, status, code, field) => assert.deepEqual([reply.status, reply.json.code, reply.json.field], [status, code, field], reply.text);
    const admin = (...args) => spawnSync(path.join(top, 'deploy/chatbot-admin'), ['--data', t.stack.data, ...args], { encoding: 'utf8', env: { ...process.env, BUILD_DIR: build, SECRET_KEY: t.stack.settings.SECRET_KEY }, input: `Root-${t.client.nonce}-1\n` });
    const on = async () => {
        const made = await t.call('POST', '/users/me/totp');
        assert.equal(made.status, 201, made.text);
        assert.match(made.json.otpauth_uri, /^otpauth:\/\/totp\/Chatbot:alice\..*%40example\.com\?secret=[A-Z2-7]{32}&issuer=Chatbot&algorithm=SHA1&digits=6&period=30$/);
        t.world.secrets.add(made.json.secret);
        app = new App(made.json.otpauth_uri);
        const confirmed = await t.call('POST', '/users/me/totp/confirm', { body: { code: await app.fresh() } });
        assert.equal(confirmed.status, 200, confirmed.text);
        codes = confirmed.json.recovery_codes;
        codes.forEach((code) => t.world.secrets.add(code));
        assert.equal(new Set(codes).size, 10);
    };

    await t.test('it counts once a code of the app was confirmed', async () => {
        refused(await t.call('POST', '/users/me/totp/confirm', { body: { code: '123456' } }), 409, 'conflict', undefined);
        const headers = { 'Idempotency-Key': `totp-${t.client.nonce}` };
        const first = await t.call('POST', '/users/me/totp', { headers });
        assert.equal(first.status, 201, first.text);
        t.world.secrets.add(first.json.secret);
        const again = await t.call('POST', '/users/me/totp', { headers });
        assert.deepEqual([again.status, again.json.field], [409, 'Idempotency-Key']);
        assert.equal((await login()).status, 200, 'not yet');
        refused(await t.call('POST', '/users/me/totp/confirm', { body: { code: 'abcdef' } }), 422, 'bad_input', 'code');
        refused(await t.call('POST', '/users/me/totp/confirm', { body: {} }), 422, 'bad_input', 'code');
        await on();
        assert.deepEqual((await t.call('GET', '/users/me/security')).json, { totp: true, recovery_codes: 10, totp_required: false, email_verified: false, pending_email: null });
        assert.equal((await t.call('POST', '/users/me/totp')).status, 409);
    });

    await t.test('a log-in asks for a code; it is good once, at the same time, too, and a step off', async () => {
        const before = app.code(); // used to turn it on
        refused(await login(), 401, 'totp_required', 'totp_code');
        refused(await login('000000'), 401, 'totp_wrong', 'totp_code');
        const code = await app.fresh();
        const replies = await Promise.all(Array.from({ length: 4 }, () => login(code)));
        assert.deepEqual(replies.map((r) => r.status).sort(), [200, 401, 401, 401], replies.map((r) => r.text).join('\n'));
        refused(await login(code), 401, 'totp_wrong', 'totp_code');
        refused(await login(before), 401, 'totp_wrong', 'totp_code');
        const wrong = await t.call('POST', '/users/login', { body: { email, password: 'Wrong-password-1', totp_code: code }, token: null });
        refused(wrong, 401, 'bad_login', undefined);
    });

    await t.test('a recovery code takes its place, once', async () => {
        assert.equal((await login(codes[0].toUpperCase().replaceAll('-', ' '))).status, 200);
        refused(await login(codes[0]), 401, 'totp_wrong', 'totp_code');
        assert.equal((await t.call('GET', '/users/me/security')).json.recovery_codes, 9);
        refused(await t.call('POST', '/users/me/totp/codes', { body: { password: 'Wrong-password-1' } }), 422, 'bad_input', 'password');
        const fresh = await t.call('POST', '/users/me/totp/codes', { body: { password } });
        assert.equal(fresh.status, 200, fresh.text);
        refused(await login(codes[1]), 401, 'totp_wrong', 'totp_code');
        codes = fresh.json.recovery_codes;
        assert.equal((await login(codes[9])).status, 200);
    });

    await t.test('off takes the password or a code', async () => {
        refused(await t.call('DELETE', '/users/me/totp', { body: {} }), 422, 'bad_input', 'password');
        refused(await t.call('DELETE', '/users/me/totp', { body: { code: codes[9] } }), 422, 'bad_input', 'code');
        assert.equal((await t.call('DELETE', '/users/me/totp', { body: { code: codes[1] } })).status, 204);
        assert.equal((await login()).status, 200);
        await on();
        assert.equal((await t.call('DELETE', '/users/me/totp', { body: { password } })).status, 204);
        assert.equal((await t.call('DELETE', '/users/me/totp', { body: { password } })).status, 204, 'off is off');
    });

    await t.test('an admin, or the console, takes a lost one away', async () => {
        const root = `root.${t.client.nonce}@example.com`;
        t.world.secrets.add(`Root-${t.client.nonce}-1`);
        assert.equal(admin('create-admin', root).status, 0);
        const { access_token: token } = (await t.call('POST', '/users/login', { body: { email: root, password: `Root-${t.client.nonce}-1` }, token: null })).json;
        await on();
        assert.equal((await t.call('DELETE', `/admin/users/${id}/totp`)).status, 403);
        assert.equal((await t.call('GET', `/admin/users/${id}`, { token })).json.totp, true);
        assert.equal((await t.call('DELETE', `/admin/users/${id}/totp`, { token })).status, 204);
        assert.equal((await t.call('DELETE', `/admin/users/${id}/totp`, { token })).status, 404);
        assert.equal((await login()).status, 200);
        await on();
        const said = admin('reset-totp', email);
        assert.equal(said.status, 0, said.stderr);
        assert.equal((await login()).status, 200);
        assert.equal(admin('reset-totp', email).status, 1);
    });

    await t.test('an admin asks it of all: without one an account reaches its own affairs only', async () => {
        const root = `root.${t.client.nonce}@example.com`;
        const secret = { email: root, password: `Root-${t.client.nonce}-1` };
        const { access_token: token } = (await t.call('POST', '/users/login', { body: secret, token: null })).json;
        const require = (who) => t.call('PUT', '/admin/settings', { body: { totp_required: who }, token });
        refused(await require('all'), 409, 'conflict', 'totp_required');
        const made = await t.call('POST', '/users/me/totp', { token });
        t.world.secrets.add(made.json.secret);
        const phone = new App(made.json.otpauth_uri);
        const confirmed = await t.call('POST', '/users/me/totp/confirm', { body: { code: await phone.fresh() }, token });
        confirmed.json.recovery_codes.forEach((code) => t.world.secrets.add(code));
        const { key } = (await t.call('POST', '/users/me/keys', { body: { name: 'robot', scopes: 'read' } })).json;
        const reaches = async (with_) => (await t.call('GET', '/projects', with_ && { token: with_ })).json?.code ?? 200;
        assert.deepEqual([await reaches(), await reaches(key)], [200, 200]);
        assert.equal((await require('all')).json.totp_required, 'all');
        for (const with_ of [undefined, key])
            await eventually(async () => (await reaches(with_)) === 'totp_setup', { within: 10000, what: 'it is told' });
        const line = new Raw(t.stack.port); // what follows on its thread is somebody else's
        await line.opened;
        line.send(`GET /projects HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${key}\r\n\r\n`);
        assert.equal((await line.reply()).status, 403);
        line.send('GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n');
        assert.equal((await line.reply()).status, 200);
        line.close();
        assert.equal((await t.call('GET', '/users/me')).status, 200);
        assert.equal((await t.call('GET', '/users/me/security')).json.totp_required, true);
        assert.equal((await t.call('POST', '/users/me/exports')).status, 403);
        await on();
        for (const with_ of [undefined, key])
            await eventually(async () => (await reaches(with_)) === 200, { within: 10000, what: 'it has one' });
        assert.equal((await require('off')).status, 200);
        const rules = () => t.call('GET', '/admin/audit?action=setting_changed', { token });
        const set = await eventually(async () => ((set) => set.length >= 2 && set)((await rules()).json), { within: 10000, what: 'it is noted' });
        assert.deepEqual(set.map((e) => [e.object, e.detail]), [['totp_required', 'all'], ['totp_required', 'off']]);
        assert.equal((await t.call('DELETE', '/users/me/totp', { body: { password } })).status, 204);
        assert.equal(await reaches(), 200);
    });

    await t.test('all of it is in the audit', async () => {
        refused(await t.call('DELETE', '/users/me/totp', { body: { password: 'Wrong-password-1' } }), 422, 'bad_input', 'password');
        const seen = await noted(t, ['factor_on', 'factor_off', 'login_code_wrong', 'code_wrong', 'password_wrong', 'recovery_code_used', 'recovery_codes_made']);
        for (const [action, entries] of Object.entries(seen)) for (const e of entries) assert.equal(e.account_id, id, action);
        assert.equal(seen.recovery_code_used.length, 3, 'two log-ins, and once to turn it off');
        assert.equal(seen.recovery_codes_made.length, 1);
        assert.deepEqual([...new Set(seen.factor_off.map((e) => e.actor_id === id))].sort(), [false, true], 'by its owner, and by others');
        assert.ok(seen.factor_off.some((e) => e.actor_id === 0), 'by the console');
    });

    await t.test('it stays, sealed under another SECRET_KEY', async () => {
        await on();
        const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'chatbot-secret-'));
        fs.chmodSync(dir, 0o777); // authd's user writes there
        try {
            const file = path.join(dir, 'next');
            const said = admin('rotate-secret', file);
            assert.equal(said.status, 0, said.stderr);
            const secret = fs.readFileSync(file, 'utf8').trim();
            t.world.secrets.add(secret);
            refused(await login(), 401, 'totp_required', 'totp_code');
            await t.stack.down();
            t.stack.settings.SECRET_KEY = secret;
            await t.stack.up();
            const reply = await login(await app.fresh());
            assert.equal(reply.status, 200, reply.text);
        } finally {
            fs.rmSync(dir, { recursive: true, force: true });
        }
    });
}
