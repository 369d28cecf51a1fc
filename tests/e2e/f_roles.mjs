// Each daemon's database role reaches its own schema and nothing else.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

const SCHEMAS = { authd: 'auth', projectd: 'project', chatd: 'chat', filed: 'file' };

export default async function (t) {
    const pid = fs.readFileSync(path.join(t.stack.data, 'run/postgres.pid'), 'utf8').split(' ')[0];
    const argv = fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    const dir = argv.find((a) => a.startsWith('unix_socket_directories=')).split('=')[1];
    const { uid, gid } = fs.statSync(path.join(t.stack.data, 'postgres'));

    // Runs statements as a role, each for itself; returns what psql said to each.
    const sql = (role, ...statements) => {
        const script = statements.map((text, i) => `\\echo === ${i}\n${text};\n`).join('');
        const command = 'exec psql -X -q -A -t -v VERBOSITY=verbose -h "$1" -U "$2" -d chatbot 2>&1';
        const options = { input: script, encoding: 'utf8', cwd: '/', uid, gid, env: { PATH: process.env.PATH } };
        const { stdout } = spawnSync('sh', ['-c', command, 'sh', dir, role], options);
        return stdout.split(/^=== \d+\n/m).slice(1).map((said) => said.trim());
    };
    const refused = (role, statements) => {
        const said = sql(role, ...statements);
        assert.equal(said.length, statements.length, said.join('\n'));
        said.forEach((words, i) => assert.match(words, /ERROR: +42501/, `${role}: ${statements[i]}: ${words || 'worked'}`));
    };
    const [names] = sql('postgres', `SELECT string_agg(schemaname || '.' || tablename, ' ') FROM pg_tables WHERE schemaname IN ('auth','project','chat','file')`);
    const tables = names.split(' ');

    await t.test('there are tables in three schemas', async () => {
        for (const schema of ['auth', 'project', 'chat']) assert.ok(tables.some((name) => name.startsWith(`${schema}.`)), `${schema}: ${tables}`);
    });

    for (const [role, own] of Object.entries(SCHEMAS))
        await t.test(`${role} cannot touch what is not its own`, async () => {
            const foreign = tables.filter((table) => !table.startsWith(`${own}.`));
            const mine = tables.filter((table) => table.startsWith(`${own}.`));
            refused(role, foreign.flatMap((table) => [`SELECT count(*) FROM ${table}`, `INSERT INTO ${table} DEFAULT VALUES`, `DELETE FROM ${table}`]));
            refused(role, tables.flatMap((table) => [`DROP TABLE ${table}`, `TRUNCATE ${table}`, `ALTER TABLE ${table} ADD own int`]));
            refused(role, [
                `CREATE TABLE ${own}.own_table (a int)`,
                'CREATE TABLE public.own_table (a int)',
                'CREATE SCHEMA own_schema',
                `SET ROLE ${role}_owner`,
                'SET ROLE postgres',
                'CREATE ROLE helper',
                'CREATE TEMP TABLE t (a int)',
                `COPY (SELECT 1) TO PROGRAM 'true'`,
                `SELECT pg_read_file('postgresql.conf')`,
                `ALTER ROLE ${role} SUPERUSER`,
            ]);
            for (const words of sql(role, ...mine.map((table) => `SELECT count(*) FROM ${table}`))) assert.match(words, /^\d+$/);
        });

    await t.test('nobody becomes another role', async () => {
        for (const role of Object.keys(SCHEMAS)) refused(role, Object.keys(SCHEMAS).filter((other) => other !== role).map((other) => `SET ROLE ${other}`));
    });

    await t.test('the server listens on no port', async () => {
        assert.deepEqual(sql('postgres', 'SHOW listen_addresses'), ['']);
    });
}
