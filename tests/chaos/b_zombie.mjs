// A chatd that was stopped and comes back late finds its turn taken over, and cannot write into it.
import assert from 'node:assert/strict';
import { eventually, sleep } from '../harness/http.mjs';

export const stack = { chatd: 2, own: true };

const rounds = process.env.TEST_LONG === '1' ? 100 : 2;

export default async function (t) {
    t.expectLog(/./);
    await t.as('alice');
    const project = (await t.call('POST', '/projects', { body: { name: 'zombie', model: 'n-8x200' } })).json.id;

    for (let round = 0; round < rounds; round++)
        await t.test(`the turn of a stopped chatd is answered by the other (${round})`, async () => {
            const running = t.call('POST', '/chat', { body: { project_id: project, message: `round ${round}` } });
            await sleep(500);
            for (const name of ['chatd-1', 'chatd-2']) {
                t.stack.signal(name, 'SIGSTOP');
                await sleep(5000);
                t.stack.signal(name, 'SIGCONT');
                await sleep(300);
            }
            const reply = await running;
            assert.equal(reply.status, 200, reply.text);
            const turn = (await t.call('GET', `/chat/turns/${reply.json.turn_id}`)).json;
            assert.equal(turn.state, 'completed');
            assert.equal(turn.text, reply.json.reply);
            await sleep(500);
            const later = (await t.call('GET', `/chat/turns/${reply.json.turn_id}`)).json;
            assert.deepEqual(later, turn, 'a late writer changed the turn');
            await eventually(async () => (await t.call('GET', '/health')).json.services.chat.instances === 2, { what: 'both are back' });
        });
}
