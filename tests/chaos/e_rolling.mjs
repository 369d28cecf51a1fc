// Every chatd is restarted, one after the other, while people chat: nobody sees an error, and every
// message has one answer.
import assert from 'node:assert/strict';
import { eventually, sleep } from '../harness/http.mjs';
import { Memory } from '../harness/sse.mjs';

export const stack = { chatd: 2, settings: { MAX_TURNS_PER_USER: '64' }, own: true };

const rounds = process.env.TEST_LONG === '1' ? 20 : 2;
const CLIENTS = 8;

export default async function (t) {
    await t.as('alice');
    const project = (await t.call('POST', '/projects', { body: { name: 'rolling', model: 'n-6x150' } })).json.id;
    const instances = async () => (await t.call('GET', '/health', { token: null })).json?.services.chat.instances;
    const replies = [];
    let stop = false;

    const blocking = (body) => t.call('POST', '/chat', { body });
    // One connection from the first event to the last.
    const streamed = async (body) => {
        const memory = new Memory();
        const stream = await t.events('POST', '/chat', { body: { ...body, stream: true }, memory });
        if (!stream.isStream) return stream.reply;
        await stream.over();
        const { turn_id } = memory.of('accepted')[0];
        return { status: memory.last?.name === 'completed' ? 200 : 0, text: stream.all.map((e) => e.name).join(' '), json: { reply: memory.text, turn_id }, streamed: true };
    };
    // Every other one reads streams.
    const client = async (i) => {
        for (let n = 0; !stop; n++) {
            const body = { project_id: project, message: `client ${i} message ${n}` };
            replies.push(await (i % 2 ? streamed(body) : blocking(body)).catch((e) => ({ status: 0, text: e.message })));
        }
    };

    await t.test('a rolling restart of all chatd shows no error', async () => {
        const clients = Array.from({ length: CLIENTS }, (_, i) => client(i));
        for (let round = 0; round < rounds; round++)
            for (const name of ['chatd-1', 'chatd-2']) {
                await sleep(700);
                const old = t.stack.pid(name);
                t.stack.signal(name, 'SIGTERM');
                await eventually(() => t.stack.pid(name) && t.stack.pid(name) !== old, { within: 30000, what: `the successor of ${name}` });
                await eventually(async () => (await instances()) === 2, { within: 30000, what: 'both serve' });
            }
        stop = true;
        await Promise.all(clients);
        const wrong = replies.filter((r) => r.status !== 200).map((r) => `${r.status} ${r.text}`);
        assert.deepEqual(wrong, []);
        for (const kind of [true, undefined]) assert.ok(replies.filter((r) => r.streamed === kind).length >= CLIENTS / 2, `${replies.length} answers`);
    });

    await t.test('every answer is whole, and there once', async () => {
        const texts = new Set(replies.map((r) => r.json.reply));
        assert.equal(texts.size, 1, 'the model always says the same');
        assert.equal(new Set(replies.map((r) => r.json.turn_id)).size, replies.length);
        assert.ok([...texts][0].length > 0);
    });
}
