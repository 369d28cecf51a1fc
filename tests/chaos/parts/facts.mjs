// All that is known about a run: what clients sent and saw, what the provider was asked, and what the
// database holds in the end.
import { select } from '../../harness/database.mjs';
import { readRecords, Records } from './records.mjs';

const TABLES = {
    turns: `SELECT id, owner_id, conversation_id, user_message_id, message_id, state, attempt, takeovers, tries,
            error_code, input_tokens, output_tokens, finished_at IS NOT NULL AS finished FROM chat.turn ORDER BY id`,
    messages: 'SELECT id, conversation_id, parent_id, depth, role, status, content, turn_id FROM chat.message ORDER BY id',
    conversations: 'SELECT id, active_leaf, active_turn FROM chat.conversation ORDER BY id',
    usage: 'SELECT owner_id, sum(turns) AS turns, sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens FROM chat.usage_day GROUP BY owner_id',
    projects: 'SELECT id, owner_id, model FROM project.project ORDER BY id',
};

// Writes the database's tables beside the records.
export async function dump(stack, dir) {
    const records = new Records(dir, 'database');
    for (const [table, statement] of Object.entries(TABLES)) for (const row of await select(stack, statement)) records.add({ table, ...row });
    records.add({ table: 'end' });
    records.close();
}

// A turn's requests are those of all its attempts.
// {seen: [], calls: [], total, turns: [], messages: [], ...} of a run's directory.
export function readFacts(dir) {
    const rows = readRecords(dir, 'database');
    const calls = readRecords(dir, 'calls');
    const facts = { seen: readRecords(dir, 'seen'), calls: calls.filter((c) => c.id), ...calls.find((c) => !c.id) };
    for (const table of Object.keys(TABLES)) facts[table] = rows.filter((row) => row.table === table);
    for (const turn of facts.turns) turn.requests = turn.tries.flatMap(({ attempt, requests }) => (requests ?? []).map((r) => ({ ...r, attempt })));
    facts.whole = rows.at(-1)?.table === 'end' && facts.seen.at(-1)?.what === 'end' && facts.total !== undefined;
    return facts;
}

// The label that a message begins with.
export const labelOf = (text) => (text ?? '').split(' ', 1)[0];

// What the provider said in a call, by the script of crowd.mjs.
export const spoken = (call) => (call.model.startsWith('echo') ? call.last : `${call.id} ${call.messages} ${call.last}`);
