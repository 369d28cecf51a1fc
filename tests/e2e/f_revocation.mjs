// A session that was ended is refused at once where it was ended, and at every other gateway
// within a second, whatever is stopped or cut off meanwhile.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { eventually, sleep } from '../harness/http.mjs';
import { build, top } from '../harness/stack.mjs';

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

    await t.test('whatever ends a session ends its streams, at each gateway', async () => {
        const { email, password } = await t.as('bob');
        const post = (where, body) => t.call('POST', where, { body, token: null });
        const login = async (with_ = password) => {
            const { access_token: token, refresh_token: refresh } = (await post('/users/login', { email, password: with_ })).json;
            return { token, refresh };
        };
        const listed = async (token) => (await t.call('GET', '/users/me/sessions', { token })).json;
        const console_ = (...args) => spawnSync(path.join(top, 'deploy/chatbot-admin'), ['--data', t.stack.data, ...args], { encoding: 'utf8', env: { ...process.env, BUILD_DIR: build } });
        const renewed = async (refresh) => (await post('/users/refresh', { refresh_token: refresh })).json.refresh_token;
        const changed = `Fresh-${t.client.nonce}-1`;
        const ways = {
            'log-out': (one) => t.call('POST', '/users/logout', { token: one.token }),
            'one is ended': async (one, other) => t.call('DELETE', `/users/me/sessions/${(await listed(one.token)).find((s) => s.current).id}`, { token: other.token }),
            'all others are ended': (one, other) => t.call('DELETE', '/users/me/sessions', { token: other.token }),
            'an old refresh token comes again': async (one) => {
                await renewed(await renewed(one.refresh));
                const reply = await post('/users/refresh', { refresh_token: one.refresh });
                assert.equal(reply.status, 401);
                return { status: 204 };
            },
            'the account is disabled': async () => ({ status: console_('disable', email).status ? 500 : 204 }),
            'the password is changed': (one, other) => t.call('PUT', '/users/me/password', { body: { old_password: password, new_password: changed }, token: other.token }),
        };
        for (const [what, end] of Object.entries(ways)) {
            const [one, other] = [await login(), await login()];
            const streams = await Promise.all([here, there].map((port) => t.events('GET', '/events', { port, token: one.token })));
            assert.equal((await end(one, other)).status, 204, what);
            for (const stream of streams) await stream.over({ within: 10000 });
            for (const port of [here, there]) await eventually(async () => (await me(port, one.token)) === 401, { within: EVERYWHERE, every: 20, what });
            if (what.includes('disabled')) assert.equal(console_('enable', email).status, 0);
            else for (const port of [here, there]) assert.equal(await me(port, other.token), 200, `${what}: other sessions go on`);
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
            await sleep(1500);
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
