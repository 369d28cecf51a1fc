// What the official openai client sees.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import OpenAI, { toFile } from 'openai';

const client = ({ server }, options = {}) =>
    new OpenAI({ apiKey: 'sk-test', baseURL: `${server.root}/v1`, logLevel: 'off', ...options });

async function text(stream) {
    let got = '';
    for await (const event of stream)
        if (event.type === 'response.output_text.delta') got += event.delta;
    return got;
}

async function lastCall({ server }) {
    const { calls } = await server.control('calls');
    return calls.at(-1);
}

async function until(what, milliseconds = 30000) {
    for (const end = Date.now() + milliseconds; !(await what()); await sleep(10))
        assert.ok(Date.now() < end, `never: ${what}`);
}

const cases = [];
const check = (name, run) => cases.push([name, run]);

check('responses: plain', async (x) => {
    const answer = await client(x).responses.create({ model: 'echo', input: 'Grüße, 日本 👋' });
    assert.equal(answer.output_text, 'Grüße, 日本 👋');
    assert.equal(answer.status, 'completed');
    assert.equal(answer.usage.total_tokens, answer.usage.input_tokens + answer.usage.output_tokens);
    assert.ok(answer._request_id);
});

check('responses: streamed, every event in its order', async (x) => {
    const types = [];
    let number = 0;
    let got = '';
    const stream = await client(x).responses.create({
        model: 'echo', stream: true, input: 'a longer text that needs some deltas 日本',
    });
    for await (const event of stream) {
        assert.equal(event.sequence_number, number++);
        if (event.type !== types.at(-1)) types.push(event.type);
        if (event.type === 'response.output_text.delta') got += event.delta;
        if (event.type === 'response.completed')
            assert.equal(event.response.output[0].content[0].text, got);
    }
    assert.equal(got, 'a longer text that needs some deltas 日本');
    assert.deepEqual(types, [
        'response.created', 'response.in_progress', 'response.output_item.added',
        'response.content_part.added', 'response.output_text.delta', 'response.output_text.done',
        'response.content_part.done', 'response.output_item.done', 'response.completed']);
});

check('responses: the client\'s own stream helper agrees', async (x) => {
    const stream = client(x).responses.stream({ model: 'n-20', input: 'x' });
    const final = await stream.finalResponse();
    assert.equal(final.output_text.trim().split(' ').length, 20);
});

check('responses: the demo shows what it was sent', async (x) => {
    const answer = await client(x).responses.create({
        model: 'gpt-4o-mini', instructions: 'Be a pirate.', temperature: 0.5,
        input: [
            { role: 'developer', content: 'Say arr.' },
            { role: 'user', content: 'first' },
            { role: 'assistant', content: 'answer' },
            { role: 'user', content: [{ type: 'input_text', text: 'second' }] },
        ],
    });
    for (const part of ['demo model', 'Be a pirate.', 'Say arr.', '> second',
        'this conversation: 2', 'OPENAI_API_KEY', '0.5'])
        assert.ok(answer.output_text.includes(part), part);
    const call = await lastCall(x);
    assert.equal(call.system, 'Be a pirate.\nSay arr.');
    assert.equal(call.last, 'second');
    assert.equal(call.messages, 3);
    assert.equal(call.authorization, true);
});

check('responses: max_output_tokens', async (x) => {
    const answer = await client(x).responses.create({
        model: 'demo', input: 'Hi', max_output_tokens: 16 });
    assert.equal(answer.status, 'incomplete');
    assert.equal(answer.incomplete_details.reason, 'max_output_tokens');
    assert.equal(answer.usage.output_tokens, 16);
});

check('responses: exact deltas, sizes and usage from a script', async (x) => {
    await x.server.control('script', { models: {
        seven: { reply: 'Hello, {last}! ({n}, {model})', deltas: 7,
            usage: { input_tokens: 11, output_tokens: 22, cached_tokens: 3 } },
        big: { deltas: 3, delta_bytes: 1000 },
    } });
    const stream = await client(x).responses.create({
        model: 'seven', input: 'Änne', stream: true });
    const deltas = [];
    let usage;
    for await (const event of stream) {
        if (event.type === 'response.output_text.delta') deltas.push(event.delta);
        if (event.type === 'response.completed') usage = event.response.usage;
    }
    assert.equal(deltas.join(''), 'Hello, Änne! (1, seven)');
    assert.equal(deltas.length, 7);
    assert.equal(usage.total_tokens, 33);
    assert.equal(usage.input_tokens_details.cached_tokens, 3);
    const big = await client(x).responses.create({ model: 'big', input: 'x' });
    assert.equal(big.output_text.length, 3000);
});

check('responses: retrieve, then 404 for others', async (x) => {
    const made = await client(x).responses.create({ model: 'echo', input: 'kept' });
    const again = await client(x).responses.retrieve(made.id);
    assert.equal(again.output_text ?? again.output[0].content[0].text, 'kept');
    await assert.rejects(client(x).responses.retrieve('resp_nope'), OpenAI.NotFoundError);
});

check('background: poll until done', async (x) => {
    const made = await client(x).responses.create({
        model: 'n-10x20', input: 'x', background: true });
    assert.equal(made.status, 'queued');
    let now;
    await until(async () => {
        now = await client(x).responses.retrieve(made.id);
        return now.status === 'completed';
    });
    assert.equal(now.output[0].content[0].text.trim().split(' ').length, 10);
});

check('background: the client leaves, comes back, misses nothing', async (x) => {
    const stream = await client(x).responses.create({
        model: 'n-30x20', input: 'x', background: true, stream: true });
    let id, last;
    let got = '';
    for await (const event of stream) {
        id ??= event.response?.id;
        last = event.sequence_number;
        if (event.type === 'response.output_text.delta') got += event.delta;
        if (got.length >= 60) break;
    }
    await sleep(100);
    const again = await client(x).responses.retrieve(id, { stream: true, starting_after: last });
    for await (const event of again) {
        assert.equal(event.sequence_number, ++last);
        if (event.type === 'response.output_text.delta') got += event.delta;
        if (event.type === 'response.completed')
            assert.equal(event.response.output[0].content[0].text, got);
    }
    assert.equal(got.trim().split(' ').length, 30);
});

check('background: cancel ends it and its streams', async (x) => {
    const stream = await client(x).responses.create({
        model: 'n-1000x20', input: 'x', background: true, stream: true });
    let id;
    for await (const event of stream) {
        if (!id) {
            id = event.response.id;
            assert.equal((await client(x).responses.cancel(id)).status, 'cancelled');
        }
    }
    assert.equal((await client(x).responses.cancel(id)).status, 'cancelled');
    assert.equal((await lastCall(x)).outcome, 'cancelled');
});

check('chat completions: plain', async (x) => {
    const answer = await client(x).chat.completions.create({
        model: 'echo',
        messages: [{ role: 'system', content: 's' }, { role: 'user', content: 'u' }] });
    assert.equal(answer.choices[0].message.content, 'u');
    assert.equal(answer.choices[0].finish_reason, 'stop');
    assert.equal((await lastCall(x)).system, 's');
});

check('chat completions: streamed with usage', async (x) => {
    const stream = await client(x).chat.completions.create({
        model: 'n-12', stream: true, stream_options: { include_usage: true },
        messages: [{ role: 'user', content: 'u' }] });
    let got = '', reason, usage;
    for await (const chunk of stream) {
        got += chunk.choices[0]?.delta.content ?? '';
        reason ??= chunk.choices[0]?.finish_reason;
        usage ??= chunk.usage;
    }
    assert.equal(got.trim().split(' ').length, 12);
    assert.equal(reason, 'stop');
    assert.equal(usage.completion_tokens, 18);
});

check('models: list, one, none', async (x) => {
    const names = [];
    for await (const model of client(x).models.list()) names.push(model.id);
    assert.ok(names.includes('demo'));
    assert.equal((await client(x).models.retrieve('demo')).id, 'demo');
    await assert.rejects(client(x).models.retrieve('unknown-7'), OpenAI.NotFoundError);
});

check('files: create, list with pages, retrieve, delete, use', async (x) => {
    const ids = [];
    for (let i = 0; i < 5; i++) {
        const file = await client(x).files.create({
            purpose: 'user_data',
            file: await toFile(Buffer.from(`content ${i}\r\n--x\0`), `ü ${i}.txt`) });
        assert.equal(file.bytes, 15);
        ids.push(file.id);
    }
    const listed = [];
    for await (const file of client(x).files.list({ limit: 2, order: 'asc' })) listed.push(file.id);
    assert.deepEqual(listed, ids);
    const newest = await client(x).files.list({ limit: 2 });
    assert.deepEqual(newest.data.map((f) => f.id), ids.slice(3).reverse());
    assert.equal((await client(x).files.retrieve(ids[1])).filename, 'ü 1.txt');
    const kept = await fetch(`${x.server.root}/_/files/${ids[1]}`);
    assert.equal(await kept.text(), 'content 1\r\n--x\0');
    const ask = { model: 'demo', input: [{ role: 'user', content: [
        { type: 'input_file', file_id: ids[1] }, { type: 'input_text', text: 'Summary?' }] }] };
    assert.ok((await client(x).responses.create(ask)).output_text.includes('ü 1.txt'));
    assert.equal((await client(x).files.delete(ids[1])).deleted, true);
    await assert.rejects(client(x).files.retrieve(ids[1]), OpenAI.NotFoundError);
    await assert.rejects(client(x).responses.create(ask), OpenAI.BadRequestError);
});

check('files: 20 MB', async (x) => {
    const file = await client(x).files.create({
        purpose: 'user_data', file: await toFile(Buffer.alloc(20_000_000, 65), 'big.bin') });
    assert.equal(file.bytes, 20_000_000);
});

const classes = [
    [400, OpenAI.BadRequestError], [401, OpenAI.AuthenticationError],
    [403, OpenAI.PermissionDeniedError], [404, OpenAI.NotFoundError],
    [409, OpenAI.ConflictError], [429, OpenAI.RateLimitError],
    [500, OpenAI.InternalServerError], [502, OpenAI.InternalServerError],
    [503, OpenAI.InternalServerError]];
check('errors: each status has its class', async (x) => {
    for (const [status, kind] of classes)
        await assert.rejects(
            client(x, { maxRetries: 0 }).responses.create(
                { model: `fail-${status}`, input: 'x' }), kind);
    await assert.rejects(client(x).responses.create({ model: 'unknown-1', input: 'x' }),
        { status: 404, code: 'model_not_found' });
});

check('errors: 429 is retried after retry-after-ms', async (x) => {
    const model = 'script-status=429+times=2+retry_after_ms=300';
    const began = Date.now();
    const answer = await client(x).responses.create({ model, input: 'x' });
    assert.equal(answer.status, 'completed');
    assert.ok(Date.now() - began >= 550, 'waited twice');
    assert.equal((await x.server.control('calls')).calls.length, 3);
    await assert.rejects(
        client(x).responses.create({ model: 'script-status=429+retry_after_ms=5', input: 'x' }),
        OpenAI.RateLimitError);
});

check('errors: x-should-retry false is obeyed', async (x) => {
    await assert.rejects(
        client(x).responses.create({ model: 'script-status=500+x_should_retry=0', input: 'x' }),
        OpenAI.InternalServerError);
    assert.equal((await x.server.control('calls')).calls.length, 1);
});

check('errors: flaky, then well; sequences; then', async (x) => {
    await x.server.control('script', {
        models: { b: { status: 500, times: 1, retry_after_ms: 1, then: { status: 503, times: 1,
            retry_after_ms: 1, then: { reply: 'third' } } } },
        sequence: { a: [{ reply: 'one' }, 'rate-0', { reply: 'two' }] } });
    const ask = (model, maxRetries) =>
        client(x, { maxRetries }).responses.create({ model, input: 'x' });
    assert.equal((await ask('a', 0)).output_text, 'one');
    await assert.rejects(ask('a', 0), OpenAI.RateLimitError);
    assert.equal((await ask('a', 0)).output_text, 'two');
    assert.equal((await ask('a', 0)).output_text, 'two');
    assert.equal((await ask('b', 2)).output_text, 'third');
    assert.equal((await ask('flaky-1', 1)).status, 'completed');
});

check('errors: the key', async (x) => {
    const server = await x.start('--key', 'sk-right');
    const models = (apiKey) => client({ server }, { apiKey, maxRetries: 0 }).models.list();
    await assert.rejects(models('sk-wrong'), { status: 401, code: 'invalid_api_key' });
    assert.ok((await models('sk-right')).data.length);
});

check('errors: connection dropped', async (x) => {
    for (const model of ['drop', 'drop+reset=1'])
        await assert.rejects(client(x, { maxRetries: 0 }).responses.create({ model, input: 'x' }),
            OpenAI.APIConnectionError);
    await assert.rejects(client(x, { timeout: 200, maxRetries: 0 }).responses.create(
        { model: 'hang', input: 'x' }), OpenAI.APIConnectionTimeoutError);
    await until(async () => (await lastCall(x)).outcome === 'client_closed');
});

check('streams: cut, reset, garbage, errors break the client\'s stream', async (x) => {
    for (const model of ['cut', 'cut-0', 'cut+reset=1', 'garbage', 'error-event']) {
        const stream = await client(x, { maxRetries: 0 }).responses.create(
            { model, input: 'x', stream: true });
        await assert.rejects(text(stream), undefined, model);
    }
    assert.equal((await x.server.control('calls')).calls[0].outcome, 'cut');
});

check('streams: how each of them ends', async (x) => {
    const ends = {
        'failed-event': 'response.failed', 'incomplete': 'response.incomplete',
        'filtered': 'response.incomplete', 'error-event-flat': 'error',
        'no-terminal': 'response.output_text.delta', 'split-3': 'response.completed',
        'split': 'response.completed', 'bad-utf8': 'response.completed' };
    for (const [model, type] of Object.entries(ends)) {
        let last, got = '';
        const stream = await client(x).responses.create({ model, input: 'x', stream: true });
        for await (last of stream) got += last.delta ?? '';
        assert.equal(last.type, type, model);
        if (model === 'bad-utf8') assert.ok(got.includes('\ufffd'));
    }
});

check('streams: pace', async (x) => {
    const began = Date.now();
    const model = 'n-10x30+first_ms=100+delay_ms=100';
    await text(await client(x).responses.create({ model, input: 'x', stream: true }));
    const took = Date.now() - began;
    assert.ok(took >= 465 && took < 1500, `${took} ms`);
});

check('streams: abort is seen', async (x) => {
    const stream = await client(x).responses.create({ model: 'slow', input: 'x', stream: true });
    setTimeout(() => stream.controller.abort(), 300);
    await text(stream).catch(() => {});
    await until(async () => (await lastCall(x)).outcome === 'client_closed');
    assert.equal((await x.server.control('stats')).closed_by_client, 1);
});

check('hold: nothing comes before the release', async (x) => {
    let done = false;
    const whole = client(x).responses.create({ model: 'hold', input: 'x' })
        .then(() => (done = true));
    const stream = await client(x).responses.create(
        { model: 'hold-4+deltas=9', input: 'x', stream: true });
    const all = text(stream);
    await until(async () => (await x.server.control('calls')).calls.every((c) => c.held));
    assert.equal((await x.server.control('stats')).running, 2);
    assert.equal((await x.server.control('stats')).held, 2);
    assert.equal(done, false);
    await x.server.control('release', {});
    await whole;
    assert.equal((await all).trim().split(' ').length, 9);
});

export default cases;
