// Each daemon's database role reaches its own schema and nothing else.
import assert from 'node:assert/strict';
import { sql as ask } from '../harness/database.mjs';

const SCHEMAS = { authd: 'auth', projectd: 'project', chatd: 'chat', filed: 'file' };

export default async function (t) {
    const sql = (role, ...statements) => ask(t.stack, role, ...statements);
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
