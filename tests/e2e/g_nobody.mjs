// A database that is restarted, crashes, or hangs proves nobody dead: what runs goes on where it runs,
// and the provider is asked once for each turn.
import assert from 'node:assert/strict';
import { eventually, request, sleep } from '../harness/http.mjs';
import { select, sql } from '../harness/database.mjs';

export const stack = { chatd: 2, settings: { MAX_TURNS_PER_USER: '16' }, own: true };

const TURNS = 8;
const HANG_MS = 5000; // longer than a beat may stand still

export default async function (t) {
    t.expectLog(/./); // the daemons notice
    await t.as('alice');
    const project = (await t.call('POST', '/projects', { body: { name: 'goes on', model: 'n-60x100+hold_after=1' } })).json.id;
    const calls = async (message) => (await request(t.stack.providerPort, { path: '/_/calls' })).json.calls.filter((c) => c.last === message);
    const chat = (message) => {
        const reply = t.call('POST', '/chat', { body: { project_id: project, message }, headers: { 'Idempotency-Key': message }, timeout: 60000 });
        reply.catch(() => {}); // whoever waits for it says so
        return reply;
    };
    const restarted = (signal) => async () => {
        const old = t.stack.pid('postgres');
        process.kill(old, signal);
        const back = async () => ![0, old].includes(t.stack.pid('postgres')) && (await select(t.stack, 'SELECT 1 AS one')).length === 1;
        await eventually(back, { within: 30000, what: 'the database is back' });
    };
    const hung = async () => {
        t.stack.signalFamily('postgres', 'SIGSTOP');
        await sleep(HANG_MS);
        t.stack.signalFamily('postgres', 'SIGCONT');
    };

    for (const [what, disturb] of [['is restarted', restarted('SIGINT')], ['crashes', restarted('SIGQUIT')], ['hangs', hung]])
        await t.test(`the database ${what}`, async () => {
            const messages = Array.from({ length: TURNS }, (_, n) => `${what} ${n}`);
            const replies = messages.map(chat);
            await t.stack.held(TURNS);
            for (const message of messages) assert.equal((await calls(message))[0].outcome, 'running');
            await t.stack.tell('release'); // from here on they last 6 s
            await disturb();
            for (const reply of replies) assert.equal((await reply).status, 200, (await reply).text);
            for (const message of messages) assert.equal((await calls(message)).length, 1, message);
            assert.deepEqual(sql(t.stack, 'postgres', 'SELECT DISTINCT attempt, takeovers, deaths FROM chat.turn'), ['1|0|0']);
        });
}
