// Streams while processes die, and clients that do not read.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { sql } from '../harness/database.mjs';
import { eventually, request, sleep } from '../harness/http.mjs';
import { Memory } from '../harness/sse.mjs';

export const stack = { gateways: 2, chatd: 2, own: true };

export default async function (t) {
    t.expectLog(/./); // the others notice
    await t.as('alice');
    const [first, second] = t.stack.ports;
    const make = async (model) => (await t.call('POST', '/projects', { body: { name: 'Bot', model } })).json.id;
    const start = async (project, options = {}) => {
        const body = { project_id: project, message: 'hi', stream: true };
        return t.events('POST', '/chat', { body, memory: new Memory(), ...options });
    };
    const metric = async (name) => {
        const line = (await request(first, { path: '/metrics' })).text.split('\n').find((l) => l.startsWith(`chatbot_gateway_${name} `));
        return Number(line.split(' ').pop());
    };
    const dropped = () => metric('streams_dropped_total{reason="slow"}');
    const healthy = () => eventually(async () => {
        for (const port of t.stack.ports) {
            const { status, json } = await t.call('GET', '/health', { port, token: null });
            if (status !== 200 || json.services.chat.instances !== 2) return false;
        }
        return true;
    }, { within: 30000, what: 'healthy' });

    const slow = t.test('a client that does not read is dropped, and may come back', async () => {
        await t.stack.tell('script', { models: { big: { deltas: 1500, delta_bytes: 1000 } } });
        const project = await make('big');
        const before = await dropped();
        const lazy = await start(project);
        await lazy.seen('accepted');
        lazy.response.pause();
        const reader = await start(project); // others are not disturbed
        await reader.over({ within: 120000 });
        assert.equal(Buffer.byteLength(reader.memory.text), 1500000);
        await eventually(async () => (await dropped()) > before, { within: 90000, what: 'the drop' });
        lazy.response.resume();
        await lazy.over();
        assert.equal(lazy.memory.last, undefined);
        const { turn_id } = lazy.memory.of('accepted')[0];
        const headers = { 'Last-Event-ID': String(lazy.memory.id) };
        const again = await eventually(async () => {
            const stream = await t.events('GET', `/chat/turns/${turn_id}/events`, { headers, memory: lazy.memory, port: second });
            return stream.status === 200 && stream; // a machine that is too busy says 503
        }, { within: 60000, what: 'the rest' });
        await again.over({ within: 120000 });
        assert.ok(lazy.memory.text === reader.memory.text, `${lazy.memory.text.length} of ${reader.memory.text.length} characters`);
    });

    const quiet = t.test('a comment at least every 10 s', async () => {
        await sleep(100);
        const project = await make('hold');
        const streams = [await start(project), await t.events('GET', '/events')];
        for (const stream of streams) await eventually(() => stream.comments >= 1, { within: 15000, what: 'a comment' }); // a busy machine is late
        await t.stack.tell('release');
        await streams[0].over();
        assert.equal(streams[0].memory.last.name, 'completed');
        streams[1].close();
    });
    await Promise.all([slow, quiet]);

    // The chatd that runs the newest turn, and the other one.
    const owner = () => {
        const [instance] = sql(t.stack, 'postgres', 'SELECT process FROM chat.turn ORDER BY id DESC LIMIT 1');
        const names = ['chatd-1', 'chatd-2'];
        const runs = (name) => fs.readFileSync(path.join(t.stack.data, 'log', `${name}.log`), 'utf8').includes(`instance=${instance}`);
        return names.sort((a, b) => runs(b) - runs(a));
    };

    await t.test('chatd is killed: the text restarts, at the same connection, and only if it was its turn', async () => {
        const stream = await start(await make('n-30+hold_after=10'));
        await stream.until((s) => s.memory.text.length > 0, { what: 'some text' });
        const [own, other] = owner();
        t.stack.signal(other, 'SIGKILL');
        await healthy();
        assert.equal(stream.memory.restarts, 0);
        t.stack.signal(own, 'SIGKILL');
        await stream.until((s) => s.memory.restarts === 1 && s.memory.text.length > 0, { within: 60000, what: 'the other one begins anew' });
        await t.stack.tell('release');
        await stream.over({ within: 60000 });
        const { memory } = stream;
        assert.equal(memory.last.name, 'completed');
        const { turn_id } = memory.of('accepted')[0];
        const turn = (await t.call('GET', `/chat/turns/${turn_id}`)).json;
        assert.equal(turn.text, memory.text);
        assert.equal(turn.attempt, memory.attempt);
        assert.equal(memory.restarts, memory.attempt - 1);
        await healthy();
    });
    await t.test('a chatd that was stopped tells nobody anything', async () => {
        const stream = await start(await make('n-60x100'));
        await stream.until((s) => s.memory.text.length > 0, { what: 'some text' });
        const { turn_id } = stream.memory.of('accepted')[0];
        const [own] = owner();
        t.stack.signal(own, 'SIGSTOP');
        await stream.until((s) => s.memory.restarts === 1, { within: 60000, what: 'the other one begins anew' });
        t.stack.signal(own, 'SIGCONT');
        const late = await t.events('GET', `/chat/turns/${turn_id}/events`, { memory: new Memory(), port: second });
        await Promise.all([stream.over({ within: 60000 }), late.over({ within: 60000 })]);
        const turn = (await t.call('GET', `/chat/turns/${turn_id}`)).json;
        for (const { memory } of [stream, late]) {
            assert.equal(memory.text, turn.text);
            assert.equal(memory.attempt, turn.attempt);
        }
        assert.equal(late.memory.restarts, 0);
        await healthy();
    });

    await t.test('a gateway is killed: the stream goes on at the other', async () => {
        const stream = await start(await make('n-30+hold_after=5'));
        await stream.until((s) => s.memory.text.length > 0, { what: 'some text' });
        const { memory } = stream;
        const { turn_id } = memory.of('accepted')[0];
        t.stack.signal('gateway-1', 'SIGKILL');
        await t.stack.tell('release');
        await stream.over();
        assert.equal(memory.last, undefined);
        const headers = { 'Last-Event-ID': String(memory.id) };
        const next = await t.events('GET', `/chat/turns/${turn_id}/events`, { headers, memory, port: second });
        await next.over();
        assert.equal(memory.last.name, 'completed');
        assert.equal(memory.restarts, 0);
        assert.equal((await t.call('GET', `/chat/turns/${turn_id}`, { port: second })).json.text, memory.text);
        await healthy();
    });
}
