// A connection to the database that was closed while nobody used it is made again before a call that
// may not be run twice: each thread's first log-in after a restart of PostgreSQL was 503.
import assert from 'node:assert/strict';
import { execute } from '../harness/database.mjs';

export const stack = { own: true };

export default async function (t) {
    t.expectLog(/event=db_(lost|connect)/); // of threads that wait for the database
    await t.as('alice');
    const { email, password } = t.client.who;

    // with a limit it waits until each of them is gone
    await t.test('every log-in after the database closed all connections is answered', async () => {
        await execute(t.stack, "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE usename = 'authd'");
        const logins = Array.from({ length: 12 }, () => t.call('POST', '/users/login', { body: { email, password }, token: null }));
        assert.deepEqual((await Promise.all(logins)).map((r) => r.status).filter((status) => status !== 200), []);
    });
}
