// kill -9 of each process during a turn: one answer, one user message, nobody else is touched, and
// all is well again within seconds.
import assert from 'node:assert/strict';
import { eventually, sleep } from '../harness/http.mjs';
import { heard } from '../harness/upstream.mjs';

export const stack = { gateways: 2, chatd: 2, own: true };

const rounds = process.env.TEST_LONG === '1' ? 40 : 3;

export default async function (t) {
    t.expectLog(/./); // the others notice
    await t.as('alice');
    const [port, otherPort] = t.stack.ports;
    const body = { name: 'killed', model: 'n-6x250' };
    const project = (await t.call('POST', '/projects', { body })).json.id;
    let turn = 0;

    const chat = (message, key, port) =>
        t.call('POST', '/chat', { body: message, headers: { 'Idempotency-Key': key }, port }).catch((error) => ({ status: 0, error }));

    // Asks until there is an answer, as a client that retries would.
    const persist = async (message, key, first) => {
        let reply = await first;
        const end = Date.now() + 30000;
        while (reply.status !== 200 && Date.now() < end) {
            assert.ok([0, 409, 502, 503, 504].includes(reply.status), `${reply.status} ${reply.text}`);
            if (reply.json) assert.ok(['in_flight', 'busy', 'unavailable', 'too_late', 'turn_wait'].includes(reply.json.code), reply.text);
            await sleep(200);
            reply = await chat(message, key, port);
        }
        assert.equal(reply.status, 200, reply.error?.message ?? reply.text);
        return reply.json;
    };

    const healthy = async () => {
        for (const p of t.stack.ports) {
            const reply = await t.call('GET', '/health', { port: p, token: null });
            if (reply.status !== 200 || reply.json.services.chat.instances !== 2) return false;
            if ((await t.call('GET', '/projects', { port: p })).status !== 200) return false;
        }
        return true;
    };

    const killed = async (name) => {
        const key = `kill-${turn++}`;
        await t.call('PUT', `/projects/${project}`, { body });
        const message = { project_id: project, message: `turn ${key}` };
        const before = t.stack.pids();
        const first = chat(message, key, port);
        await sleep(300 + Math.random() * 900);
        t.stack.signal(name, 'SIGKILL');
        const at = Date.now();
        // what /health says may be a second old
        const healed = async () => Date.now() - at > 1000 && ![0, before[name]].includes(t.stack.pid(name)) && healthy();
        await eventually(healed, { within: 30000, what: `healed after ${name}` });

        const answer = await persist(message, key, first);
        const after = t.stack.pids();
        for (const [other, pid] of Object.entries(before))
            if (other !== name) assert.equal(after[other], pid, `${other} was touched by the death of ${name}`);
        assert.notEqual(after[name], before[name]);

        // the same key, at another gateway, is the same turn
        const again = await chat(message, key, otherPort);
        assert.equal(again.status, 200, again.text);
        assert.equal(again.json.turn_id, answer.turn_id);
        assert.equal(again.json.reply, answer.reply);
        // the conversation holds the message and its answer once
        await t.call('PUT', `/projects/${project}`, { body: { model: 'echo' } });
        const next = await t.call('POST', '/chat', { body: { ...message, conversation_id: answer.conversation_id, message: 'and?' } });
        assert.equal(next.status, 200, next.text);
        const { input } = heard(t.stack.upstream.last);
        const spoken = [message.message, answer.reply, 'and?'];
        assert.deepEqual(input.map((one) => one.text), spoken);
    };

    for (let round = 0; round < rounds; round++)
        for (const name of t.stack.names())
            await t.test(`kill -9 ${name}${rounds > 1 ? ` (${round})` : ''}`, () => killed(name));

    await t.test('kill -9 of everything at once', async () => {
        const key = 'kill-all';
        const message = { project_id: project, message: 'all at once' };
        const first = chat(message, key, port);
        await sleep(600);
        for (const name of t.stack.names()) t.stack.signal(name, 'SIGKILL');
        const answer = await persist(message, key, first);
        await eventually(healthy, { within: 30000, what: 'healed' });
        assert.equal((await t.call('GET', `/chat/turns/${answer.turn_id}`)).json.state, 'completed');
    });
}
