// Accounts of the platform before this one: taken over from its SQLite file, with their passwords,
// projects and prompts; as often as one likes; and nothing that a hostile file wants.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { noted } from '../harness/audit.mjs';
import { select } from '../harness/database.mjs';
import { build, top } from '../harness/stack.mjs';

const SCHEMA = `
    CREATE TABLE users (id INTEGER PRIMARY KEY, email VARCHAR, hashed_password VARCHAR);
    CREATE TABLE projects (id INTEGER PRIMARY KEY, name VARCHAR, user_id INTEGER REFERENCES users(id));
    CREATE TABLE prompts (id INTEGER PRIMARY KEY, name VARCHAR, content TEXT, project_id INTEGER REFERENCES projects(id));
    CREATE TABLE files (id INTEGER PRIMARY KEY, filename VARCHAR, openai_file_id VARCHAR, project_id INTEGER);`;

// As passlib's pbkdf2_sha256 writes it.
function passlib(password, rounds = 2000) {
    const ab64 = (bytes) => bytes.toString('base64').replaceAll('=', '').replaceAll('+', '.');
    const salt = crypto.randomBytes(16);
    return `$pbkdf2-sha256$${rounds}$${ab64(salt)}$${ab64(crypto.pbkdf2Sync(password, salt, rounds, 32, 'sha256'))}`;
}

const literal = (v) => (v === null ? 'NULL' : Buffer.isBuffer(v) ? `x'${v.toString('hex')}'` : typeof v === 'number' ? v : `'${v.replaceAll("'", "''")}'`);

// A database made by these statements.
function database(name, statements) {
    fs.rmSync(name, { force: true });
    const made = spawnSync('sqlite3', ['-batch', '-bail', name], { input: `BEGIN;${statements};COMMIT;`, encoding: 'utf8' });
    assert.equal(made.status, 0, `sqlite3: ${made.error ?? made.stderr}`);
    fs.chmodSync(name, 0o644);
    return name;
}

export const stack = { settings: { REQUEST_WAIT: '60' } };

export default async function (t) {
    const word = t.client.nonce;
    const file = path.join(t.stack.dir, 'app.db');
    const address = (name) => `${name}.${word}@seed.example`;
    const password = `Olden-${word}-1`;
    t.world.secrets.add(password);
    const run = (...args) =>
        spawnSync(path.join(top, 'deploy/chatbot-admin'), ['--data', t.stack.data, 'import-seed', ...args], { encoding: 'utf8', env: { ...process.env, BUILD_DIR: build } });
    const make = (rows, name = file) =>
        database(name, SCHEMA + rows.map(([table, ...values]) => `INSERT INTO ${table} VALUES (${values.map(literal).join(', ')})`).join(';'));
    const login = (email, with_ = password) => t.call('POST', '/users/login', { body: { email, password: with_ }, token: null });
    const token_of = async (email) => {
        const reply = await login(email);
        assert.equal(reply.status, 200, reply.text);
        return reply.json.access_token;
    };
    const hash = async (email) => (await select(t.stack, `SELECT password_hash AS h FROM auth.account WHERE email_key = '${email}'`))[0]?.h;
    const counts = async () => select(t.stack, `SELECT (SELECT count(*) FROM auth.account) a, (SELECT count(*) FROM project.project) p, (SELECT count(*) FROM project.prompt) r`);

    await t.as('alice'); // an account that is here already, and of the file, too
    const alice = t.client.who;
    const rows = [
        ['users', 1, `Ada.${word}@Seed.example`, passlib(password)],
        ['users', 2, address('dear'), passlib(password, 3000)],
        ['users', 3, address('lost'), '$2b$12$not.a.hash.that.anybody.here.reads'],
        ['users', 4, 'no address', passlib(password)],
        ['users', 5, alice.email, passlib(password)],
        ['users', 6, null, null],
        ['users', 7, `ada.${word}@seed.example`, passlib('Another-1')], // the first one's, in other letters
        ['projects', 10, 'Pirate', 1],
        ['projects', 11, 'ü'.repeat(100), 1],
        ['projects', 12, '', 2],
        ['projects', 13, 'Of alice', 5],
        ['projects', 14, 'Of nobody', 99],
        ['prompts', 20, 'System', 'Speak like a pirate.', 10],
        ['prompts', 21, null, 'Be brief.', 10],
        ['prompts', 22, 'Empty', '', 10],
        ['prompts', 23, 'Long', 'x'.repeat(32769), 10],
        ['prompts', 24, 'Bytes', Buffer.from([1, 2, 3]), 10],
        ['prompts', 25, 'Of alice', 'x', 13],
        ['prompts', 26, 'Of no project', 'x', 77],
        ...Array.from({ length: 52 }, (_, i) => ['prompts', 100 + i, `p${i}`, `content ${i}`, 12]),
        ['files', 1, 'a.txt', 'file-1', 10],
    ];
    make(rows);

    await t.test('a dry run tells, and changes nothing', async () => {
        const before = await counts();
        const told = run(file, '--dry-run');
        assert.equal(told.status, 3, told.stderr + told.stdout);
        assert.match(told.stdout, /^users: 3 would be taken, 0 there already, 4 skipped$/m);
        assert.match(told.stdout, /^projects: 3 would be taken, /m);
        assert.deepEqual(await counts(), before);
    });

    await t.test('users, projects and prompts are taken, what cannot be is named', async () => {
        const told = run(file);
        assert.equal(told.status, 3, told.stderr + told.stdout);
        for (const line of [
            /^user 1: taken$/m, /^user 2: taken$/m, /^user 3: taken, needs a new password \(reset\)$/m,
            /^user 4: skipped: its address /m, /^user 5: skipped: account \d+ has its address already/m, /^user 6: skipped: its address is missing$/m, /^user 7: skipped: its address is that of another one$/m,
            /^project 10: taken, with 2 prompts$/m, /^project 12: taken, with 50 prompts$/m,
            /^project 13: skipped, with its prompts: its user 5 is not taken$/m, /^project 14: skipped/m,
            /^prompt 22: skipped: its text is empty$/m, /^prompt 23: skipped: its text is longer than 32768 bytes$/m, /^prompt 24: skipped: it has no text$/m,
            /^prompt 151: skipped: its project has 50 others$/m, /^prompts of no project that is there: 1$/m, /^table files: 1 rows, not taken$/m,
            /^users: 3 taken, 0 there already, 4 skipped$/m, /^projects: 3 taken, 0 there already, 2 skipped$/m, /^prompts: 52 taken, 0 there already, 7 skipped$/m,
        ])
            assert.match(told.stdout, line);
        assert.ok(!told.stdout.includes('seed.example'), 'no addresses');
    });

    await t.test('twice changes nothing', async () => {
        const before = await counts();
        const told = run(file);
        assert.match(told.stdout, /^users: 0 taken, 3 there already, 4 skipped$/m);
        assert.match(told.stdout, /^projects: 0 taken, 3 there already, 2 skipped$/m);
        assert.deepEqual(await counts(), before);
    });

    await t.test('the old password logs in, and is Argon2id from then on', async () => {
        assert.match(await hash(address('ada')), /^\$pbkdf2-sha256\$2000\$/);
        assert.equal((await login(address('ada'), `${password}x`)).status, 401);
        assert.match(await hash(address('ada')), /^\$pbkdf2/, 'a wrong one changes nothing');
        const unknown = await login(address('nobody'));
        const wrong = await login(address('ada'), 'Wrong-1-wrong');
        const plain = ({ json }) => ({ ...json, request_id: '' });
        assert.deepEqual([wrong.status, plain(wrong)], [unknown.status, plain(unknown)], 'as for an address that nobody has');
        assert.equal((await login(`ADA.${word}@seed.example`)).status, 200);
        assert.match(await hash(address('ada')), /^\$argon2id\$/);
        for (const name of ['ada', 'dear']) assert.equal((await login(address(name))).status, 200);
        const lost = await login(address('lost'));
        assert.equal(lost.status, 401);
        const { access_token: token } = (await login(address('ada'))).json;
        const { account_imported: [entry] } = await noted(t, ['account_imported'], token);
        assert.deepEqual([entry.actor_id, entry.address], [0, 'console']);
    });

    await t.test('projects and prompts are there, and the chat works', async () => {
        const token = await token_of(address('ada'));
        const projects = (await t.call('GET', '/projects', { token })).json;
        assert.deepEqual(projects.map((p) => p.name), ['Pirate', 'ü'.repeat(60)]);
        const prompts = (await t.call('GET', `/projects/${projects[0].id}/prompts`, { token })).json;
        assert.deepEqual(prompts.map((p) => [p.name, p.content, p.position, p.enabled]), [['System', 'Speak like a pirate.', 1, true], ['prompt 21', 'Be brief.', 2, true]]);
        const chat = await t.call('POST', '/chat', { token, body: { project_id: projects[0].id, message: 'hello' } });
        assert.equal(chat.status, 200, chat.text);
        const dear = await token_of(address('dear'));
        assert.deepEqual((await t.call('GET', '/projects', { token: dear })).json.map((p) => p.name), ['project 12']);
        // deleted, it comes back with the file
        assert.equal((await t.call('DELETE', `/projects/${projects[1].id}`, { token })).status, 204);
        assert.match(run(file).stdout, /^projects: 1 taken, 2 there already/m);
    });

    await t.test('--existing gives accounts that were here the projects, and leaves their passwords', async () => {
        const before = await hash(alice.email);
        const told = run(file, '--existing');
        assert.match(told.stdout, /^project 13: taken, with 1 prompts$/m);
        assert.equal(await hash(alice.email), before);
        assert.ok((await t.call('GET', '/projects', { token: alice.token })).json.some((p) => p.name === 'Of alice'));
    });

    await t.test('in two parts, as the package runs it', async () => {
        const other = make([['users', 1, address('parts'), passlib(password)], ['projects', 1, 'Parts', 1]], path.join(t.stack.dir, 'parts.db'));
        const people = run(other, '--accounts-to', '-');
        assert.equal(people.status, 0, people.stderr);
        assert.match(people.stdout, /^1 \d+\n$/);
        const map = path.join(t.stack.dir, 'people');
        fs.writeFileSync(map, people.stdout, { mode: 0o644 });
        const told = run(other, '--projects-of', map);
        assert.equal(told.status, 0, told.stderr);
        assert.match(told.stdout, /^projects: 1 taken/m);
    });

    await t.test('files that break off, lie or lack something are refused before anything is taken', async () => {
        const before = await counts();
        const people = Array.from({ length: 300 }, (_, i) => ['users', i + 1, address(`many${i}`), passlib(password, 1)]);
        const whole = fs.readFileSync(make([...people, ['projects', 1, 'P', 1], ['prompts', 1, 'p', 'text', 1]], path.join(t.stack.dir, 'many.db')));
        const page = whole.readUInt16BE(16), pages = whole.length / page;
        const changed = (name, change) => {
            const bytes = Buffer.from(whole), full = path.join(t.stack.dir, name);
            fs.writeFileSync(full, change(bytes) ?? bytes);
            return full;
        };
        const schema = (name, from, to) => database(path.join(t.stack.dir, name), `${SCHEMA.replace(from, to)}; INSERT INTO users VALUES (1, '${address('schema')}', NULL)`);
        assert.ok(pages > 8);
        for (const [what, file, why] of [
            ['cut behind the first users', changed('half.db', (b) => b.subarray(0, page * Math.floor(pages / 2))), /cannot be read/],
            ['a page of users in the middle is overwritten', changed('page.db', (b) => void b.fill(0xa5, page * (pages - 3), page * (pages - 2))), /cannot be read/],
            ['it says that it has more pages', changed('pages.db', (b) => void b.writeUInt32BE(0x7fffffff, 28)), null],
            ['no projects', schema('projects.db', 'TABLE projects', 'TABLE plans'), /no table projects/],
            ['users without an address', schema('address.db', 'email VARCHAR', 'phone VARCHAR'), /no table users with the columns/],
        ]) {
            const told = run(file);
            if (why === null && told.status === 3) continue; // what can be read of it is named
            assert.equal(told.status, 1, `${what}: ${told.stdout}${told.stderr}`);
            assert.match(told.stderr, why ?? /cannot be read/, what);
            assert.ok(told.stderr.length < 400, told.stderr);
            assert.deepEqual(await counts(), before, what);
        }
        // values of other types than the table says are skipped, each with its reason
        const types = database(path.join(t.stack.dir, 'types.db'), `CREATE TABLE users (id, email, hashed_password); CREATE TABLE projects (id, name, user_id); CREATE TABLE prompts (id, name, content, project_id);
            INSERT INTO users VALUES ('one', '${address('type1')}', NULL), (2.5, '${address('type2')}', NULL), (3, x'c3', NULL), (4, 17, NULL), (NULL, '${address('type5')}', NULL), (9223372036854775807, 'x' || char(0) || 'y', NULL), (-1, '${'x'.repeat(5000)}', NULL);
            INSERT INTO projects VALUES ('p', 'name', 'one'), (x'00', NULL, NULL); INSERT INTO prompts VALUES (1, 2, 3, 4)`);
        const told = run(types);
        assert.equal(told.status, 3, told.stderr);
        assert.match(told.stdout, /^users: 0 taken, 0 there already, 7 skipped$/m);
        assert.match(told.stdout, /^projects: 0 taken, 0 there already, 2 skipped$/m);
        assert.deepEqual(await counts(), before);
        // a value that is larger than anything may be, and a file larger than that
        const big = database(path.join(t.stack.dir, 'big.db'), `${SCHEMA}; INSERT INTO users VALUES (1, '${address('big')}', NULL); INSERT INTO projects VALUES (1, 'P', 1); INSERT INTO prompts VALUES (1, 'p', zeroblob(20000000), 1)`);
        assert.equal(run(big).status, 1);
        const sparse = path.join(t.stack.dir, 'sparse.db');
        fs.writeFileSync(sparse, whole.subarray(0, page));
        fs.truncateSync(sparse, 2 ** 30 + page);
        assert.match(run(sparse).stderr, /more than 1 GiB/);
        assert.deepEqual(await counts(), before);
        for (const name of [big, sparse]) fs.rmSync(name);
    });

    await t.test('wrong files are refused, and change nothing', async () => {
        const before = await counts();
        const bad = (name, content) => {
            const full = path.join(t.stack.dir, name);
            fs.writeFileSync(full, content);
            return full;
        };
        const whole = fs.readFileSync(file);
        for (const [what, name] of [
            ['empty', bad('empty.db', '')],
            ['no database', bad('text.db', 'x'.repeat(5000))],
            ['cut', bad('cut.db', whole.subarray(0, 5000))],
            ['a directory', t.stack.dir],
            ['missing', path.join(t.stack.dir, 'missing.db')],
        ])
            assert.equal(run(name).status, 1, what);
        const views = database(path.join(t.stack.dir, 'views.db'), `CREATE TABLE real (id INTEGER PRIMARY KEY, email, hashed_password);
            CREATE VIEW users AS WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n) SELECT id, 'v' || id || '@seed.example' AS email, '' AS hashed_password FROM n`);
        assert.equal(run(views).status, 1, 'an endless view');
        const used = make([], path.join(t.stack.dir, 'used.db'));
        fs.writeFileSync(`${used}-wal`, 'x');
        assert.match(run(used).stderr, /is in use/);
        for (const args of [['--nonsense'], [file, file], [file, '--accounts-to'], [file, '--accounts-to', 'a', '--projects-of', 'b']]) assert.equal(run(...args).status, 2, `${args}`);
        assert.deepEqual(await counts(), before);
    });
}
