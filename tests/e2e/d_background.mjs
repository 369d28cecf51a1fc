// Answers that the provider makes in the background: whoever takes the turn over goes on reading, and
// nothing is asked, or paid, twice.
import assert from 'node:assert/strict';
import { eventually, request, sleep } from '../harness/http.mjs';
import { sql } from '../harness/database.mjs';

export const stack = { chatd: 2, own: true };

export default async function (t) {
    t.expectLog(/./); // processes are killed here
    await t.as('alice');
    const make = await t.call('POST', '/projects', { body: { name: 'far away', model: 'n-90x10', background: true } });
    const project = make.json.id;
    const chat = (message) => {
        const reply = t.call('POST', '/chat', { body: { project_id: project, message }, headers: { 'Idempotency-Key': `background ${message}` } });
        reply.catch(() => {}); // whoever waits for it says so
        return reply;
    };
    const calls = async (message) => (await request(t.stack.providerPort, { path: '/_/calls' })).json.calls.filter((c) => c.last === message);
    const row = (what) => sql(t.stack, 'postgres', `SELECT ${what} FROM chat.turn ORDER BY id DESC LIMIT 1`)[0];
    const both = () => eventually(async () => (await t.call('GET', '/health', { token: null })).json.services.chat.instances === 2, { within: 30000, what: 'two chatd' });
    // Waits until the answer is under way, some of its text stored.
    const under_way = (message) => eventually(async () => (await calls(message)).length && Number(row('response_seq')) > 8, { within: 30000, what: 'it is under way' });
    const owner = () => {
        const instance = row('process');
        return ['chatd-1', 'chatd-2'].find((name) => t.stack.logs().some((file) => file.endsWith(`${name}.log`) && owns(file, instance)));
    };
    const { readFileSync } = await import('node:fs');
    const owns = (file, instance) => readFileSync(file, 'utf8').includes(`instance=${instance}`);

    await t.test('a project says whether', async () => {
        assert.equal(make.status, 201);
        assert.equal(make.json.background, true);
        const off = await t.call('PUT', `/projects/${project}`, { body: { background: false } });
        assert.equal(off.json.background, false);
        assert.equal((await t.call('PUT', `/projects/${project}`, { body: { background: true } })).json.background, true);
        assert.equal((await t.call('POST', '/projects', { body: { name: 'usual' } })).json.background, false);
    });

    let whole;
    await t.test('it is an answer like any other', async () => {
        const reply = await chat('undisturbed');
        assert.equal(reply.status, 200, reply.text);
        whole = reply.json.reply;
        const [call] = await calls('undisturbed');
        assert.equal(call.background, true);
        assert.equal(call.outcome, 'completed');
        await t.call('PUT', `/projects/${project}`, { body: { model: 'n-90x100' } }); // the same, for longer than a drain lasts
    });

    for (const signal of ['SIGKILL', 'SIGTERM'])
        await t.test(`${signal} of its chatd: another one goes on reading`, async () => {
            await both();
            const message = `through ${signal}`;
            const reply = chat(message);
            await under_way(message);
            t.stack.signal(owner(), signal);
            const { status, json, text } = await reply;
            assert.equal(status, 200, text);
            assert.equal(json.reply, whole);
            assert.equal((await calls(message)).length, 1, 'the provider was asked once');
            const turn = (await t.call('GET', `/chat/turns/${json.turn_id}`)).json;
            assert.equal(turn.attempt, 2);
            assert.equal(turn.text, whole);
            assert.ok(turn.usage.output_tokens > 0);
        });

    await t.test('cancelling it stops the provider', async () => {
        await both();
        const reply = chat('stop it');
        await under_way('stop it');
        assert.equal((await t.call('POST', `/chat/turns/${row('id')}/cancel`)).status, 202);
        assert.equal((await reply).json.code, 'turn_cancelled');
        await eventually(async () => (await calls('stop it'))[0].outcome === 'cancelled', { within: 30000, what: 'the provider stops' });
    });

    await t.test('also when its chatd died before it heard of it', async () => {
        await both();
        const reply = chat('stop it twice');
        await under_way('stop it twice');
        const name = owner();
        t.stack.signal(name, 'SIGSTOP');
        try {
            assert.equal((await t.call('POST', `/chat/turns/${row('id')}/cancel`)).status, 202);
            assert.equal((await reply).json.code, 'turn_cancelled');
        } finally {
            t.stack.signal(name, 'SIGCONT');
        }
        await eventually(async () => (await calls('stop it twice'))[0].outcome === 'cancelled', { within: 30000, what: 'the provider stops' });
        await sleep(500);
        assert.equal((await calls('stop it twice')).length, 1);
        assert.equal(row('state'), 'cancelled');
    });
}
