// A turn that is stopped: its upstream call ends at once, what there is of the answer stays, and
// what waited behind it goes on.  Two gateways and two chatd: whoever is asked need not run it.
import assert from 'node:assert/strict';
import { eventually, request } from '../harness/http.mjs';
import { heard } from '../harness/upstream.mjs';

export const stack = { gateways: 2, chatd: 2, settings: { MAX_TURNS_PER_USER: '2' }, own: true };

export default async function (t) {
    await t.as('alice');
    const [port, otherPort] = t.stack.ports;
    const project = (await t.call('POST', '/projects', { body: { name: 'stopped', model: 'n-10000x20' } })).json.id;
    const model = (name) => t.call('PUT', `/projects/${project}`, { body: { model: name } });
    const chat = (message, more) => {
        const reply = t.call('POST', '/chat', { body: { project_id: project, message, ...more } });
        reply.catch(() => {}); // whoever waits for it says so
        return reply;
    };
    const get = async (turn, at = port) => (await t.call('GET', `/chat/turns/${turn}`, { port: at })).json;
    const cancel = (turn, at = port) => t.call('POST', `/chat/turns/${turn}/cancel`, { port: at });
    const calls = async () => (await request(t.stack.providerPort, { path: '/_/calls' })).json.calls;
    const call = async (message) => (await calls()).findLast((c) => c.last === message);
    // The turn that a message in flight has made: the newest but those before.
    let last = 0;
    const turnOf = async (state) => {
        const found = await eventually(
            async () => {
                for (let id = last + 1; id < last + 8; id++) {
                    const reply = await t.call('GET', `/chat/turns/${id}`);
                    if (reply.status === 200 && reply.json.state === state && (state !== 'running' || reply.json.text)) return reply.json;
                }
            },
            { within: 30000, what: `a turn is ${state}` },
        );
        last = found.id;
        return found;
    };

    for (const [name, at] of [['the same', port], ['another', otherPort]])
        await t.test(`a running turn is stopped through ${name} gateway`, async () => {
            const message = `stop me through ${name}`;
            const waiting = chat(message);
            const turn = await turnOf('running');
            const reply = await cancel(turn.id, at);
            assert.equal(reply.status, 202, reply.text);
            assert.equal(reply.json.id, turn.id);
            const blocked = await waiting;
            assert.equal(blocked.status, 409, blocked.text);
            assert.equal(blocked.json.code, 'turn_cancelled');
            assert.equal(blocked.json.turn_id, turn.id);
            const ended = await get(turn.id, otherPort);
            assert.equal(ended.state, 'cancelled');
            assert.equal(ended.error, null);
            assert.ok(ended.text.length >= turn.text.length && ended.text.startsWith(turn.text), 'the partial text is kept');
            assert.ok(ended.usage.output_tokens > 0 && ended.usage.input_tokens > 0, JSON.stringify(ended.usage));
            await eventually(async () => (await call(message))?.outcome === 'client_closed', { within: 30000, what: 'the upstream call is closed' });
            // again, from anywhere: nothing more happens
            for (const p of [port, otherPort]) {
                const again = await cancel(turn.id, p);
                assert.equal(again.status, 200, again.text);
                assert.deepEqual(again.json, ended);
            }
        });

    await t.test('before the first word', async () => {
        await model('hang');
        const waiting = chat('no word');
        const turn = await eventually(async () => (await call('no word')) && (await get(last + 1)).state === 'running' && get(last + 1), { within: 30000, what: 'it runs' });
        last = turn.id;
        assert.equal((await cancel(turn.id)).status, 202);
        assert.equal((await waiting).json.code, 'turn_cancelled');
        assert.equal((await get(turn.id)).text, '');
        await eventually(async () => (await call('no word')).outcome === 'client_closed', { within: 30000, what: 'the upstream call is closed' });
    });

    await t.test('between two tries', async () => {
        await model('fail-500');
        const waiting = chat('tries');
        await eventually(() => call('tries'), { within: 30000, what: 'the first try' });
        const reply = await cancel(++last);
        assert.ok([200, 202].includes(reply.status), reply.text);
        const blocked = await waiting;
        assert.ok(['turn_cancelled', 'upstream_cut'].includes(blocked.json.code), blocked.text);
    });

    await t.test('what waits behind it runs, and knows what was said', async () => {
        await model('n-10000x20');
        const first = chat('first of two');
        const turn = await turnOf('running');
        const second = chat('second of two', { conversation_id: turn.conversation_id });
        const waits = await turnOf('queued');
        await model('echo');
        assert.equal((await cancel(turn.id)).status, 202);
        assert.equal((await first).status, 409);
        const ended = await get(turn.id);
        // it keeps the model that it was accepted with, so it is stopped as well, once it runs
        await eventually(async () => (await get(waits.id)).state === 'running', { within: 30000, what: 'the second runs' });
        await eventually(() => heard(t.stack.upstream.last).user === 'second of two', { within: 30000, what: 'it was sent' });
        assert.deepEqual(heard(t.stack.upstream.last).input.map((m) => m.text), ['first of two', ended.text, 'second of two']);
        assert.equal((await cancel(waits.id)).status, 202);
        assert.equal((await second).json.code, 'turn_cancelled');
    });

    await t.test('a turn in the queue ends without having run', async () => {
        await model('hold');
        const before = t.stack.upstream.count;
        const running = [chat('q1'), chat('q2')];
        await t.stack.held(2);
        last += 2;
        const third = chat('q3');
        const turn = await turnOf('queued');
        const reply = await cancel(turn.id, otherPort);
        assert.equal(reply.status, 202, reply.text);
        assert.equal(reply.json.state, 'cancelled');
        assert.equal(reply.json.usage, null);
        assert.equal((await third).json.code, 'turn_cancelled');
        await t.stack.tell('release');
        for (const r of running) assert.equal((await r).status, 200);
        assert.equal(t.stack.upstream.count - before, 2);
    });

    await t.test('an ended turn is not touched', async () => {
        await model('echo');
        const done = await chat('done');
        const before = await get(done.json.turn_id);
        const reply = await cancel(done.json.turn_id);
        assert.equal(reply.status, 200);
        assert.deepEqual(reply.json, before);
        assert.equal((await cancel(999999999)).status, 404);
        await t.as('bob');
        assert.equal((await cancel(done.json.turn_id)).status, 404);
        await t.as('alice');
    });

    await t.test('a deleted project stops its answers', async () => {
        const doomed = (await t.call('POST', '/projects', { body: { name: 'doomed', model: 'n-10000x20' } })).json.id;
        const waiting = t.call('POST', '/chat', { body: { project_id: doomed, message: 'doomed' } });
        await eventually(async () => (await call('doomed'))?.outcome === 'running', { within: 30000, what: 'it runs' });
        assert.equal((await t.call('DELETE', `/projects/${doomed}`)).status, 204);
        await eventually(async () => (await call('doomed')).outcome === 'client_closed', { within: 30000, what: 'the upstream call is closed' });
        const reply = await waiting;
        assert.equal(reply.status, 409, reply.text);
        assert.equal(reply.json.code, 'turn_cancelled');
    });
}
