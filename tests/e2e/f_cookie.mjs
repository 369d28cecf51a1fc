// Sessions of pages: the refresh token is in a cookie that no script, no other site and no plain
// connection from elsewhere gets to use.
import assert from 'node:assert/strict';

export const stack = { settings: { TRUSTED_PROXIES: '127.0.0.1' } };

export default async function (t) {
    await t.as('alice');
    const { email, password } = t.client.who;
    const local = `localhost:${t.stack.port}`;
    // What a browser sends along: a page of this site here, or behind a proxy with TLS.
    const here = { Host: local, Origin: `http://${local}`, 'Sec-Fetch-Site': 'same-origin' };
    const tls = { Host: 'chat.example.org', Origin: 'https://chat.example.org', 'Sec-Fetch-Site': 'same-origin', 'X-Forwarded-Proto': 'https', 'X-Forwarded-For': '198.51.100.7' };
    const post = (path, body, headers, token = null) => t.call('POST', path, { body, headers, token });
    const login = (headers, body = {}) => post('/users/login', { email, password, cookie: true, ...body }, headers);
    const cookieOf = (reply) => {
        const lines = reply.headers['set-cookie'] ?? [];
        assert.equal(lines.length, 1, `${lines.length} cookies`);
        return lines[0];
    };
    const value = (line) => line.split(';')[0];

    await t.test('over TLS: __Host-, Secure, HttpOnly, SameSite=Strict, and a token of ten minutes', async () => {
        const reply = await login(tls);
        assert.equal(reply.status, 200, reply.text);
        assert.match(cookieOf(reply), /^__Host-chatbot=[\w-]{43}; Path=\/; Max-Age=2592000; HttpOnly; SameSite=Strict; Secure$/);
        assert.equal(reply.json.refresh_token, null);
        assert.equal(reply.json.expires_in, 600);
        const next = await post('/users/refresh', {}, { ...tls, Cookie: `theme=dark; ${value(cookieOf(reply))}; lang=en` });
        assert.equal(next.status, 200, next.text);
        assert.equal(next.json.refresh_token, null);
        assert.notEqual(value(cookieOf(next)), value(cookieOf(reply)));
        const listed = await t.call('GET', '/users/me/sessions', { token: next.json.access_token });
        assert.equal(listed.json.find((s) => s.current).address, '198.51.100.7');
        const out = await post('/users/logout', undefined, { ...tls, Cookie: value(cookieOf(next)) }, next.json.access_token);
        assert.match(cookieOf(out), /^__Host-chatbot=; Path=\/; Max-Age=0; HttpOnly; SameSite=Strict; Secure$/);
        assert.equal((await post('/users/refresh', {}, { ...tls, Cookie: value(cookieOf(next)) })).status, 401);
    });

    await t.test('on this machine without TLS: a plain name', async () => {
        const reply = await login(here);
        assert.match(cookieOf(reply), /^chatbot=[\w-]{43}; Path=\/; Max-Age=2592000; HttpOnly; SameSite=Strict$/);
        assert.equal((await post('/users/refresh', {}, { ...here, Cookie: value(cookieOf(reply)) })).status, 200);
    });

    await t.test('no other site can use the cookie', async () => {
        const cookie = value(cookieOf(await login(tls)));
        const strangers = [
            { Origin: 'https://evil.example' },
            { Origin: 'null' },
            { Origin: 'http://chat.example.org' },
            { Origin: 'https://chat.example.org:8443' },
            { Origin: 'https://chat.example.org.evil.example' },
            { Origin: 'https://sub.chat.example.org' },
            { Origin: '' },
            { 'Sec-Fetch-Site': 'cross-site' },
            { 'Sec-Fetch-Site': 'same-site' },
            { 'Sec-Fetch-Site': 'none' },
        ];
        for (const change of strangers) {
            const reply = await post('/users/refresh', {}, { ...tls, ...change, Cookie: cookie });
            assert.equal(reply.status, 401, `${JSON.stringify(change)}: ${reply.text}`);
            assert.equal(reply.headers['set-cookie'], undefined);
        }
        const { Origin: _, ...without } = tls;
        assert.equal((await post('/users/refresh', {}, { ...without, Cookie: cookie })).status, 401);
        for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x'])
            assert.equal((await post('/users/refresh', '{}', { ...tls, 'Content-Type': type, Cookie: cookie })).status, 415);
        assert.equal((await post('/users/refresh', {}, { ...tls, Cookie: cookie })).status, 200, 'and it was not used up');
    });

    await t.test('no other site can plant one', async () => {
        for (const change of [{ Origin: 'https://evil.example' }, { 'Sec-Fetch-Site': 'cross-site' }]) {
            const reply = await login({ ...tls, ...change });
            assert.equal(reply.status, 422, reply.text);
            assert.equal(reply.json.field, 'cookie');
            assert.equal(reply.headers['set-cookie'], undefined);
        }
        // a session begins with a token of its own, whatever the client brought
        const planted = value(cookieOf(await login(tls)));
        const fresh = value(cookieOf(await login({ ...tls, Cookie: planted })));
        assert.notEqual(fresh, planted);
        assert.notEqual(fresh.slice(0, 30), planted.slice(0, 30));
    });

    await t.test('no plain connection from elsewhere gets one', async () => {
        const plain = { Host: 'chat.example.org', Origin: 'http://chat.example.org', 'X-Forwarded-For': '198.51.100.7' };
        assert.equal((await login(plain)).status, 422);
        // a name that leads to this machine only because somebody's DNS says so
        for (const host of ['evil.example', '127.0.0.1.evil.example', 'localhost.evil.example'])
            assert.equal((await login({ Host: host, Origin: `http://${host}` })).status, 422, host);
    });

    await t.test('the cookie is good for nothing else', async () => {
        const cookie = value(cookieOf(await login(tls)));
        for (const path of ['/users/me', '/projects', '/users/me/sessions'])
            assert.equal((await t.call('GET', path, { headers: { ...tls, Cookie: cookie }, token: null })).status, 401, path);
        const token = cookie.split('=')[1];
        assert.equal((await post('/users/refresh', { refresh_token: token }, tls)).status, 401);
        assert.equal((await post('/users/refresh', {}, { ...tls, Cookie: `chatbot=${token}` })).status, 401);
        assert.equal((await post('/users/refresh', {}, { ...here, Cookie: cookie })).status, 401);
        assert.equal((await t.call('GET', '/users/me', { token })).status, 401);
        const rest = await post('/users/login', { email, password }, tls);
        assert.equal((await post('/users/refresh', {}, { ...tls, Cookie: `__Host-chatbot=${rest.json.refresh_token}` })).status, 401);
        assert.equal((await post('/users/refresh', { refresh_token: rest.json.refresh_token }, { ...tls, Cookie: cookie })).status, 422);
    });

    await t.test('two Cookie headers are none', async () => {
        const reply = await t.call('POST', '/users/refresh', { body: {}, token: null, headers: { ...tls, Cookie: ['a=b', 'c=d'] }, form: false });
        assert.ok([400, 401].includes(reply.status));
    });
}
