// What a stack still has of an account: rows in any schema, contents on disk.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { select, sql } from './database.mjs';

const SCHEMAS = "('auth', 'project', 'chat', 'file')";
// What names an account by its number alone and stays: that it is gone, who was told of it, who did what.
const STAYS = /^(\w+\.account_ref|\w+\.outbox|auth\.(erasure|revocation|audit\w*)|(chat|file)\.project_ref)$/;
// What a repeat of the deletion is answered with.
const ITS_OWN = "op <> 'user_delete'";

// Rows of the account with that id, or that hold the word, by table: {'chat.message': 3, ...}.
async function rows(stack, id, word) {
    const columns = await select(
        stack,
        `SELECT table_schema || '.' || table_name AS place, array_agg(column_name) FILTER (WHERE column_name IN
        ('owner_id', 'account_id', 'caller', 'created_by', 'used_by')) AS names
        FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
        WHERE table_schema IN ${SCHEMAS} AND table_type = 'BASE TABLE' GROUP BY 1`,
    );
    const found = {};
    const tables = columns.filter(({ place }) => !STAYS.test(place));
    assert.ok(tables.length > 20, `${tables.length} tables`);
    const counts = sql(
        stack,
        'postgres',
        ...tables.map(({ place, names }) => {
            const own = (names ?? []).map((name) => `r.${name} = ${id}`).join(' OR ') || 'false';
            const but = place.endsWith('.idempotency') ? ITS_OWN : 'true';
            return `SELECT count(*) FROM ${place} r WHERE (${own} OR strpos(r::text, '${word}') > 0) AND ${but}`;
        }),
    );
    tables.forEach(({ place }, i) => {
        if (counts[i] !== '0') found[place] = counts[i];
    });
    return found;
}

// Names of contents, incoming ones and archives.  exports: ids of the account's.
function onDisk(stack, id, exports) {
    const dir = path.join(stack.data, 'blobs');
    const list = (name) => (fs.existsSync(path.join(dir, name)) ? fs.readdirSync(path.join(dir, name)) : []);
    return [
        ...(fs.existsSync(path.join(dir, String(id))) ? [`${id}/`] : []),
        ...list('incoming').filter((name) => name.split('-')[1] === String(id)),
        ...list('exports').filter((name) => exports.includes(Number(name.split('-')[0]))),
    ];
}

// Fails when anything is left of it.
export async function none(stack, { id, word, exports = [] }) {
    assert.deepEqual({ ...(await rows(stack, id, word)), disk: onDisk(stack, id, exports) }, { disk: [] });
}

// Whether there is anything, so that none() is worth something.
export async function some(stack, { id, word }) {
    return Object.keys(await rows(stack, id, word)).length;
}
