// A session that was ended is refused at once where it was ended, and at every other gateway
// within a second, whatever is stopped or cut off meanwhile.
import assert from 'node:assert/strict';
import { eventually, sleep } from '../harness/http.mjs';

// late: a connection that nobody used since the server came back
export const stack = { gateways: 2, own: true, late: [/event=db_lost/] };

const EVERYWHERE = 15000; // ms; the promise is one second, but the whole machine may stall

export default async function (t) {
    const [here, there] = t.stack.ports;
    const me = async (port, token) => (await t.call('GET', '/users/me', { port, token })).status;
    // A token that both gateways have seen.
    const known = async () => {
        const token = await t.client.login('alice', here);
        assert.equal(await me(here, token), 200);
        assert.equal(await me(there, token), 200);
        return token;
    };
    const logout = async (token, port = here) =>
        assert.equal((await t.call('POST', '/users/logout', { port, token })).status, 204);
    await t.as('alice');
    t.expectLog(/./); // processes are stopped and killed here

    await t.test('refused here at once, there within a second, and for good', async () => {
        const token = await known();
        await logout(token);
        assert.equal(await me(here, token), 401);
        await eventually(async () => (await me(there, token)) === 401, { within: EVERYWHERE, every: 20, what: 'refused there' });
        for (let i = 0; i < 20; i++) {
            assert.equal(await me(there, token), 401);
            assert.equal(await me(here, token), 401);
        }
    });

    await t.test('other sessions of the account go on', async () => {
        const [one, two] = [await known(), await known()];
        await logout(one);
        for (let i = 0; i < 6; i++) {
            assert.equal(await me(here, two), 200);
            assert.equal(await me(there, two), 200);
            await sleep(200);
        }
    });

    await t.test('a gateway that was away during the logout does not believe what it knew', async () => {
        for (const pause of [300, 1500]) {
            const token = await known();
            t.stack.signal('gateway-2', 'SIGSTOP');
            await logout(token);
            await sleep(pause);
            t.stack.signal('gateway-2', 'SIGCONT');
            if (pause > 1000) assert.notEqual(await me(there, token), 200, `after ${pause} ms`);
            await eventually(async () => (await me(there, token)) === 401, { within: EVERYWHERE, every: 20, what: `refused after ${pause} ms` });
        }
    });

    await t.test('a gateway that was killed and came back does not know it', async () => {
        const token = await known();
        t.stack.signal('gateway-2', 'SIGKILL');
        await logout(token);
        await eventually(async () => (await me(there, token)) === 401, { within: 30000, what: 'the gateway is back' });
    });

    await t.test('without authd a token is not trusted for longer than a second', async () => {
        const token = await known();
        t.stack.signal('authd', 'SIGSTOP');
        try {
            await sleep(2500);
            const begun = Date.now();
            const [a, b] = await Promise.all([me(here, token), me(there, token)]);
            assert.deepEqual([a, b], [503, 503]);
            assert.ok(Date.now() - begun < 20000);
        } finally {
            t.stack.signal('authd', 'SIGCONT');
        }
        await eventually(async () => (await me(here, token)) === 200 && (await me(there, token)) === 200, { within: 30000, what: 'trusted again' });
    });

    await t.test('authd dies right after the logout: still refused', async () => {
        const token = await known();
        await logout(token);
        t.stack.signal('authd', 'SIGKILL');
        const end = Date.now() + 1500;
        while (Date.now() < end) {
            assert.equal(await me(here, token), 401, 'here');
            await sleep(50);
        }
        await eventually(async () => (await me(there, token)) === 401, { within: 30000, what: 'refused there' });
    });

    await t.test('the database away for a moment: nothing is trusted, then all is as before', async () => {
        const [gone, stays] = [await known(), await known()];
        await logout(gone);
        await eventually(async () => (await me(there, gone)) === 401, { within: EVERYWHERE });
        t.stack.signal('postgres', 'SIGINT');
        const end = Date.now() + 1500;
        while (Date.now() < end) {
            assert.notEqual(await me(there, gone), 200);
            assert.notEqual(await me(here, gone), 200);
        }
        await eventually(async () => (await me(here, stays)) === 200 && (await me(there, stays)) === 200, { within: 30000, what: 'back' });
    });
}
