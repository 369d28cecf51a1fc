// Whom the gateway serves: sites of its own name, and so many connections of one network address.
import assert from 'node:assert/strict';
import os from 'node:os';
import { Raw, request, sleep } from '../harness/http.mjs';

const MOST = 4;

export const stack = {
    own: true,
    gateways: 2,
    settings: { LISTEN: '0.0.0.0', TRUSTED_PROXIES: '127.0.0.9', CONNECTIONS_PER_ADDRESS: String(MOST), HTTP_THREADS: '64' },
};

export default async function (t) {
    const [port] = t.stack.ports;
    const asked = async (host) => (await t.call('GET', '/health/live', { headers: { Host: host }, token: null })).status;
    // A request that comes from another address of this machine.
    const from = (localAddress, options = {}) => {
        const headers = { Host: 'chat.example.org', ...options.headers };
        return new Promise((done, failed) => {
            import('node:http').then(({ default: http }) =>
                http
                    .request({ host: '127.0.0.1', port, path: '/health/live', agent: false, ...options, localAddress, headers }, (res) => {
                        let text = '';
                        res.on('data', (c) => (text += c));
                        res.on('end', () => done({ status: res.statusCode, headers: res.headers, text }));
                    })
                    .on('error', failed)
                    .end(),
            );
        });
    };

    await t.test('a name that somebody else made lead here is refused', async () => {
        for (const host of [`localhost:${port}`, '127.0.0.1', `127.0.0.1:${port}`, '[::1]', 'a.localhost', os.hostname()]) assert.equal(await asked(host), 200, host);
        for (const host of ['evil.example', `evil.example:${port}`, '127.0.0.1.evil.example', 'localhost.evil.example']) {
            for (const path of ['/', '/health', '/metrics', '/openapi.json', '/projects', '/nothing']) {
                const reply = await t.call('GET', path, { headers: { Host: host }, token: null, form: false });
                assert.deepEqual([reply.status, reply.json.code, reply.json.field], [421, 'misdirected', 'Host'], `${host} ${path}`);
            }
        }
    });

    await t.test('a trusted proxy has chosen the name, nobody else', async () => {
        assert.equal((await from('127.0.0.9')).status, 200);
        assert.equal((await from('127.0.0.8')).status, 421);
    });

    await t.test('an address behind a proxy has so many requests at once', async () => {
        await t.as('alice');
        const { token } = t.client.who;
        const behind = (client, options = {}) => from('127.0.0.9', { ...options, headers: { 'X-Forwarded-For': client, ...options.headers } });
        const http = (await import('node:http')).default;
        const open = (client) =>
            new Promise((done, failed) => {
                const headers = { Host: 'chat.example.org', 'X-Forwarded-For': client, Authorization: `Bearer ${token}` };
                const req = http.request({ host: '127.0.0.1', port, path: '/events', agent: false, localAddress: '127.0.0.9', headers }, (res) => done({ status: res.statusCode, req }));
                req.on('error', failed).end();
            });
        const held = [];
        for (let i = 0; i < MOST; i++) held.push(await open(`198.51.100.7`));
        assert.deepEqual(held.map((h) => h.status), Array(MOST).fill(200));
        const refused = await behind('198.51.100.7');
        assert.equal(refused.status, 429, refused.text);
        assert.match(refused.headers['retry-after'], /^\d+$/);
        assert.equal((await behind('198.51.100.8')).status, 200, 'others go on');
        for (const { req } of held) req.on('error', () => {}).destroy();
        const six = await Promise.all(Array.from({ length: MOST }, (_, i) => open(`2001:db8:1:2::${i + 1}`)));
        assert.equal((await behind('2001:db8:1:2:ffff::1')).status, 429, 'one /64 is one client');
        assert.equal((await behind('2001:db8:1:3::1')).status, 200);
        for (const { req } of six) req.on('error', () => {}).destroy();
    });

    await t.test('an address has so many connections; loopback and proxies any number', async () => {
        const own = Object.values(os.networkInterfaces()).flat().find((a) => a.family === 'IPv4' && !a.internal)?.address;
        const crowd = [];
        const hold = async (host, n) => {
            for (let i = 0; i < n; i++) {
                const raw = new Raw(port, { host });
                crowd.push(raw);
                await raw.send('GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\n');
            }
            await sleep(500);
        };
        await hold('127.0.0.1', 3 * MOST);
        assert.equal(crowd.filter((raw) => raw.ended).length, 0);
        if (own) {
            crowd.length = 0;
            await hold(own, MOST);
            assert.equal(crowd.filter((raw) => raw.ended).length, 0);
            const more = new Raw(port, { host: own });
            await more.send('GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n');
            const reply = await more.reply();
            assert.deepEqual([reply.status, reply.headers.connection], [429, 'close']);
            assert.ok(Number(reply.headers['retry-after']) > 0);
            const slow = new Raw(port, { host: own });
            await slow.send('GET /health/live HTTP/1.1\r\n');
            assert.ok(await slow.closed(5000), 'what comes slowly is not waited for');
            for (const raw of crowd) raw.close();
            await sleep(500);
            assert.equal((await request(port, { path: '/health/live', host: own })).status, 200, 'and there is room again');
        }
        const metrics = (await t.call('GET', '/metrics', { token: null })).text;
        assert.ok(Number(/chatbot_gateway_http_refused_total (\d+)/.exec(metrics)[1]) >= 2);
    });
}
