// chatbot-admin: every command of its table answers --json with one JSON value, and is completed by bash,
// with its options.  A new command fails this until it stands below.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { eventually } from '../harness/http.mjs';
import { build, top } from '../harness/stack.mjs';

export const stack = { own: true };

export default async function (t) {
    const program = path.join(build, 'chatbot-admin');
    const own = (...args) => spawnSync(program, args, { encoding: 'utf8' }).stdout;
    const script = own('--completion');
    const commands = [...script.matchAll(/^ {4}([a-z-]+)\) COMPREPLY/gm)].map((m) => m[1]);
    const dir = path.join(t.stack.dir, 'commands');
    fs.mkdirSync(dir, { mode: 0o777 });
    fs.chmodSync(dir, 0o777);
    const { email } = await t.as('alice');
    const seed = path.join(dir, 'app.db');
    const made = spawnSync('sqlite3', ['-batch', '-bail', seed], {
        encoding: 'utf8',
        input: `CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, hashed_password TEXT);
            CREATE TABLE projects (id INTEGER PRIMARY KEY, name TEXT, user_id INTEGER);
            CREATE TABLE prompts (id INTEGER PRIMARY KEY, name TEXT, content TEXT, project_id INTEGER);
            CREATE TABLE files (id INTEGER PRIMARY KEY);
            INSERT INTO users VALUES (1, 'seed-${process.pid}@example.com', 'x'); INSERT INTO files VALUES (7);`,
    });
    assert.equal(made.status, 0, made.stderr);

    // What each is given, what it answers, and with which status; in this order.
    const archive = () => path.join(dir, fs.readdirSync(dir).find((name) => /\.tar/.test(name)));
    const runs = {
        'create-admin': [['root@example.com'], (o) => o.role === 'admin', { input: 'SecurePass123\n' }],
        invite: [[], (o) => o.token.length > 20],
        disable: [[email], (o) => o.account > 0],
        enable: [[email], (o) => o.account > 0],
        'reset-totp': [[email], null, { status: [1] }], // there is none: that is told on standard error
        reset: [[email], (o) => o.token.length > 20],
        delete: [[email], (o) => o.receipt.length > 20],
        'verify-audit': [[], (o) => o.ok === true && o.entries > 0],
        'rotate-keys': [[], (o) => o.done],
        'revoke-keys': [[], (o) => o.done],
        status: [[], (o) => o.services.auth.instances === 1],
        keygen: [[], (o) => o.key.length >= 32],
        doctor: [[], (o) => o.findings.length > 20, { status: [0, 3] }],
        backup: [[dir], (o) => fs.existsSync(o.archive)],
        restore: [() => [archive()], (o) => o.restored === archive(), { data: path.join(t.stack.dir, 'again') }],
        migrate: [[], (o) => o.applied === 0],
        'import-seed': [[seed], (o) => o.rows.length === 1 && o.users.taken === 1 && o.not_taken[0].table === 'files' && o.dry_run === false],
        drain: [['projectd'], (o) => o.drained === 'projectd'],
        'rotate-secret': [[path.join(dir, 'secret')], (o) => o.done],
    };

    await t.test('every command stands here', () => assert.deepEqual([...commands].sort(), Object.keys(runs).sort()));

    for (const [command, [given, good, { input, status = [0], data = t.stack.data } = {}]] of Object.entries(runs))
        await t.test(`${command} --json`, async () => {
            const args = typeof given === 'function' ? given() : given;
            const run = () => spawnSync(path.join(top, 'deploy/chatbot-admin'), ['--data', data, command, ...args, '--json'], { input: input ?? '', encoding: 'utf8', env: { PATH: process.env.PATH, BUILD_DIR: build, SECRET_KEY: t.stack.secret } });
            const said = command === 'status' ? await eventually(() => { const r = run(); return r.stdout.includes('"instances":1') && r; }, { what: 'figures' }) : run();
            assert.ok(status.includes(said.status), `${said.status} ${said.stderr}`);
            if (!good) return assert.ok(!said.stdout && said.stderr.includes(email));
            let value;
            assert.doesNotThrow(() => (value = JSON.parse(said.stdout)), said.stdout);
            assert.ok(good(value), said.stdout);
        });

    await t.test('bash completes every command and its options', () => {
        const file = path.join(dir, 'completion');
        fs.writeFileSync(file, script);
        const complete = (...words) => {
            const bash = `source ${file}; COMP_WORDS=(chatbot-admin ${words.map((w) => `'${w}'`).join(' ')}); COMP_CWORD=${words.length}; _chatbot_admin chatbot-admin '${words.at(-1)}'; printf '%s\\n' "\${COMPREPLY[@]}"`;
            return spawnSync('bash', ['-c', bash], { encoding: 'utf8' }).stdout.split('\n').filter(Boolean);
        };
        assert.deepEqual(complete('').filter((w) => !w.startsWith('--')).sort(), [...commands].sort());
        for (const command of commands) {
            const options = [...own(command, '--help').matchAll(/(?<=[ [])--[a-z-]+(?=[ \]])/g)].map((m) => m[0]);
            const offered = complete(command, '--');
            assert.ok(offered.includes('--json'), command);
            for (const option of options.filter((o) => new RegExp(`^  ${command} .*${o}`, 'm').test(own(command, '--help')))) assert.ok(offered.includes(option), `${command} ${option}: ${offered}`);
        }
        assert.deepEqual(complete('import-seed', '--d'), ['--dry-run']);
        assert.deepEqual(complete('verify-audit', '--h'), ['--head', '--help']);
    });
}
