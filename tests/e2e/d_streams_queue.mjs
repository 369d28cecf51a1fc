// Turns that wait, or belong to somebody whose session ends: what their streams say.
import assert from 'node:assert/strict';
import { eventually } from '../harness/http.mjs';
import { Memory } from '../harness/sse.mjs';

export const stack = { gateways: 2, settings: { MAX_TURNS: '1' } };

export default async function (t) {
    await t.as('alice');
    const [first, second] = t.stack.ports;
    await t.stack.tell('script', { models: { held: { reply: 'held', hold_after: 0 } } });
    const make = async (model) => (await t.call('POST', '/projects', { body: { name: 'Bot', model } })).json.id;
    const start = async (project, options = {}) => {
        const body = { project_id: project, message: 'hi', stream: true };
        return t.events('POST', '/chat', { body, memory: new Memory(), ...options });
    };

    await t.test('a turn that waits is told its place', async () => {
        const project = await make('held');
        const running = await start(project);
        await running.seen('started');
        const waiting = [await start(project), await start(project, { port: second })];
        assert.deepEqual(await waiting[0].seen('queued'), { position: 1 });
        assert.deepEqual(await waiting[1].seen('queued'), { position: 2 });
        await t.stack.tell('release');
        await running.over();
        await waiting[0].seen('started');
        await waiting[1].until((s) => s.memory.of('queued').at(-1).position === 1, { what: 'the next place' });
        await t.stack.tell('release');
        await waiting[0].over();
        await waiting[1].seen('started');
        await t.stack.tell('release');
        await waiting[1].over();
        for (const { memory } of waiting) {
            assert.equal(memory.last.name, 'completed');
            assert.equal(memory.text, 'held');
            assert.deepEqual([...new Set(memory.names())], ['accepted', 'queued', 'started', 'delta', 'usage', 'completed']);
        }
    });

    await t.test('the end of a session ends its streams, at each gateway', async () => {
        const project = await make('held');
        const kept = await start(project);
        await kept.seen('accepted');
        const { turn_id } = kept.memory.of('accepted')[0];
        const other = await t.client.login('alice'); // another session of hers
        const streams = [];
        for (const port of [first, second]) {
            streams.push(await t.events('GET', `/chat/turns/${turn_id}/events`, { memory: new Memory(), port, token: other }));
            streams.push(await t.events('GET', '/events', { port, token: other }));
        }
        assert.equal((await t.call('POST', '/users/logout', { token: other })).status, 204);
        for (const stream of streams) await stream.over({ within: 5000 });
        for (const stream of streams) assert.equal(stream.memory?.last, undefined);
        assert.equal(kept.ended, false);
        await t.client.login('alice');
        await t.stack.tell('release');
        await kept.over();
        assert.equal(kept.memory.text, 'held');
    });

    await t.test('a gateway that stops ends its streams, and another goes on', async () => {
        const stream = await start(await make('held'));
        await stream.seen('started');
        const { turn_id } = stream.memory.of('accepted')[0];
        const old = t.stack.pid('gateway-1');
        t.stack.signal('gateway-1', 'SIGTERM');
        await stream.over();
        assert.equal(stream.memory.last, undefined);
        const headers = { 'Last-Event-ID': String(stream.memory.id) };
        const next = await t.events('GET', `/chat/turns/${turn_id}/events`, { headers, memory: stream.memory, port: second });
        await t.stack.tell('release');
        await next.over();
        assert.equal(stream.memory.text, 'held');
        const back = () => t.stack.pid('gateway-1') && t.stack.pid('gateway-1') !== old;
        await eventually(async () => back() && (await t.call('GET', '/health', { token: null })).status === 200, { within: 30000, what: 'the successor' });
    });
}
