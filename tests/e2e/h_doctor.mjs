// chatbot-admin doctor: finds nothing where nothing is wrong, and each thing that is, with its remedy.
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { execute } from '../harness/database.mjs';
import { eventually } from '../harness/http.mjs';
import { build, top } from '../harness/stack.mjs';

export const stack = { own: true };

export default async function (t) {
    const admin = (...args) =>
        new Promise((done) => {
            const options = { encoding: 'utf8', env: { PATH: process.env.PATH, BUILD_DIR: build } };
            execFile(path.join(top, 'deploy/chatbot-admin'), ['--data', t.stack.data, ...args], options, (e, stdout, stderr) => done({ status: e?.code ?? 0, stdout, stderr }));
        });
    const doctor = (...args) => admin('doctor', ...args);
    const look = async () => JSON.parse((await doctor('--json')).stdout);
    const isFound = ({ findings }, level, check, text) => {
        const one = findings.find((f) => f.level === level && f.check === check && text.test(f.text));
        assert.ok(one, `${level} ${check} ${text}: ${JSON.stringify(findings.filter((f) => f.level !== 'ok'), null, 1)}`);
        assert.ok(one.remedy.length > 5, one.remedy);
    };
    await t.as('alice');

    await t.test('where all is well only what this machine lacks is told', async () => {
        const { findings, bad } = await look();
        const about = new Set(findings.map((f) => f.check));
        for (const check of ['process', 'settings', 'modes', 'health', 'service', 'cors', 'secret', 'secret_opens', 'passwords', 'files_directory', 'files_disk', 'model_reachable', 'model_key', 'database_version', 'database_disk', 'clock', 'clock_kept', 'migrations', 'roles', 'rights', 'durability', 'connections', 'locks', 'outbox', 'mail', 'queue', 'admins'])
            assert.ok(about.has(check), check);
        assert.equal(bad, 0, JSON.stringify(findings.filter((f) => f.level === 'bad')));
        assert.deepEqual(findings.filter((f) => f.level === 'warn' && !['clock_kept', 'files_disk', 'admins'].includes(f.check)), []);
    });

    await t.test('what is wrong is found, and its remedy told', async () => {
        await execute(t.stack, `
            INSERT INTO chat.outbox (op, object, account_id, params, parked_at) VALUES ('audit_note', 'x:1', 1, '', now());
            INSERT INTO auth.schema_version (version) SELECT max(version) + 2 FROM auth.schema_version;
            GRANT USAGE ON SCHEMA chat TO filed;
            ALTER ROLE projectd CREATEDB;
            ALTER DATABASE chatbot SET synchronous_commit = off;`);
        fs.chmodSync(path.join(t.stack.data, 'blobs'), 0o755);
        const { status, stdout, stderr } = await doctor();
        assert.equal(status, 3, stderr);
        for (const text of [
            /^bad {3}outbox .*schema chat owes 1 deliveries, 1 of them given up\n +-> .*UPDATE chat\.outbox SET/m,
            /^bad {3}migrations .*schema auth has version \d+, the programs know \d+\n +-> run chatbot-admin migrate/m,
            /^bad {3}rights .*filed on chat\n +-> REVOKE/m,
            /^bad {3}roles .*role projectd has rights of a superuser\n +-> run deploy\/roles.sql/m,
            /^bad {3}durability .*synchronous_commit is off\n +-> ALTER SYSTEM/m,
            /^bad {3}files_directory .*has mode 0755\n +-> chmod 700/m,
            /^warn {2}admins .*\n +-> chatbot-admin create-admin EMAIL$/m,
            /^\d+ ok, \d+ to look at, 7 bad$/m,
        ])
            assert.match(stdout, text);
        assert.ok(!stdout.includes(t.stack.key));
        fs.chmodSync(path.join(t.stack.data, 'blobs'), 0o700);
        await execute(t.stack, `
            DELETE FROM chat.outbox WHERE object = 'x:1';
            DELETE FROM auth.schema_version WHERE version = (SELECT max(version) FROM auth.schema_version);
            REVOKE USAGE ON SCHEMA chat FROM filed;
            ALTER ROLE projectd NOCREATEDB;
            ALTER DATABASE chatbot RESET synchronous_commit;`);
    });

    await t.test('status tells the services, their credit, and the turns', async () => {
        const project = (await t.call('POST', '/projects', { body: { name: 'waits', model: 'hang' } })).json.id;
        t.call('POST', '/chat', { body: { project_id: project, message: 'hello' } }).catch(() => {});
        const status = await eventually(
            async () => {
                const now = JSON.parse((await admin('status', '--json')).stdout);
                return now.turns.running === 1 && now.owed.chat.parked === 0 && now; // figures are 2 s old at most
            },
            { within: 20000, what: 'a turn that runs' },
        );
        for (const name of ['auth', 'project', 'chat', 'file']) {
            assert.equal(status.services[name].instances, 1);
            assert.ok(status.services[name].credit > 256, `${name}: ${status.services[name].credit}`);
            assert.deepEqual(status.owed[name], { waiting: 0, parked: 0 });
        }
        assert.equal(status.turns.max, 64);
        assert.match((await admin('status')).stdout, /^project +1 +\d+ +\d+ +0$/m);
    });

    await t.test('migrate finds nothing to do; a process that is drained ends and has a successor', async () => {
        assert.deepEqual(JSON.parse((await admin('migrate', '--json')).stdout), { applied: 0 });
        const old = t.stack.pid('projectd');
        const drained = await admin('drain', 'projectd', '--json');
        assert.deepEqual(JSON.parse(drained.stdout), { drained: 'projectd' }, drained.stderr);
        await eventually(() => t.stack.pid('projectd') && t.stack.pid('projectd') !== old, { within: 20000, what: 'its successor' });
        assert.equal((await admin('drain', 'nonsense')).status, 1);
        await eventually(async () => (await t.call('GET', '/health')).status === 200, { within: 20000, what: 'healthy' });
    });

    await t.test('a service that does not answer, and an instance that does not run', async () => {
        t.stack.signal('filed', 'SIGSTOP');
        t.expectLog(/./);
        await eventually(async () => (await t.call('GET', '/health')).json.services.file.status === 'down', { within: 30000, what: 'filed is missed' });
        isFound(await look(), 'bad', 'service', /^file: down/);
        t.stack.signal('filed', 'SIGCONT');
        await t.stack.down();
        const report = await look();
        isFound(report, 'bad', 'instance', /nothing runs/);
        assert.equal(report.findings.filter((f) => f.check === 'settings' && f.level === 'ok').length, 6, JSON.stringify(report));
    });

    await t.test('keys that are none, missing or refused', () => {
        const model = (env) =>
            spawnSync(path.join(build, 'chatbot-admin'), ['doctor', 'model'], { encoding: 'utf8', env: { PATH: '/usr/bin', ...env } }).stdout.split('\t');
        const base = { OPENAI_BASE_URL: `http://127.0.0.1:${t.stack.providerPort}/v1`, OPENAI_MODEL: 'echo' };
        assert.match(model({}).join(), /^bad,model_key,no OPENAI_API_KEY is set/);
        assert.match(model({ ...base, OPENAI_API_KEY: '"sk-x"' }).join(), /^bad,model_key,.*quotes/);
        assert.match(model({ ...base, OPENAI_API_KEY: 'sk-wrong' }).join(), /bad,model_key,the provider refuses the key \(401\)/);
        assert.match(model({ ...base, OPENAI_API_KEY: t.stack.key }).join(), /ok,model_key,the provider accepts it/);
        assert.match(model({ ...base, OPENAI_API_KEY: t.stack.key, OPENAI_MODEL: 'nonsense' }).join(), /bad,model,nonsense is not among/);
        assert.match(model({ OPENAI_BASE_URL: 'http://127.0.0.1:9/v1' }).join(), /^bad,model_reachable/);
    });
}
