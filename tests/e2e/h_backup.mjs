// Backup under load into one archive, and all of it back in another place: accounts, their tokens,
// conversations, contents of files; and archives that do not hold together are none.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { select } from '../harness/database.mjs';
import { eventually } from '../harness/http.mjs';
import { build, freePorts, top } from '../harness/stack.mjs';

// the secret is deploy/up's own, and so part of the archive
export const stack = { own: true, settings: { SECRET_KEY: '' } };

export default async function (t) {
    const env = { PATH: process.env.PATH, HOME: process.env.HOME, BUILD_DIR: build, CHATBOT_ENV_FILE: path.join(t.stack.dir, 'env') };
    const run = (program, ...args) =>
        new Promise((done) => {
            const child = spawn(path.join(top, 'deploy', program), args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
            const said = { stdout: '', stderr: '' };
            for (const name of ['stdout', 'stderr']) child[name].on('data', (text) => (said[name] += text));
            child.on('close', (status) => done({ status, ...said }));
        });
    const to = path.join(t.stack.dir, 'backups');
    const restored = path.join(t.stack.dir, 'restored');
    fs.mkdirSync(to);
    const backup = (...args) => run('chatbot-admin', '--data', t.stack.data, 'backup', to, ...args);
    const restore = (archive, data = restored) => run('chatbot-admin', '--data', data, 'restore', archive);
    const content = crypto.randomBytes(300000);
    let archive, file, conversation;

    await t.as('alice');
    const { email, password } = t.client.who;
    const project = (await t.call('POST', '/projects', { body: { name: 'kept' } })).json.id;
    const messages = async (more = {}) => (await t.call('GET', `/conversations/${conversation}/messages`, more)).json;

    await t.test('where nobody has a file yet, too', async () => {
        const made = await backup('--json');
        assert.equal(made.status, 0, made.stderr);
        assert.equal(JSON.parse(made.stdout).contents, 0);
        fs.unlinkSync(JSON.parse(made.stdout).archive);
    });

    await t.test('another secret_key, also where that was broken off; the archive is to hold it', async () => {
        const file = path.join(t.stack.data, 'secret_key');
        const rotate = (...args) => run('chatbot-admin', '--data', t.stack.data, 'rotate-secret', ...args);
        const taken = () => fs.readFileSync(file, 'utf8').trim();
        const first = taken();
        const said = await rotate();
        assert.equal(said.status, 0, said.stderr);
        assert.match(said.stdout, /secret_key is another one/);
        const second = taken();
        assert.notEqual(second, first);
        assert.ok(!`${said.stdout}${said.stderr}`.includes(second));
        // as if it had been broken off before the new one took its place
        fs.copyFileSync(file, `${file}.next`);
        const { uid, gid } = fs.statSync(file);
        fs.writeFileSync(file, `${first}\n`);
        fs.chownSync(`${file}.next`, uid, gid);
        const again = await rotate('--json');
        assert.deepEqual([again.status, again.stdout], [0, '{"done":true}\n'], again.stderr);
        assert.equal(taken(), second);
        assert.ok(!fs.existsSync(`${file}.next`));
        t.expectLog(/SECRET_KEY is not the one that the stored signing keys were sealed with/);
        await eventually(async () => (await t.call('POST', '/users/login', { body: { email, password }, token: null })).status === 200, { within: 20000, what: 'authd is back' });
        assert.equal((await run('chatbot-admin', '--data', t.stack.data, 'rotate-keys')).status, 0);
    });

    await t.test('an archive is made while people write', async () => {
        file = (await t.upload(`/projects/${project}/files`, content, { filename: 'kept.bin' })).json.id;
        conversation = (await t.call('POST', '/chat', { body: { project_id: project, message: 'keep this' } })).json.conversation_id;
        let stop = false;
        const writer = (async () => {
            for (let i = 0; !stop; i++) assert.equal((await t.call('POST', '/projects', { body: { name: `while ${i}` } })).status, 201);
        })();
        const made = await backup('--json');
        stop = true;
        await writer;
        assert.equal(made.status, 0, made.stderr);
        const told = JSON.parse(made.stdout);
        archive = told.archive;
        assert.equal(fs.statSync(archive).size, told.bytes);
        assert.equal(fs.statSync(archive).mode & 0o777, 0o600);
        assert.deepEqual([told.contents, told.keys], [1, 1]);
        assert.ok(told.rows > 10, `${told.rows} rows`);
        assert.deepEqual(fs.readdirSync(to), [path.basename(archive)]);
        assert.deepEqual(await select(t.stack, "SELECT datname FROM pg_database WHERE datname LIKE 'chatbot_%'"), []);
    });

    await t.test('what is damaged, or is no archive, is refused', async () => {
        const bytes = fs.readFileSync(archive);
        const at = bytes.indexOf('PGDMP') + 2000;
        bytes[at] ^= 1;
        const damaged = path.join(to, 'damaged');
        fs.writeFileSync(damaged, bytes);
        for (const [wrong, why] of [[damaged, /damaged/], [import.meta.filename ?? new URL(import.meta.url).pathname, /no archive/]]) {
            const refused = await restore(wrong);
            assert.equal(refused.status, 1);
            assert.match(refused.stderr, why);
            assert.ok(!fs.existsSync(restored));
        }
    });

    await t.test('all of it is back in another place', async () => {
        const { token } = await t.as('alice');
        const before = await messages();
        const back = await restore(archive);
        assert.equal(back.status, 0, back.stderr);
        assert.equal((await restore(archive)).status, 1, 'nothing is written over');
        const [port] = await freePorts(1);
        const up = await run('up', '--data', restored, '--port', String(port), '--detach');
        assert.equal(up.status, 0, up.stdout + up.stderr);
        try {
            const same = { port, token }; // the key that signed it is there
            assert.deepEqual(await messages(same), before);
            const read = await t.call('GET', `/projects/files/${file}/content`, same);
            assert.ok(read.bytes.equals(content));
            assert.equal((await t.call('POST', '/chat', { ...same, body: { project_id: project, conversation_id: conversation, message: 'go on' } })).status, 200);
        } finally {
            assert.equal((await run('down', '--data', restored)).status, 0);
        }
    });

    await t.test('a content that is missing is no archive', async () => {
        spawnSync('find', [path.join(t.stack.data, 'blobs'), '-type', 'f', '-delete']);
        const made = await backup();
        assert.equal(made.status, 1);
        assert.match(made.stderr, new RegExp(`missing or damaged[^]*${crypto.createHash('sha256').update(content).digest('hex')}`));
        assert.deepEqual(fs.readdirSync(to).sort(), [path.basename(archive), 'damaged']);
        assert.deepEqual(await select(t.stack, "SELECT datname FROM pg_database WHERE datname LIKE 'chatbot_%'"), []);
    });
}
