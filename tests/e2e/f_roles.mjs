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

    // Runs SQL as a role; returns {out, error}.
    const sql = (role, text) => {
        const args = ['-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-v', 'VERBOSITY=verbose', '-h', dir, '-U', role, '-d', 'chatbot', '-c', text];
        const run = spawnSync('psql', args, { encoding: 'utf8', cwd: '/', uid, gid, env: { PATH: process.env.PATH } });
        return { out: run.stdout.trim(), error: run.stderr };
    };
    const tables = sql('postgres', `SELECT string_agg(schemaname || '.' || tablename, ' ') FROM pg_tables WHERE schemaname IN ('auth','project','chat','file')`).out.split(' ');

    await t.test('there are tables in three schemas', async () => {
        for (const schema of ['auth', 'project', 'chat']) assert.ok(tables.some((name) => name.startsWith(`${schema}.`)), `${schema}: ${tables}`);
    });

    for (const [role, own] of Object.entries(SCHEMAS))
        await t.test(`${role} cannot touch what is not its own`, async () => {
            for (const table of tables) {
                const schema = table.split('.')[0];
                for (const text of [`SELECT count(*) FROM ${table}`, `DELETE FROM ${table}`, `DROP TABLE ${table}`, `TRUNCATE ${table}`]) {
                    if (schema === own && /^(SELECT|DELETE)/.test(text)) continue;
                    const { error } = sql(role, text);
                    assert.match(error, /42501|must be owner/, `${role}: ${text}: ${error || 'worked'}`);
                }
            }
            for (const text of [
                `CREATE TABLE ${own}.own_table (a int)`,
                'CREATE TABLE public.own_table (a int)',
                'CREATE SCHEMA own_schema',
                `SET ROLE ${role}_owner`,
                'SET ROLE postgres',
                'CREATE ROLE helper',
                'CREATE TEMP TABLE t (a int)',
                `COPY (SELECT 1) TO PROGRAM 'true'`,
                `SELECT pg_read_file('postgresql.conf')`,
            ])
                assert.match(sql(role, text).error, /42501/, `${role}: ${text}`);
        });

    await t.test('nobody becomes another role', async () => {
        for (const role of Object.keys(SCHEMAS))
            for (const other of Object.keys(SCHEMAS))
                if (role !== other) assert.match(sql(role, `SET ROLE ${other}`).error, /42501/, `${role} -> ${other}`);
    });

    await t.test('the server listens on no port', async () => {
        assert.equal(sql('postgres', 'SHOW listen_addresses').out, '');
    });
}
