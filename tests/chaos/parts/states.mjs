// Rows that no sound platform has once it is at rest: what was begun and never ended, ended twice, or
// belongs to nobody.
import { execute, select, sql } from '../../harness/database.mjs';
import { sleep } from '../../harness/http.mjs';

// What may not be, as text: each row of these says which.
const RULES = {
    'a turn is in a state that there is not': `SELECT id, state FROM chat.turn WHERE state NOT IN ('queued', 'running', 'completed', 'failed', 'cancelled')`,
    'a message is what no message is': `SELECT id, role, status, rating FROM chat.message WHERE role NOT IN ('user', 'assistant')
        OR status NOT IN ('complete', 'pending', 'incomplete', 'failed', 'cancelled') OR rating NOT IN (-1, 1)`,
    'a turn ended without a time, or has one and runs': `SELECT id FROM chat.turn WHERE (state IN ('completed', 'failed', 'cancelled')) <> (finished_at IS NOT NULL)`,
    'a turn runs in no process that lives': `SELECT id FROM chat.turn WHERE state = 'running' AND (process IS NULL OR process NOT IN (SELECT id FROM chat.owner))`,
    'a turn waits, and is somebody\'s': `SELECT id FROM chat.turn WHERE state = 'queued' AND process IS NOT NULL`,
    'an answer is pending without its turn': `SELECT m.id FROM chat.message m LEFT JOIN chat.turn t ON t.id = m.turn_id
        WHERE m.status = 'pending' AND (t.id IS NULL OR t.finished_at IS NOT NULL)`,
    'an answer and its turn disagree': `SELECT t.id, t.state, m.status FROM chat.turn t JOIN chat.message m ON m.id = t.message_id
        WHERE t.finished_at IS NOT NULL AND (t.state, m.status) NOT IN
        (('completed', 'complete'), ('completed', 'incomplete'), ('failed', 'failed'), ('cancelled', 'cancelled'))`,
    'a conversation shows a turn that has ended': `SELECT c.id FROM chat.conversation c LEFT JOIN chat.turn t ON t.id = c.active_turn
        WHERE c.active_turn IS NOT NULL AND (t.id IS NULL OR t.finished_at IS NOT NULL)`,
    'a message is in no conversation': `SELECT m.id FROM chat.message m WHERE NOT EXISTS (SELECT FROM chat.conversation c WHERE c.id = m.conversation_id)`,
    'a message answers none': `SELECT m.id FROM chat.message m WHERE m.parent_id IS NOT NULL AND NOT EXISTS (SELECT FROM chat.message p WHERE p.id = m.parent_id)`,
    'a turn is in no conversation': `SELECT t.id FROM chat.turn t WHERE NOT EXISTS (SELECT FROM chat.conversation c WHERE c.id = t.conversation_id)`,
    'a conversation is in no project': `SELECT c.id FROM chat.conversation c WHERE NOT EXISTS (SELECT FROM project.project p WHERE p.id = c.project_id)`,
    'tokens are held for no turn': `SELECT account_id, sum(reserved) AS held FROM chat.budget_day b GROUP BY account_id HAVING sum(reserved) <>
        (SELECT coalesce(sum(t.reserved), 0) FROM chat.turn t WHERE t.owner_id = b.account_id AND t.finished_at IS NULL)`,
    'a turn is not counted': `SELECT t.owner_id, t.project_id, count(*) AS ended, (SELECT coalesce(sum(u.turns), 0) FROM chat.usage_day u
        WHERE u.owner_id = t.owner_id AND u.project_id = t.project_id) AS counted FROM chat.turn t WHERE t.finished_at IS NOT NULL
        GROUP BY t.owner_id, t.project_id HAVING count(*) > (SELECT coalesce(sum(u.turns), 0) FROM chat.usage_day u
        WHERE u.owner_id = t.owner_id AND u.project_id = t.project_id)`,
    'a file is in no project': `SELECT f.id FROM file.file f WHERE NOT EXISTS (SELECT FROM project.project p WHERE p.id = f.project_id)`,
    'a content is counted wrongly': `SELECT owner_id, sha256 FROM file.blob b WHERE refs <> (SELECT count(*) FROM file.file f
        WHERE f.owner_id = b.owner_id AND f.sha256 = b.sha256)`,
    'a file has no content': `SELECT f.id FROM file.file f WHERE NOT EXISTS (SELECT FROM file.blob b WHERE b.owner_id = f.owner_id AND b.sha256 = f.sha256)`,
    'bytes are counted wrongly': `SELECT owner_id FROM file.storage s WHERE bytes <> (SELECT coalesce(sum(f.bytes), 0) FROM file.file f WHERE f.owner_id = s.owner_id)`,
    'a copy is of no file': `SELECT c.id FROM file.copy c WHERE state <> 'deleting' AND NOT EXISTS (SELECT FROM file.file f WHERE f.id = c.file_id)`,
    'an archive is made by nobody': `SELECT id FROM file.account_export WHERE state = 'running' AND (leased_until IS NULL OR leased_until < now() - interval '60 seconds')`,
    'an archive has an end, and is not ready': `SELECT id FROM file.account_export WHERE state = 'ready' AND (sha256 IS NULL OR bytes IS NULL OR finished_at IS NULL)`,
    'the audit has gaps': `SELECT min(id), max(id), count(*) FROM auth.audit HAVING max(id) - min(id) + 1 <> count(*)`,
    'an account is erased before its parts': `SELECT account_id FROM auth.erasure WHERE erased_at IS NOT NULL AND (project_at IS NULL OR chat_at IS NULL OR file_at IS NULL)`,
    'a message to another service was given up': ['auth', 'chat', 'file', 'project'].map((s) => `SELECT '${s}' AS service, op, error FROM ${s}.outbox WHERE parked_at IS NOT NULL`).join(' UNION ALL '),
    'a turn ended twice': `SELECT turn_id FROM watched.turn_end GROUP BY turn_id HAVING count(*) > 1`,
};

// A way to break each rule, where some turns have been.
const NEWEST = 'WHERE id = (SELECT max(id) FROM chat.turn)';
const DAMAGE = {
    'a turn is in a state that there is not': `UPDATE chat.turn SET state = 'gone' ${NEWEST}`,
    'a message is what no message is': `UPDATE chat.message SET rating = 2 WHERE id = (SELECT max(id) FROM chat.message)`,
    'a turn ended without a time, or has one and runs': `UPDATE chat.turn SET finished_at = NULL ${NEWEST}`,
    'a turn runs in no process that lives': `UPDATE chat.turn SET state = 'running', process = 'nobody' ${NEWEST}`,
    'a turn waits, and is somebody\'s': `UPDATE chat.turn SET state = 'queued', process = 'nobody' ${NEWEST}`,
    'an answer is pending without its turn': `UPDATE chat.message SET status = 'pending' WHERE id = (SELECT max(message_id) FROM chat.turn)`,
    'an answer and its turn disagree': `UPDATE chat.message SET status = 'failed' WHERE id = (SELECT max(message_id) FROM chat.turn WHERE state = 'completed')`,
    'a conversation shows a turn that has ended': 'UPDATE chat.conversation c SET active_turn = t.id FROM chat.turn t WHERE t.conversation_id = c.id',
    'a message is in no conversation': 'UPDATE chat.message SET conversation_id = -1 WHERE id = (SELECT max(id) FROM chat.message)',
    'a message answers none': 'UPDATE chat.message SET parent_id = -1 WHERE id = (SELECT max(id) FROM chat.message)',
    'a turn is in no conversation': `UPDATE chat.turn SET conversation_id = -1 ${NEWEST}`,
    'a conversation is in no project': 'UPDATE chat.conversation SET project_id = -1 WHERE id = (SELECT max(id) FROM chat.conversation)',
    'tokens are held for no turn': 'INSERT INTO chat.budget_day VALUES (-1, now()::date, 0, 5)',
    'a turn is not counted': 'DELETE FROM chat.usage_day',
    'a file is in no project': `INSERT INTO file.file (owner_id, project_id, filename, bytes, mime, sha256) VALUES (-1, -1, 'x', 1, 'text/plain', 'x')`,
    'a content is counted wrongly': `INSERT INTO file.blob (owner_id, sha256, refs) VALUES (-1, 'x', 2)`,
    'a file has no content': `INSERT INTO file.file (owner_id, project_id, filename, bytes, mime, sha256) VALUES (-1, -1, 'x', 1, 'text/plain', 'x')`,
    'bytes are counted wrongly': 'INSERT INTO file.storage VALUES (-1, 5)',
    'a copy is of no file': `INSERT INTO file.copy (file_id, state) VALUES (-1, 'wanted')`,
    'an archive is made by nobody': `INSERT INTO file.account_export (owner_id, state) VALUES (-1, 'running')`,
    'an archive has an end, and is not ready': `INSERT INTO file.account_export (owner_id, state) VALUES (-1, 'ready')`,
    'the audit has gaps': 'DELETE FROM auth.audit WHERE id = (SELECT min(id) + 1 FROM auth.audit)',
    'an account is erased before its parts': `INSERT INTO auth.erasure (account_id, receipt, requested_by, erased_at) VALUES (-1, 'x', 0, now())`,
    'a message to another service was given up': `INSERT INTO chat.outbox (op, object, account_id, params, parked_at) VALUES ('x', 'x', 0, '', now())`,
    'a turn ended twice': 'INSERT INTO watched.turn_end SELECT turn_id FROM watched.turn_end',
};

// Breaks each rule, and takes that back; resolves to those that do not see it.
export function blind(stack) {
    const rules = Object.keys(RULES);
    const statements = rules.flatMap((rule) => ['BEGIN', DAMAGE[rule], `SELECT count(*) > 0 FROM (${RULES[rule]}) broken`, 'ROLLBACK']);
    const said = sql(stack, 'postgres', ...statements);
    return rules.flatMap((rule, i) => (said[4 * i + 2] === 't' ? [] : [`${rule}: ${said[4 * i + 1]} ${said[4 * i + 2]}`]));
}

// Counts the ends of turns from here on: before anything is asked of the stack.
export function watchEnds(stack) {
    return execute(stack, `CREATE SCHEMA IF NOT EXISTS watched;
        CREATE TABLE IF NOT EXISTS watched.turn_end (turn_id bigint NOT NULL);
        CREATE OR REPLACE FUNCTION watched.turn_ended() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS
            'BEGIN INSERT INTO watched.turn_end VALUES (NEW.id); RETURN NULL; END';
        CREATE OR REPLACE TRIGGER watched_end AFTER UPDATE ON chat.turn FOR EACH ROW
            WHEN (NEW.finished_at IS NOT NULL AND OLD.finished_at IS DISTINCT FROM NEW.finished_at) EXECUTE FUNCTION watched.turn_ended()`);
}

// Waits until there is no such row, or for so long (ms); then says which there are: ["rule: rows"].
// What is deleted goes a little later, so one look is not enough.  known: rules that were broken before.
export async function halfWritten(stack, { within = 30000, known = [] } = {}) {
    const rules = Object.entries(RULES).filter(([rule]) => !known.includes(rule));
    const statement = rules.map(([, rows], i) => `SELECT ${i} AS rule, (SELECT json_agg(r) FROM (SELECT * FROM (${rows}) all_of_them LIMIT 5) r) AS rows`).join(' UNION ALL ');
    for (const end = Date.now() + within; ; await sleep(250)) {
        const found = (await select(stack, statement)).filter((one) => one.rows);
        if (!found.length || Date.now() >= end) return found.map((one) => ({ rule: rules[one.rule][0], rows: JSON.stringify(one.rows) }));
    }
}
