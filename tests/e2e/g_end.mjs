// SIGTERM ends every daemon in time, also when its database is frozen, and nothing that was accepted
// is lost by it.
import assert from 'node:assert/strict';
import { eventually } from '../harness/http.mjs';

export const stack = { own: true };

export default async function (t) {
    t.expectLog(/./); // they complain
    await t.as('alice');
    const project = (await t.call('POST', '/projects', { body: { name: 'ends', model: 'n-40x100' } })).json.id;
    const key = { 'Idempotency-Key': 'ends' };
    const body = { project_id: project, message: 'go on' };

    await t.test('with a frozen database', async () => {
        const first = t.call('POST', '/chat', { body, headers: key });
        first.catch(() => {}); // whoever waits for it says so
        await eventually(() => t.stack.upstream.count > 0, { what: 'the turn runs' });
        const old = t.stack.pids();
        const names = ['authd', 'projectd', 'chatd-1', 'filed'];
        t.stack.signalFamily('postgres', 'SIGSTOP');
        try {
            for (const name of names) t.stack.signal(name, 'SIGTERM');
            for (const name of names)
                await eventually(() => t.stack.pid(name) !== old[name], { within: 25000, what: `the end of ${name}` });
        } finally {
            t.stack.signalFamily('postgres', 'SIGCONT');
        }
        await first.catch(() => {});
        const again = async () => {
            const reply = await t.call('POST', '/chat', { body, headers: key });
            return reply.status === 200 && reply;
        };
        const reply = await eventually(again, { within: 60000, every: 300, what: 'the answer' });
        assert.ok(reply.json.reply);
    });
}
