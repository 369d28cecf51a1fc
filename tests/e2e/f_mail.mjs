// What is done by mail: a new password, an address proved and changed, and notices; without a mail
// server as files, with one whatever it does.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { noted } from '../harness/audit.mjs';
import { execute, select } from '../harness/database.mjs';
import { eventually } from '../harness/http.mjs';
import { Authority, MailServer, mailFiles } from '../harness/mail.mjs';

export const stack = { own: true, settings: { REQUEST_WAIT: '60' } };

export default async function (t) {
    const post = (where, body, more = {}) => t.call('POST', where, { body, token: null, ...more });
    const token = (mail) => new URL(mail.link).hash.split('=')[1];
    const login = (email, password) => post('/users/login', { email, password });
    const bare = ({ status, text, headers }) => ({ status, text, headers: Object.keys(headers).filter((h) => h !== 'x-request-id').sort() });
    const ghost = `ghost.${t.client.nonce}@example.com`;
    const fresh = (n) => `Fresh-${t.client.nonce}-${n}`;

    await t.test('without a mail server mails are files', async () => {
        await t.as('alice');
        const { email, token: session } = t.client.who;
        assert.equal((await t.call('GET', '/health')).json.mail, 'files');
        const known = await post('/users/password/reset', { email: email.toUpperCase() });
        const unknown = await post('/users/password/reset', { email: ghost });
        assert.equal(known.status, 202);
        assert.deepEqual(bare(known), bare(unknown), 'the answer tells nothing');
        const mail = await eventually(() => mailFiles(t.stack)[0], { what: 'a file' });
        assert.equal(fs.statSync(mail.file).mode & 0o777, 0o600);
        assert.equal(fs.statSync(path.dirname(mail.file)).mode & 0o777, 0o700);
        assert.equal(mail.to, `<${email}>`);
        assert.equal(mail.subject, 'Chatbot: Set a new password');
        assert.ok(mail.link.startsWith(`http://127.0.0.1:${t.stack.port}/#reset=`), mail.link);
        assert.ok(mail.html.includes(`<a href="${mail.link}">`));
        const confirm = (password) => post('/users/password/reset/confirm', { token: token(mail), password });
        assert.equal((await confirm('Password1')).status, 422);
        assert.equal((await confirm(fresh(1))).status, 204);
        assert.equal((await confirm(fresh(1))).status, 422);
        await eventually(async () => (await t.call('GET', '/users/me', { token: session })).status === 401, { what: 'sessions end' });
        assert.equal((await login(email, fresh(1))).status, 200);
        await eventually(() => mailFiles(t.stack).some((m) => m.subject.endsWith('Your password was changed')), { what: 'a notice' });
        assert.ok(!mailFiles(t.stack).some((m) => m.to.includes('ghost')));
        assert.equal((await post('/users/password/reset', { email: 'no address' })).json.field, 'email');
        const seen = await noted(t, ['reset_asked', 'password_reset'], (await login(email, fresh(1))).json.access_token);
        assert.deepEqual(seen.reset_asked.map((e) => [e.actor_id, e.address]), [[0, '127.0.0.1']], 'who asked is not known, but from where');
    });

    const authority = new Authority(t.stack.dir, 'authority');
    const secret = `Mail-${t.client.nonce}-1`;
    t.world.secrets.add(secret);
    const server = new MailServer({ tls: authority.give('localhost'), user: 'sender', password: secret });
    await server.start();
    try {
        await withServer();
    } finally {
        await server.stop().catch(() => {});
    }

    async function withServer() {
        const bob = `bob.${t.client.nonce}@example.com`;
        const settings = {
            MAIL_URL: `smtp://sender:${secret}@localhost:${server.port}`,
            MAIL_FROM: 'Châtbot <no-reply@example.com>',
            MAIL_TLS: 'required',
            MAIL_CA_FILE: authority.file,
            PUBLIC_URL: 'https://chat.example.com/',
            EMAIL_VERIFICATION: 'required',
        };
        const waiting = (where = '') => select(t.stack, `SELECT tries, error, parked_at FROM auth.mail WHERE sent_at IS NULL ${where}`);

        await t.test('an account has to prove its address before it can log in', async () => {
            await t.stack.down();
            Object.assign(t.stack.settings, settings);
            await t.stack.up();
            assert.equal((await t.call('GET', '/health')).json.mail, 'smtp');
            assert.equal((await post('/users/register', { email: bob, password: fresh(2) })).status, 201);
            const refused = await login(bob, fresh(2));
            assert.deepEqual([refused.status, refused.json.code], [403, 'email_unverified']);
            assert.equal((await login(bob, fresh(9))).status, 401, 'said to who knows the password');
            const mail = await server.take('Confirm your e-mail address', bob);
            assert.deepEqual(server.envelopes.at(-1), { from: 'no-reply@example.com', to: [bob] });
            assert.ok(server.secured > 0, 'by STARTTLS');
            assert.ok(mail.link.startsWith('https://chat.example.com/#verify='), mail.link);
            assert.ok(mail.headers['message-id'].endsWith('@example.com>'));
            const known = await post('/users/email/verify/ask', { email: bob });
            const unknown = await post('/users/email/verify/ask', { email: ghost });
            assert.equal(known.status, 202);
            assert.deepEqual(bare(known), bare(unknown));
            assert.equal(token(await server.take('Confirm your e-mail address', bob)).length, 43);
            assert.equal((await post('/users/email/verify', { token: 'x'.repeat(43) })).json.field, 'token');
            assert.equal((await post('/users/email/verify', { token: token(mail) })).status, 204);
            assert.equal((await post('/users/email/verify', { token: token(mail) })).status, 422);
            assert.equal((await login(bob, fresh(2))).status, 200);
        });

        await t.test('an address changes once the new one is proved; the old one hears of it', async () => {
            const { access_token: session } = (await login(bob, fresh(2))).json;
            const next = `robert.${t.client.nonce}@example.com`;
            const change = (email, password = fresh(2)) => t.call('PUT', '/users/me/email', { body: { email, password }, token: session });
            assert.equal((await change(next, fresh(9))).json.field, 'password');
            assert.equal((await change(bob)).json.field, 'email');
            assert.equal((await change(next)).status, 202);
            const mail = await server.take('Confirm your new e-mail address', next);
            const seen = (await t.call('GET', '/users/me/security', { token: session })).json;
            assert.deepEqual([seen.email_verified, seen.pending_email], [true, next]);
            assert.equal((await t.call('GET', '/users/me', { token: session })).json.email, bob, 'not yet');
            assert.equal((await post('/users/email/verify', { token: token(mail) })).status, 204);
            assert.equal((await t.call('GET', '/users/me', { token: session })).json.email, next);
            const notice = await server.take('Your e-mail address was changed', bob);
            assert.ok(notice.text.includes(next));
            assert.equal((await login(bob, fresh(2))).status, 401);
            const noticed = await noted(t, ['proof_asked', 'address_proved', 'password_wrong', 'address_change_asked', 'address_changed'], session);
            assert.equal(noticed.address_change_asked.length, 1, 'the one that was taken');
            await t.call('PUT', '/users/me', { body: { language: 'de' }, token: session });
            assert.equal((await post('/users/password/reset', { email: next })).status, 202);
            assert.equal((await server.take('Neues Passwort setzen', next)).headers['content-language'], 'de');
        });

        await t.test('what the server does not take now it gets later', async () => {
            const carol = `carol.${t.client.nonce}@example.com`;
            server.refusals.push(451);
            const before = server.tries;
            await post('/users/register', { email: carol, password: fresh(3) });
            await server.take('Confirm your e-mail address', carol);
            assert.equal(server.tries, before + 2);
            await eventually(async () => !(await waiting()).length, { what: 'nothing is left' });
        });

        await t.test('what it never takes is given up, and stops nobody', async () => {
            server.refusals.push(550);
            await post('/users/register', { email: `none.${t.client.nonce}@example.com`, password: fresh(4) });
            const [row] = await eventually(async () => {
                const rows = await waiting('AND parked_at IS NOT NULL');
                return rows.length && rows;
            }, { what: 'it is parked' });
            assert.equal(row.tries, 1);
            assert.match(row.error, /550/);
            const metrics = async () => (await t.call('GET', '/metrics', { token: null, form: false })).text;
            await eventually(async () => /^chatbot_auth_mails_total\{.*result="refused".*\} 1$/m.test(await metrics()), { what: 'it is counted' });
            await eventually(async () => /^chatbot_auth_mail_rows\{.*state="parked".*\} 1$/m.test(await metrics()), { what: 'it is shown' });
            const log = t.stack.logs().map((file) => fs.readFileSync(file, 'utf8')).join('');
            assert.match(log, /event=mail_parked id=\d+ kind=verify account=\d+ tries=1 why="[^"]*550\)"/);
            assert.match(log, /event=mail_failed .*451\)"/);
        });

        await t.test('a slow server delays mails and nothing else', async () => {
            server.delay = 1500;
            const dave = `dave.${t.client.nonce}@example.com`;
            assert.equal((await post('/users/register', { email: dave, password: fresh(5) })).status, 201);
            for (let i = 0; i < 5; i++) assert.equal((await t.call('GET', '/health')).json.status, 'healthy');
            assert.equal((await login(`robert.${t.client.nonce}@example.com`, fresh(2))).status, 200);
            await server.take('Confirm your e-mail address', dave);
            server.delay = 0;
        });

        await t.test('a dead server loses nothing, nor does a process that dies', async () => {
            await server.stop();
            const erin = `erin.${t.client.nonce}@example.com`;
            assert.equal((await post('/users/register', { email: erin, password: fresh(6) })).status, 201);
            await eventually(async () => (await waiting('AND parked_at IS NULL'))[0]?.tries > 0, { what: 'it was tried' });
            t.stack.signal('authd', 'SIGKILL');
            await server.start();
            const mail = await server.take('Confirm your e-mail address', erin);
            assert.equal((await eventually(async () => {
                const reply = await post('/users/email/verify', { token: token(mail) });
                return reply.status !== 503 && reply;
            }, { what: 'authd is back' })).status, 204);
            assert.equal((await login(erin, fresh(6))).status, 200);
        });
        t.expectLog(/authd/); // it was killed

        await t.test('smtps: only a server whose certificate is right gets the password, or a mail', async () => {
            await server.stop();
            const other = new Authority(t.stack.dir, 'other');
            const trusted = path.join(t.stack.dir, 'trusted.crt');
            const trust = (one) => fs.copyFileSync(one.file, trusted);
            const again = () => execute(t.stack, 'UPDATE auth.mail SET next_at = now() WHERE sent_at IS NULL AND parked_at IS NULL');
            trust(other);
            await t.stack.down();
            Object.assign(t.stack.settings, { MAIL_URL: settings.MAIL_URL.replace('smtp:', 'smtps:'), MAIL_CA_FILE: trusted, MAIL_TLS: 'auto', EMAIL_VERIFICATION: 'off' });
            await t.stack.up(); // nobody listens
            const fred = `fred.${t.client.nonce}@example.com`;
            assert.equal((await post('/users/register', { email: fred, password: fresh(7) })).status, 201);
            assert.equal((await post('/users/password/reset', { email: fred })).status, 202);
            const failed = async (why, least) => eventually(async () => {
                const [row] = await waiting('AND parked_at IS NULL');
                assert.match(row.error, why);
                assert.ok(row.tries >= least);
                return true;
            }, { what: 'it was tried' });
            await failed(/connect/i, 1);
            Object.assign(server, { secure: true, logins: 0 });
            await server.start();
            await again();
            await failed(/certificate|SSL/, 2);
            trust(authority);
            server.tls = authority.give('elsewhere.example.com');
            await server.stop();
            await server.start();
            await again();
            await failed(/certificate|SSL/, 3);
            assert.equal(server.logins, 0, 'the password was told to nobody');
            server.tls = authority.give('localhost');
            await server.stop();
            await server.start();
            await again();
            const mail = await server.take('Set a new password', fred);
            assert.equal(server.logins, 1);
            assert.equal((await post('/users/password/reset/confirm', { token: token(mail), password: fresh(8) })).status, 204);
        });
    }
}
