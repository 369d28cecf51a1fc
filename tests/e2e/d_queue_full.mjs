// QUEUE_MAX is exact: whoever asks at the same time, at whichever gateway and chatd, no more turns
// wait than may; the others are told to come back, and leave nothing behind.
import assert from 'node:assert/strict';
import { eventually } from '../harness/http.mjs';
import { sql } from '../harness/database.mjs';

const QUEUE = 5;
const SLOTS = 3; // of one process, and of one user
const AT_ONCE = 40;

export const stack = {
    settings: { QUEUE_MAX: String(QUEUE), MAX_TURNS: String(SLOTS), MAX_TURNS_PER_USER: String(SLOTS) },
    gateways: 2,
    chatd: 2,
    own: true,
};

export default async function (t) {
    let turn = 0;
    const count = (what) => Number(sql(t.stack, 'postgres', `SELECT count(*) FROM chat.${what}`)[0]);
    const chatter = async (name) => {
        const { token } = await t.as(name);
        const project = (await t.call('POST', '/projects', { body: { name: 'full', model: 'hold' } })).json.id;
        return (n) => {
            const port = t.stack.ports[turn++ % 2];
            const reply = t.call('POST', '/chat', { body: { project_id: project, message: `m${n}` }, port, token });
            reply.catch(() => {}); // whoever waits for it says so
            return reply;
        };
    };
    // Sends them all at once; resolves when all but `taken` of them were refused: to these.
    const flood = async (chats, taken) => {
        const replies = Array.from({ length: AT_ONCE }, (_, n) => chats[n % chats.length](n));
        const refused = [];
        for (const reply of replies) reply.then((r) => r.status === 503 && refused.push(r), () => {});
        await eventually(() => refused.length === AT_ONCE - taken, { within: 60000, what: `${AT_ONCE - taken} are refused` });
        for (const r of refused) {
            assert.equal(r.json.code, 'queue_full', r.text);
            assert.ok(Number(r.headers['retry-after']) > 0);
        }
        return replies;
    };
    const answered = async (replies) => {
        let open = replies.length;
        replies.forEach((reply) => reply.finally(() => open--).catch(() => {}));
        await eventually(() => (t.stack.tell('release'), open === 0), { within: 60000, every: 100, what: 'all answers' });
        return (await Promise.all(replies)).filter((r) => r.status === 200).length;
    };

    const alice = await chatter('alice');
    await t.test('one user with free slots all around', async () => {
        const replies = await flood([alice], SLOTS + QUEUE);
        assert.equal(count("turn WHERE state = 'queued'"), QUEUE);
        assert.equal(count('turn'), SLOTS + QUEUE);
        assert.equal(count('message'), 2 * (SLOTS + QUEUE));
        assert.equal(await answered(replies), SLOTS + QUEUE);
    });

    await t.test('many users, and no free slot', async () => {
        const chats = [];
        for (const name of ['bob', 'carol', 'dave', 'erin', 'frank']) chats.push(await chatter(name));
        // every slot is taken before, or a turn that waits may leave room for another one
        const running = [];
        for (let n = 0; n < 2 * SLOTS; n++) {
            running.push(chats[n % chats.length](`slot ${n}`));
            await t.stack.held(n + 1);
        }
        const before = count('turn');
        const replies = await flood(chats, QUEUE);
        assert.equal(count("turn WHERE state = 'queued'"), QUEUE);
        assert.equal(count('turn') - before, QUEUE);
        assert.equal(await answered([...running, ...replies]), 2 * SLOTS + QUEUE);
    });
}
