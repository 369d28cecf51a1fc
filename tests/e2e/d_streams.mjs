// Turns as events: told once, in order, to everybody who may read them, from any gateway.
import assert from 'node:assert/strict';
import { request, sleep } from '../harness/http.mjs';
import { Memory } from '../harness/sse.mjs';
import { sql } from '../harness/database.mjs';

export const stack = { gateways: 2, chatd: 2 };

const TEXT = 'Grüße aus Köln: 漢字, 🎈🎉 and "quotes"\nnew lines\tand \u0001 control. '.repeat(6);
const WHOLE = ['accepted', 'started', 'delta', 'usage', 'completed'];

export default async function (t) {
    await t.as('alice');
    const [first, second] = t.stack.ports;
    const models = {
        plain: { reply: TEXT, deltas: 40 },
        slowly: { reply: TEXT, deltas: 40, gap_ms: 20 },
        held: { reply: TEXT, deltas: 40, hold_after: 20 },
    };
    await t.stack.tell('script', { models });
    const project = (await t.call('POST', '/projects', { body: { name: 'Bot', model: 'plain' } })).json.id;
    const body = (more = {}) => ({ project_id: project, message: 'hi', ...more });
    const use = (model) => t.call('PUT', `/projects/${project}`, { body: { model } });
    const path = (turn) => `/chat/turns/${turn}/events`;

    // A streamed turn up to its end.
    const told = async (options = {}) => {
        const memory = new Memory();
        const stream = await t.events('POST', '/chat', { body: body({ stream: true }), memory, ...options });
        assert.equal(stream.status, 200);
        await stream.over();
        return { memory, stream, turn: memory.of('accepted')[0].turn_id };
    };
    const follow = async (turn, { memory = new Memory(), ...options } = {}) => t.events('GET', path(turn), { memory, ...options });
    // A turn that the provider holds in its middle.
    const hold = async (options = {}) => {
        await use('held');
        const memory = new Memory();
        const stream = await t.events('POST', '/chat', { body: body({ stream: true }), memory, ...options });
        const { turn_id: turn } = await stream.seen('accepted');
        await stream.seen('delta');
        await stream.until(() => memory.of('delta').length && t.stack.upstream.count);
        return { memory, stream, turn };
    };

    let ended;
    await t.test('POST /chat streams the turn', async () => {
        const { memory, stream, turn } = await told();
        ended = { turn, memory };
        assert.deepEqual([...new Set(memory.names())], WHOLE);
        assert.equal(memory.text, TEXT);
        assert.equal(stream.headers['cache-control'], 'no-store');
        assert.equal(stream.headers['x-accel-buffering'], 'no');
        assert.equal(stream.headers['content-length'], undefined);
        const { conversation_id, message_id } = memory.of('accepted')[0];
        const read = (await t.call('GET', `/chat/turns/${turn}`)).json;
        assert.deepEqual([read.conversation_id, read.message_id, read.state, read.text], [conversation_id, message_id, 'completed', TEXT]);
        assert.deepEqual(memory.of('started'), [{ attempt: 1, model: 'plain' }]);
        assert.deepEqual(memory.of('usage'), [read.usage]);
        assert.deepEqual(memory.last.data, { message_id, finish_reason: 'stop' });
    });

    await t.test('the body says whether it streams, else Accept', async () => {
        const kind = async (headers, more) => (await t.events('POST', '/chat', { body: body(more), headers, memory: new Memory() })).headers['content-type'];
        assert.equal(await kind({ Accept: 'text/event-stream' }, {}), 'text/event-stream');
        assert.equal(await kind({ Accept: 'application/json;q=0.5, text/event-stream' }, {}), 'text/event-stream');
        assert.equal(await kind({ Accept: 'application/json' }, { stream: true }), 'text/event-stream');
        assert.equal(await kind({ Accept: 'text/event-stream' }, { stream: false }), 'application/json');
        assert.equal(await kind({ Accept: '*/*' }, {}), 'application/json');
        assert.equal(await kind({ Accept: 'text/event-stream;q=0' }, {}), 'application/json');
        const wrong = await t.call('POST', '/chat', { body: body({ stream: 'yes' }) });
        assert.deepEqual([wrong.status, wrong.json.field], [422, 'stream']);
    });

    await t.test('errors before acceptance are plain', async () => {
        const headers = { Accept: 'text/event-stream' };
        for (const [status, code, options] of [
            [401, 'unauthorized', { body: body(), token: null }],
            [404, 'not_found', { body: body({ project_id: 999999999 }) }],
            [422, 'bad_input', { body: body({ message: '' }) }],
            [400, 'bad_json', { body: '{' }],
        ]) {
            const reply = await t.call('POST', '/chat', { headers, ...options });
            assert.deepEqual([reply.status, reply.json.code], [status, code]);
        }
    });

    await t.test('an ended turn is told again, the same at each gateway', async () => {
        for (const port of [first, second, first]) {
            const stream = await follow(ended.turn, { port });
            await stream.over();
            assert.deepEqual([...new Set(stream.memory.names())], WHOLE);
            assert.equal(stream.memory.text, TEXT);
            assert.deepEqual(stream.memory.last, ended.memory.last);
        }
    });

    await t.test('whoever comes back goes on where it was', async () => {
        for (const [i, seen] of ended.memory.events.entries()) {
            const memory = new Memory();
            for (const event of ended.memory.events.slice(0, i + 1)) memory.take(event);
            const way = i % 2 ? { headers: { 'Last-Event-ID': String(seen.id) } } : {};
            const port = i % 4 < 2 ? first : second;
            const query = i % 2 ? '?after=1' : `?after=${seen.id}`; // the header wins
            if (memory.last) {
                const over = await t.events('GET', path(ended.turn) + query, { ...way, port });
                assert.deepEqual([over.status, over.reply.text], [204, '']);
                continue;
            }
            const stream = await t.events('GET', path(ended.turn) + query, { ...way, memory, port });
            await stream.over();
            assert.equal(memory.text, TEXT);
            assert.equal(memory.restarts, 0);
            assert.deepEqual(memory.last, ended.memory.last);
        }
    });

    await t.test('an id that no event can have is refused', async () => {
        const size = Buffer.byteLength(TEXT);
        const base = 2 ** 32;
        const inside = base + Buffer.byteLength(TEXT.slice(0, 2)) + 1; // in the middle of a character
        for (const id of ['x', '-1', '01', '1e3', ' 5x', '18446744073709551616', '9223372036854775808', 5, base + size + 2, inside, 3 * base, 2 * base + 1]) {
            for (const by of ['header', 'query']) {
                if (id === ' 5x' && by === 'query') continue;
                const reply = by === 'header'
                    ? await t.call('GET', path(ended.turn), { headers: { 'Last-Event-ID': String(id) } })
                    : await t.call('GET', `${path(ended.turn)}?after=${id}`);
                assert.deepEqual([id, reply.status, reply.json?.field], [id, 422, by === 'header' ? 'Last-Event-ID' : 'after']);
            }
        }
        const unknown = await t.call('GET', `${path(ended.turn)}?since=1`);
        assert.deepEqual([unknown.status, unknown.json.field], [422, 'since']);
    });

    await t.test("an older attempt's id restarts the text", async () => {
        await use('plain');
        const { turn, memory: once } = await told();
        sql(t.stack, 'postgres', `UPDATE chat.turn SET attempt = 3 WHERE id = ${turn}`);
        const memory = new Memory();
        for (const event of once.events.slice(0, once.names().indexOf('usage'))) memory.take(event);
        const stream = await t.events('GET', path(turn), { headers: { 'Last-Event-ID': String(memory.id) }, memory });
        await stream.over();
        assert.deepEqual(memory.of('restarted'), [{ attempt: 3 }]);
        assert.equal(memory.text, TEXT);
        assert.equal(memory.last.name, 'completed');
    });

    await t.test('many tabs at both gateways read a turn that runs', async () => {
        const { memory, stream, turn } = await hold();
        const tabs = await Promise.all(Array.from({ length: 12 }, (_, i) => follow(turn, { port: t.stack.ports[i % 2] })));
        for (const tab of tabs) await tab.until(() => tab.memory.text.length && tab.memory.text === memory.text, { what: 'the text so far' });
        // the newest text is told to everybody, whichever chatd is asked
        for (let i = 0; i < 10; i++) {
            const read = (await t.call('GET', `/chat/turns/${turn}`, { port: t.stack.ports[i % 2] })).json;
            assert.deepEqual([read.state, read.attempt, read.text], ['running', 1, memory.text]);
        }
        tabs.pop().close();
        stream.close(); // the one who asked leaves: the turn goes on
        await t.stack.tell('release');
        for (const tab of tabs) {
            await tab.over();
            assert.deepEqual([...new Set(tab.memory.names())], WHOLE);
            assert.equal(tab.memory.text, TEXT);
        }
        const came = (await t.call('GET', `/chat/turns/${turn}`)).json;
        assert.equal(came.created_at, (await t.call('GET', `/chat/turns/${turn}`, { port: second })).json.created_at);
    });

    await t.test('a stream that is cut anywhere goes on without a gap or a repeated byte', async () => {
        await use('slowly');
        for (let round = 0; round < 4; round++) {
            const memory = new Memory();
            const cut = () => 20 + Math.floor(Math.random() * 900);
            let stream = await t.events('POST', '/chat', { body: body({ stream: true }), memory, cut: 300 + cut() });
            await stream.over();
            const { turn_id: turn } = memory.of('accepted')[0];
            let cuts = 0;
            while (!memory.last) {
                assert.ok(++cuts < 500, 'it never ends');
                const headers = { 'Last-Event-ID': String(memory.id) };
                stream = await t.events('GET', path(turn), { headers, memory, cut: 150 + cut(), port: t.stack.ports[cuts % 2] });
                if (stream.status === 204) break;
                await stream.over();
            }
            assert.equal(memory.text, TEXT);
            assert.equal(memory.restarts, 0);
        }
    });

    await t.test('a repeat with the same key is attached to the turn', async () => {
        const headers = { 'Idempotency-Key': `stream-${t.client.nonce}` };
        const { memory, stream, turn } = await hold({ headers });
        assert.equal(stream.headers['idempotent-replayed'], undefined);
        const again = await t.events('POST', '/chat', { body: body({ stream: true }), headers, memory: new Memory(), port: second });
        assert.equal(again.headers['idempotent-replayed'], 'true');
        await again.until(() => again.memory.text === memory.text, { what: 'the text so far' });
        await t.stack.tell('release');
        await Promise.all([stream.over(), again.over()]);
        const late = await t.events('POST', '/chat', { body: body({ stream: true }), headers, memory: new Memory() });
        await late.over();
        for (const one of [memory, again.memory, late.memory]) {
            assert.equal(one.of('accepted')[0].turn_id, turn);
            assert.equal(one.text, TEXT);
        }
    });

    await t.test('a turn has 32 readers at a gateway', async () => {
        const { stream, turn } = await hold();
        const tabs = await Promise.all(Array.from({ length: 40 }, () => follow(turn)));
        assert.equal(tabs.filter((tab) => tab.status === 200).length, 31);
        const refused = tabs.find((tab) => tab.status !== 200);
        assert.deepEqual([refused.status, refused.reply.json.code], [429, 'rate_limited']);
        await t.stack.tell('release');
        for (const tab of [stream, ...tabs.filter((one) => one.status === 200)]) assert.equal((await tab.over()).memory.text, TEXT);
    });

    await t.test('a stranger finds no turn, nor anybody one that is not there', async () => {
        assert.equal((await t.call('GET', path(999999999))).status, 404);
        assert.equal((await t.call('GET', path('x'))).status, 404);
        await t.as('bob');
        assert.equal((await t.call('GET', path(ended.turn))).status, 404);
        assert.equal((await t.call('GET', path(ended.turn), { token: null })).status, 401);
        await t.as('alice');
    });

    await t.test('HEAD has no events', async () => {
        const reply = await request(first, { method: 'HEAD', path: path(ended.turn), token: t.client.who.token });
        assert.deepEqual([reply.status, reply.headers['content-type'], reply.text], [200, 'text/event-stream', '']);
    });

    await t.test('a day after its end a turn is read, not streamed', async () => {
        const age = (hours) => sql(t.stack, 'postgres', `UPDATE chat.turn SET finished_at = now() - interval '${hours}' WHERE id = ${ended.turn}`);
        age('23 hours 55 minutes');
        assert.equal((await (await follow(ended.turn)).over()).memory.text, TEXT);
        age('24 hours 5 minutes');
        for (const options of [{}, { headers: { 'Last-Event-ID': String(ended.memory.id) } }]) {
            const reply = await t.call('GET', path(ended.turn), options);
            assert.deepEqual([reply.status, reply.json.code], [410, 'stream_expired']);
        }
        assert.equal((await t.call('GET', `/chat/turns/${ended.turn}`)).json.text, TEXT);
    });

    await t.test("an account's other tabs are told of its turns, at each gateway", async () => {
        const tabs = await Promise.all(t.stack.ports.map((port) => t.events('GET', '/events', { port })));
        for (const tab of tabs) assert.deepEqual(await tab.seen('hello'), {});
        await t.as('bob');
        const stranger = await t.events('GET', '/events');
        await stranger.seen('hello');
        await t.as('alice');
        await use('plain');
        const { turn, memory } = await told();
        const { conversation_id } = memory.of('accepted')[0];
        const about = { turn_id: turn, conversation_id, project_id: project };
        for (const tab of tabs) {
            const turns = () => tab.all.filter((e) => e.name === 'turn').map((e) => e.data);
            await tab.until(() => turns().some((e) => e.state === 'completed'), { what: 'the end' });
            assert.deepEqual(turns(), ['running', 'completed'].map((state) => ({ ...about, state })));
            assert.ok(tab.all.every((e) => e.id === undefined));
            tab.close();
        }
        assert.deepEqual(stranger.all.map((e) => e.name), ['hello']);
        stranger.close();
    });

    await t.test('a turn that is stopped ends its streams', async () => {
        const { memory, stream, turn } = await hold();
        const tab = await follow(turn, { port: second });
        await tab.until(() => tab.memory.text.length && tab.memory.text === memory.text, { what: 'the text so far' });
        assert.equal((await t.call('POST', `/chat/turns/${turn}/cancel`)).status, 202);
        await Promise.all([stream.over(), tab.over()]);
        const read = (await t.call('GET', `/chat/turns/${turn}`)).json;
        for (const one of [memory, tab.memory]) {
            assert.deepEqual(one.last.data, { message_id: read.message_id });
            assert.equal(one.last.name, 'cancelled');
            assert.equal(one.text, read.text);
        }
        assert.deepEqual(memory.of('usage'), [read.usage]);
        await t.stack.tell('release');
    });

    await t.test('no stream is left', async () => {
        const open = async (port) => Number(/^chatbot_gateway_streams (\d+)$/m.exec((await request(port, { path: '/metrics' })).text)[1]);
        for (let i = 0; i < 200 && (await open(first)) + (await open(second)); i++) await sleep(50);
        assert.equal((await open(first)) + (await open(second)), 0);
        const all = (await request(first, { path: '/metrics' })).text;
        for (const name of ['streams_total', 'streams_resumed_total', 'stream_events_total', 'stream_bytes_total'])
            assert.match(all, new RegExp(`^chatbot_gateway_${name} [1-9]`, 'm'));
    });
}
