// The wall clock of daemons and database jumps an hour forward and back while turns run, wait and are
// followed: none is taken from its process, cut off or lost.  Tokens end by the clock, the refresh token
// is all it takes; and nobody is locked out for the hour that never was.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { execute, select } from '../harness/database.mjs';
import { eventually, sleep } from '../harness/http.mjs';
import { Memory } from '../harness/sse.mjs';
import { build } from '../harness/stack.mjs';

const HOUR = 3600;

// The programs, with a clock of their own: lib/clock.c.
const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'chatbot-clock-'));
const file = path.join(dir, 'seconds');
fs.chmodSync(dir, 0o755);
fs.writeFileSync(file, '0');
for (const name of ['gateway', 'authd', 'projectd', 'chatd', 'filed']) {
    const program = path.join(build, name);
    const libraries = spawnSync('ldd', [program], { encoding: 'utf8' }).stdout;
    const sanitizer = /(\/\S*libasan\S*) \(/.exec(libraries)?.[1] ?? ''; // wants to be the first
    const preload = `${sanitizer} ${build}/tests/clock.so`.trim();
    fs.writeFileSync(path.join(dir, name), `#!/bin/sh\nLD_PRELOAD='${preload}' TEST_CLOCK='${file}' exec '${program}' "$@"\n`, { mode: 0o755 });
}
for (const name of ['traced', 'provider', 'chatbot-admin']) fs.symlinkSync(path.join(build, name), path.join(dir, name));
process.on('exit', () => fs.rmSync(dir, { recursive: true, force: true }));

export const stack = { settings: { BUILD_DIR: dir, MAX_TURNS_PER_USER: '1' }, chatd: 2, own: true };

export default async function (t) {
    await databaseClock(t.stack);
    await t.as('bob');
    await t.as('alice');
    const project = (await t.call('POST', '/projects', { body: { name: 'clock', model: 'n-30+hold_after=10' } })).json.id;
    const before = t.stack.pids();
    const look = (token) => t.call('GET', '/projects', { token });
    const refresh = async (session) => {
        const reply = await t.call('POST', '/users/refresh', { token: null, body: { refresh_token: session.refresh_token } });
        assert.equal(reply.status, 200, reply.text);
        assert.equal((await look(reply.json.access_token)).status, 200, 'a new token is good');
        return reply.json;
    };
    const login = async (name, password = t.client.people.get(name).password) =>
        t.call('POST', '/users/login', { token: null, body: { email: t.client.people.get(name).email, password } });
    let session = (await login('alice')).json;
    let unseen;

    // One turn runs and is followed, the other waits behind it; meanwhile the clock jumps.
    const turns = async (seconds, meanwhile) => {
        t.client.who.token = session.access_token;
        const memory = new Memory();
        const stream = await t.events('POST', '/chat', { body: { project_id: project, message: 'runs', stream: true }, memory });
        await t.stack.held(1);
        const waiting = t.call('POST', '/chat', { body: { project_id: project, message: 'waits' } });
        waiting.catch(() => {}); // seen below
        await eventually(async () => (await select(t.stack, "SELECT id FROM chat.turn WHERE state = 'queued'")).length === 1, { what: 'it waits' });
        await jump(t.stack, seconds);
        const jumped = Date.now();
        await meanwhile(session.access_token);
        await sleep(Math.max(0, jumped + 3500 - Date.now())); // longer than it takes to miss a process
        assert.ok(!stream.ended && !memory.last, 'the stream is open');
        await t.stack.tell('release');
        await eventually(() => memory.last, { what: 'the end of the stream' });
        assert.deepEqual([memory.last.name, memory.attempt, memory.restarts], ['completed', 1, 0]);
        await t.stack.held(1);
        await t.stack.tell('release');
        const reply = await waiting;
        assert.equal(reply.status, 200, reply.text);
        const tries = await select(t.stack, 'SELECT state, attempt, takeovers FROM chat.turn ORDER BY id DESC LIMIT 2');
        assert.deepEqual(tries, Array(2).fill({ state: 'completed', attempt: 1, takeovers: 0 }));
    };
    const refused = async (token, why) => {
        const reply = await look(token);
        assert.deepEqual([reply.status, reply.json.detail], [401, `the token is not valid: ${why}`]);
    };

    await t.test('an hour forward: turns go on, a token ends, its session does not', () =>
        turns(HOUR, async (token) => {
            await refused(token, 'expired');
            session = await refresh(session);
            unseen = (await login('alice')).json; // no gateway has checked its token yet
            for (let i = 0; i < 10; i++) assert.equal((await login('bob', `Wrong-${t.client.nonce}`)).status, 401);
            const reply = await login('bob');
            assert.equal(reply.status, 429, 'guessing locks');
            assert.ok(Number(reply.headers['retry-after']) <= 30, reply.headers['retry-after']);
        }));

    await t.test('and back: turns go on, also one put off by the old clock; nobody is locked out', () =>
        turns(0, async (token) => {
            // as of a turn whose processes died, before the jump
            await execute(t.stack, `UPDATE chat.turn SET not_before = now() + interval '${HOUR + 10} seconds' WHERE state = 'queued'`);
            assert.equal((await look(token)).status, 200, 'what was checked stays good');
            await refused(unseen.access_token, 'not valid yet');
            await refresh(unseen);
            await refresh(session);
            const reply = await login('bob');
            assert.equal(reply.status, 200, reply.text);
        }));

    await t.test('nothing had to be started again', async () => {
        assert.deepEqual(t.stack.pids(), before);
        assert.equal((await t.call('GET', '/health', { token: null })).json.status, 'healthy');
    });
}

// now() of the database adds a setting from here on.  Plans made earlier hold the old one, until there is a new schema.
async function databaseClock(stack) {
    await jump(stack, 0);
    await execute(
        stack,
        `CREATE OR REPLACE FUNCTION pg_catalog.now() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE
            AS $$ SELECT transaction_timestamp() + make_interval(secs => current_setting('test.jump')::float8) $$;
         CREATE SCHEMA clock`,
    );
}

async function jump(stack, seconds) {
    fs.appendFileSync(path.join(stack.data, 'postgres/postgresql.conf'), `test.jump = ${seconds}\n`); // the last one counts
    fs.writeFileSync(file, String(seconds));
    await execute(stack, 'SELECT pg_reload_conf()');
    const ahead = async () => (await select(stack, "SELECT current_setting('test.jump', true) AS ahead"))[0].ahead;
    await eventually(async () => (await ahead()) === String(seconds), { what: "the database's clock" });
}
