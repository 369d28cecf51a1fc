// What a long history costs: two platforms beside each other, one of which holds a million messages.
import { options } from '../../chaos/parts/options.mjs';
import { execute, select } from '../../harness/database.mjs';
import { Bench, machine } from './bench.mjs';
import { Plans } from './plans.mjs';

const USAGE = `usage: tests/load/history [--rounds N] [--seconds N] [--messages N]

Fills one database with N messages (1,000,000) in conversations of 10, one conversation of 10,000, N projects, and
another one with 200 conversations and projects, by SQL into the tables of the product.  Then, in turns and with one
client, over the rounds (5 of 3 s):

  turn       always at the same place of a conversation of 10 and of 10,000 messages, both in the large database:
             once with messages of 6 kB, so that both fill the budget (HISTORY_TOKENS), once with short ones, where
             the long conversation has more to send
  lists      of conversations, projects and messages, and searches for words that few, some, all and no messages
             have, in the small database and in the large one

Prints each measurement, medians, ratios, and what PostgreSQL said of how it read each of them (auto_explain): the
indexes, the pages, and whether a table of more than 1,000 rows was read as a whole.`;

const { rounds, seconds, messages } = options(USAGE, { rounds: 5, seconds: 3, messages: 1000000 });
const HITS = 200; // of a word that few messages have
const MANY = 200; // conversations and projects of the small database

const print = (text, figures) => console.log(`${text}\n${JSON.stringify(figures)}`);

// ---- generating ----

// Conversations of `each` messages with so many words of a text, one branch; ids in the order of the conversations.
const talk = (owner, project, count, each, words, subjects) => `
    WITH first AS (SELECT coalesce(max(id), 0) AS m FROM chat.message), top AS (SELECT coalesce(max(id), 0) AS c FROM chat.conversation),
    turns AS (SELECT coalesce(max(id), 0) AS t FROM chat.turn),
    made AS (INSERT INTO chat.conversation (id, owner_id, project_id, title, active_leaf, updated_at) OVERRIDING SYSTEM VALUE
        SELECT c + n, ${owner}, ${project}, 'Subject ' || n, m + n * ${each}, now() - n * interval '1 second'
        FROM generate_series(1, ${count}) n, first, top),
    said AS (INSERT INTO chat.message (id, conversation_id, owner_id, parent_id, depth, role, status, content, turn_id) OVERRIDING SYSTEM VALUE
        SELECT m + n, c + (n - 1) / ${each} + 1, ${owner}, CASE WHEN (n - 1) % ${each} > 0 THEN m + n - 1 END, (n - 1) % ${each},
            CASE WHEN n % 2 = 1 THEN 'user' ELSE 'assistant' END, 'complete',
            'common words of message ' || n || ' about subject' || lpad((n % ${subjects})::text, 6, '0') ||
            (SELECT string_agg(' w' || (n::bigint * 7919 + k::bigint * k * 104729) % 20011, '') FROM generate_series(1, ${words}) k), t + (n + 1) / 2
        FROM generate_series(1, ${count * each}) n, first, top, turns)
    INSERT INTO chat.turn (id, owner_id, project_id, conversation_id, user_message_id, message_id, state, model, finished_at) OVERRIDING SYSTEM VALUE
        SELECT t + n, ${owner}, ${project}, c + (2 * n - 1) / ${each} + 1, m + 2 * n - 1, m + 2 * n, 'completed', 'echo', now()
        FROM generate_series(1, ${(count * each) / 2}) n, first, top, turns`;
const sequences = ['conversation', 'message', 'turn'].map((t) => `SELECT setval('chat.${t}_id_seq', (SELECT max(id) FROM chat.${t}))`);

async function fill(bench, count) {
    const [token] = bench.people;
    const owner = (await bench.ask('GET', '/users/me', undefined, token)).id;
    const chat = async (name) => {
        const { id } = await bench.ask('POST', '/projects', { name, model: 'echo' }, token);
        await bench.ask('POST', '/chat', { project_id: id, message: 'hello' }, token); // makes it known to chatd
        return id;
    };
    const project = await chat('lists');
    const own = await chat('turns');
    const old = await chat('old');
    const began = Date.now();
    const [{ indexdef }] = await select(bench.stack, "SELECT indexdef FROM pg_indexes WHERE indexname = 'search_by_words'");
    await execute(bench.stack, ['DROP INDEX chat.search_by_words', talk(owner, own, 1, 10, 12, 10), talk(owner, own, 1, 10000, 12, 10), talk(owner, own, 1, 10, 1000, 10), talk(owner, own, 1, 10000, 1000, 10),
        talk(owner, project, count / 10, 10, 12, count / HITS), talk(owner, old, 4, 10, 12, 10), ...sequences,
        `UPDATE chat.conversation SET updated_at = now() - interval '1 year' WHERE project_id = ${old}`,
        `INSERT INTO chat.search_doc SELECT conversation_id, id, owner_id, chat.search_words('simple', owner_id, content) FROM chat.message WHERE conversation_id IN (SELECT id FROM chat.conversation WHERE project_id = ${project}) ON CONFLICT DO NOTHING`,
        `INSERT INTO chat.search_doc SELECT id, 0, owner_id, chat.search_words('simple', owner_id, title) FROM chat.conversation WHERE project_id = ${project} AND title IS NOT NULL ON CONFLICT DO NOTHING`,
        `SET maintenance_work_mem = '512MB'; ${indexdef}`,
        `INSERT INTO project.project (owner_id, name) SELECT ${owner}, 'Project ' || n FROM generate_series(1, ${MANY - 2}) n`,
        `INSERT INTO project.project (owner_id, name) SELECT 1000000 + n / 1000, 'Project ' || n FROM generate_series(1, ${count > MANY * 10 ? count : 1}) n`,
        'VACUUM ANALYZE chat.conversation', 'VACUUM ANALYZE chat.message', 'VACUUM ANALYZE chat.turn', 'VACUUM ANALYZE chat.search_doc', 'VACUUM ANALYZE project.project'].join(';\n'));
    const [rows] = await select(bench.stack, 'SELECT (SELECT count(*) FROM chat.message) AS messages, (SELECT count(*) FROM chat.conversation) AS conversations, (SELECT count(*) FROM chat.search_doc) AS searched, (SELECT count(*) FROM project.project) AS projects, pg_database_size(current_database()) AS bytes');
    print(`# ${rows.messages} messages, ${rows.conversations} conversations, ${rows.projects} projects, ${Math.round(rows.bytes / 1e6)} MB, made in ${Math.round((Date.now() - began) / 1000)} s`, { name: 'filled', ...rows });
    const leaf = (size) => select(bench.stack, `SELECT c.id, c.active_leaf AS leaf FROM chat.conversation c WHERE project_id = ${own} AND title IS NOT NULL ORDER BY id OFFSET ${size} LIMIT 1`).then(([row]) => row);
    return { bench, token, project, own, old, talks: { short: { 10: await leaf(0), 10000: await leaf(1) }, full: { 10: await leaf(2), 10000: await leaf(3) } } };
}

// ---- measuring ----

const small = await fill(await Bench.start({ people: 1 }), MANY * 10);
const large = await fill(await Bench.start({ people: 1 }), messages);
const lists = {
    conversations: (side) => `/projects/${side.project}/conversations`,
    conversations_old: (side) => `/projects/${side.old}/conversations`,
    projects: () => '/projects',
    messages: (side) => `/conversations/${side.talks.short[side === small ? 10 : 10000].id}/messages?limit=10`,
    search_few: () => '/search?q=subject000007',
    search_two: () => '/search?q=common%20subject000007',
    search_prefix: () => '/search?q=common%20subject000007%20w1',
    search_common: () => '/search?q=common',
    search_none: () => '/search?q=unheardof',
};
const header = (side) => ['-H', `Authorization: Bearer ${side.token}`];
const http = (side, name, path) => large.bench.client('http', '-n', name, '-d', seconds, '-c', 1, ...header(side), side.bench.platform, path);
const turn = (kind, size) => {
    const { id, leaf } = large.talks[kind][size];
    const body = JSON.stringify({ project_id: large.own, conversation_id: id, parent_id: leaf, message: 'hello' });
    return large.bench.client('http', '-n', `turn.${kind}.${size}`, '-d', seconds, '-c', 1, '-m', 'POST', ...header(large), '-b', body, large.bench.platform, '/chat');
};

const plans = await Plans.of(large.bench);
for (const [name, path] of Object.entries(lists)) plans.add(name, await plans.while(() => large.bench.ask('GET', path(large), undefined, large.token)));
for (const size of [10, 10000]) {
    const { id, leaf } = large.talks.full[size];
    plans.add(`turn of ${size}`, await plans.while(() => large.bench.ask('POST', '/chat', { project_id: large.own, conversation_id: id, parent_id: leaf, message: 'hello' }, large.token)));
}
await plans.end();

for (let round = 1; round <= rounds; round++) {
    console.log(`# round ${round} of ${rounds}, ${machine()}`);
    for (const kind of ['full', 'short']) for (const size of [10, 10000]) await turn(kind, size);
    for (const [name, path] of Object.entries(lists)) for (const side of [small, large]) await http(side, `${name}.${side === small ? 'small' : 'large'}`, path(side));
}

console.log(`# medians of ${rounds} rounds`);
function compare(name, few, many) {
    const a = large.bench.median(few, 1);
    const b = large.bench.median(many, 1);
    print(`${name.padEnd(16)} p50 ${a.p50_ms.toFixed(3)} ms and ${b.p50_ms.toFixed(3)} ms: ${(b.p50_ms / a.p50_ms).toFixed(2)} times`, { name, few_p50_ms: a.p50_ms, many_p50_ms: b.p50_ms, few_p99_ms: a.p99_ms, many_p99_ms: b.p99_ms, ratio: b.p50_ms / a.p50_ms, errors: a.errors + b.errors });
}
for (const kind of ['full', 'short']) compare(`turn.${kind}`, `turn.${kind}.10`, `turn.${kind}.10000`);
for (const name of Object.keys(lists)) compare(name, `${name}.small`, `${name}.large`);
console.log('# how PostgreSQL read the large database');
plans.print(print);
await small.bench.stop();
await large.bench.stop();
