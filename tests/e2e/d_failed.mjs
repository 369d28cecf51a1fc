// Every code that a turn may fail with, each with words about what to do.
import assert from 'node:assert/strict';
import { eventually } from '../harness/http.mjs';
import { select, sql } from '../harness/database.mjs';

export const stack = {
    settings: { UPSTREAM_TRIES: '2', MAX_TURNS_PER_USER: '1' },
    own: true,
};

// Of limits that are over together the whole turn's is told.
const short = { TIMEOUT_FIRST_TOKEN: 5, TIMEOUT_IDLE: 5, TIMEOUT_TURN: 5 };

// model, code, HTTP status of the blocking call, whether sending it again may help, a word of the advice,
// and limits under which no other one can be over first, however slow the machine is
const provoked = [
    ['fail-401', 'upstream_auth', 502, false, 'OPENAI_API_KEY'],
    ['unknown', 'upstream_refused', 502, false, 'settings'],
    ['fail-429+code=insufficient_quota', 'upstream_rate', 503, false, 'account'],
    ['fail-429+retry_after_ms=60000', 'upstream_rate', 503, true, 'in a while', short],
    ['cut', 'upstream_cut', 502, true, 'send it again'],
    ['hang', 'timeout_first_token', 504, true, 'faster', { TIMEOUT_FIRST_TOKEN: 1 }],
    ['hang-3', 'timeout_idle', 504, true, 'send it again', { TIMEOUT_IDLE: 1 }],
    ['n-1000x50', 'timeout_total', 504, true, 'shorter', short],
    ['fail-400+code=context_length_exceeded', 'too_long', 422, false, 'new conversation'],
];

export default async function (t) {
    await t.as('alice');
    const project = (await t.call('POST', '/projects', { body: { name: 'fails' } })).json.id;
    const model = (name) => t.call('PUT', `/projects/${project}`, { body: { model: name } });
    const chat = (message, more) => {
        const reply = t.call('POST', '/chat', { body: { project_id: project, message, ...more } });
        reply.catch(() => {}); // whoever waits for it says so
        return reply;
    };
    const failed = async (reply, code, http, retryable, word) => {
        assert.equal(reply.status, http, reply.text);
        assert.equal(reply.json.code, code);
        const turn = (await t.call('GET', `/chat/turns/${reply.json.turn_id}`)).json;
        assert.equal(turn.state, 'failed');
        assert.equal(turn.error.code, code);
        assert.equal(turn.error.retryable, retryable, code);
        assert.match(turn.error.detail, /^\S.*; \S/);
        assert.ok(turn.error.detail.includes(word), turn.error.detail);
        assert.equal(reply.json.detail, turn.error.detail);
    };

    await t.test('what each request to the provider came to is written down', async () => {
        await model('flaky-1');
        const reply = await chat('x');
        assert.equal(reply.status, 200, reply.text);
        const [{ tries }] = await select(t.stack, `SELECT tries FROM chat.turn WHERE id = ${reply.json.turn_id}`);
        assert.equal(tries.length, 1);
        const { requests, ...attempt } = tries[0];
        assert.equal(attempt.attempt, 1);
        assert.equal(attempt.outcome, 'completed');
        assert.ok(attempt.total_us >= attempt.first_us && attempt.first_us > 0, JSON.stringify(attempt));
        assert.equal(attempt.estimated, false);
        assert.equal(attempt.input_tokens, reply.json.usage.input_tokens);
        assert.equal(attempt.output_tokens, reply.json.usage.output_tokens);
        assert.deepEqual(requests.map((r) => [r.number, r.http, r.code]), [[1, 500, 'upstream_cut'], [2, 200, null]]);
        for (const r of requests) assert.ok(r.total_us > 0 && /^\S+$/.test(r.request_id), JSON.stringify(r));
        assert.notEqual(requests[0].request_id, requests[1].request_id);
        assert.equal(requests[0].first_us, -1);
        assert.ok(requests[1].first_us > 0);
    });

    const provoke = ([name, code, http, retryable, word, limits]) =>
        t.test(`${code} (${name})`, async () => {
            await model(name);
            if (limits) await t.stack.reload('chatd-1', limits);
            await failed(await chat('x'), code, http, retryable, word);
            if (limits) await t.stack.reload('chatd-1', {});
        });
    const pauses = ([name]) => name.includes('60000'); // last: it makes others wait
    for (const row of provoked.filter((row) => !pauses(row))) await provoke(row);

    await t.test('interrupted', async () => {
        await model('hold');
        const first = chat('holds the slot');
        await t.stack.held(1);
        const second = chat('is interrupted');
        const waiting = () => sql(t.stack, 'postgres', "SELECT count(*) FROM chat.turn WHERE state = 'queued'")[0] === '1';
        await eventually(waiting, { within: 30000, what: 'it waits' });
        sql(t.stack, 'postgres', "UPDATE chat.turn SET takeovers = 21 WHERE state = 'queued'");
        await t.stack.tell('release');
        assert.equal((await first).status, 200);
        await failed(await second, 'interrupted', 503, true, 'send it again');
    });

    await t.test('internal', async () => {
        t.expectLog(/octet_length/);
        await model('echo');
        const before = await chat('before');
        // only reading the history needs it
        sql(t.stack, 'postgres', 'REVOKE EXECUTE ON FUNCTION pg_catalog.octet_length(text) FROM PUBLIC');
        try {
            await failed(await chat('x', { conversation_id: before.json.conversation_id }), 'internal', 500, true, 'log');
        } finally {
            sql(t.stack, 'postgres', 'GRANT EXECUTE ON FUNCTION pg_catalog.octet_length(text) TO PUBLIC');
        }
        assert.equal((await chat('after', { conversation_id: before.json.conversation_id })).status, 200);
    });

    for (const row of provoked.filter(pauses)) await provoke(row);
}
