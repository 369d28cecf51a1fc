// One of everything that somebody can own, for walks over all operations of the document.
import assert from 'node:assert/strict';
import { select } from './database.mjs';
import { eventually } from './http.mjs';

// Makes it as whoever t is now, with `word` in every text.  Resolves to the ids by the names that
// the document's paths and bodies give them: {project_id, prompt_id, ...}, put into `ids` one by one.
export async function makeBelongings(t, word, ids = {}) {
    const made = async (name, reply) => {
        assert.ok(reply.status < 300, `${name}: ${reply.text}`);
        return reply.json;
    };
    ids.session_id = (await t.call('GET', '/users/me/sessions')).json.find((s) => s.current).id;
    ids.key_id = (await made('key', await t.call('POST', '/users/me/keys', { body: { name: word, scopes: 'read' } }))).id;
    ids.project_id = (await made('project', await t.call('POST', '/projects', { body: { name: word } }))).id;
    const prompts = `/projects/${ids.project_id}/prompts`;
    ids.prompt_id = (await made('prompt', await t.call('POST', prompts, { body: { name: word, content: word } }))).id;
    const chat = await made('chat', await t.call('POST', '/chat', { body: { project_id: ids.project_id, message: word } }));
    ids.turn_id = chat.turn_id;
    ids.conversation_id = chat.conversation_id;
    ids.message_id = ids.parent_id = chat.message_id;
    ids.file_id = (await made('file', await t.upload(`/projects/${ids.project_id}/files`, word, { filename: `${word}.txt` }))).id;
    const ready = async () => (await t.call('GET', `/projects/files/${ids.file_id}`)).json.status === 'ready';
    await eventually(ready, { what: 'the file is ready' });
    ids.export_id = (await made('export', await t.call('POST', '/users/me/exports'))).id;
    const archived = async () => (await t.call('GET', `/users/me/exports/${ids.export_id}`)).json.state === 'ready';
    await eventually(archived, { what: 'the export is ready' });
    return ids;
}

// A path of the document with ids in its places; what has none gets one that nothing has.
export const fill = (template, ids) => template.replace(/\{([a-z_]+)\}/g, (_, name) => ids[name] ?? 999999999);

// Names in the path that ids has nothing for.
export const missing = (op, ids) => op.parameters.filter((name) => !(name in ids));

// The smallest body that the document takes, with ids where it names any.
export function bodyOf(t, op, ids) {
    const body = t.world.contract.sample(op);
    for (const name of Object.keys(body ?? {})) if (name in ids) body[name] = ids[name];
    return body;
}

export const isUpload = (op) => Boolean(op.row.requestBody?.content?.['multipart/form-data']);
export const isAdmins = (op) => op.template.startsWith('/admin/');
// A stream without an end: only that it is refused can be looked at.
export const isEndless = (op) => op.id === 'account_events';

// Digest of every row that belongs to the account (0: to any), by table: what a request changed
// shows, whatever it answered.  When something was last used is no change.
export async function rowsOf(stack, account = 0) {
    const tables = await select(
        stack,
        `SELECT c.table_schema AS schema, c.table_name AS name, c.column_name AS owner
         FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name)
         WHERE t.table_type = 'BASE TABLE' AND c.table_schema IN ('auth', 'project', 'chat', 'file') AND
             (c.column_name IN ('owner_id', 'account_id', 'user_id') AND (c.table_name, c.column_name) <> ('owner', 'owner_id')
              AND c.data_type = 'bigint' OR (c.table_schema, c.table_name, c.column_name) = ('auth', 'account', 'id'))
             AND (c.table_schema, c.table_name) <> ('auth', 'revocation') AND c.table_name NOT LIKE 'audit%'
         ORDER BY 1, 2, 3`,
    );
    assert.ok(tables.length > 10, `${tables.length} tables`);
    const digest = ({ schema, name, owner }) => `SELECT '${schema}.${name}.${owner}' AS place, count(*) AS rows,
        md5(coalesce(string_agg(row, ',' ORDER BY row), '')) AS digest
        FROM (SELECT (to_jsonb(t) - 'last_used_at')::text AS row FROM ${schema}.${name} t ${account ? `WHERE ${owner} = ${account}` : ''}) x`;
    return select(stack, tables.map(digest).join(' UNION ALL '));
}

// The same once nothing works on the rows in the background any more.
export async function rowsAtRest(stack, account = 0) {
    let last = '';
    return eventually(
        async () => {
            const rows = await rowsOf(stack, account);
            const now = JSON.stringify(rows);
            const same = now === last;
            last = now;
            return same && rows;
        },
        { within: 60000, every: 2000, what: 'rows at rest' },
    );
}
