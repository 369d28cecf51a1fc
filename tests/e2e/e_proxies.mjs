// The shipped settings of nginx and haproxy, for real: what they say of a client is theirs to say,
// slow bodies stay with them, streams do not, and each call has a key that survives a retry.
import assert from 'node:assert/strict';
import http from 'node:http';
import tls from 'node:tls';
import { sleep } from '../harness/http.mjs';
import { front, PROXIES, startProxy } from '../harness/proxy.mjs';

export const stack = { gateways: 2, own: true, settings: { TRUSTED_PROXIES: '127.0.0.1', RATE_LIMIT: 'off' } };

// A gateway of straw that keeps what it was sent, and answers as serve(req, res, body) says.
async function straw() {
    const seen = [];
    const server = http.createServer((req, res) => {
        if (req.url === '/health/live') return res.end('{}');
        const one = { method: req.method, path: req.url, headers: req.headers, raw: req.rawHeaders };
        seen.push(one);
        let body = '';
        req.on('data', (c) => (body += c));
        req.on('error', () => {});
        req.on('end', () => made.serve(req, res, body, one));
        return undefined;
    });
    server.on('clientError', () => {});
    await new Promise((done) => server.listen(0, '127.0.0.1', done));
    const made = { seen, port: server.address().port, serve: undefined, stop: () => server.closeAllConnections?.() ?? server.close() };
    made.reset = () => {
        seen.length = 0;
        made.serve = (req, res) => res.end('{"ok":true}');
    };
    made.reset();
    return made;
}

// A client of that version alone, with every cipher there is: which one it got, or that it was refused.
function greeted(port, version) {
    const options = { host: '127.0.0.1', port, minVersion: version, maxVersion: version, ciphers: 'ALL:@SECLEVEL=0', rejectUnauthorized: false, servername: 'chat.example.org' };
    return new Promise((done, failed) => {
        const socket = tls.connect(options, () => {
            done(socket.getProtocol());
            socket.destroy();
        });
        socket.on('error', (error) => (error.code === 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION' ? done('refused') : failed(error)));
    });
}

const FORGED = { 'X-Forwarded-For': '10.9.9.9', 'X-Forwarded-Proto': 'http', 'X-Forwarded-Host': 'evil.example', 'X-Real-IP': '10.9.9.9', Forwarded: 'for=10.9.9.9' };

export default async function (t) {
    const backend = await straw();
    for (const kind of PROXIES) {
        backend.reset();
        const before = await startProxy(kind, [backend.port, backend.port]);
        const real = await startProxy(kind, t.stack.ports);
        const ask = (options) => front(before.port, options);
        try {
            await t.test(`${kind}: where a client comes from is not the client's to say`, async () => {
                backend.reset();
                await ask({ path: '/x', headers: FORGED, localAddress: '127.0.0.5' });
                const { headers } = backend.seen[0];
                assert.equal(headers['x-forwarded-for'], '127.0.0.5');
                assert.equal(headers['x-forwarded-proto'], 'https');
                for (const name of ['x-forwarded-host', 'x-real-ip', 'forwarded']) assert.equal(headers[name], undefined, name);
                assert.equal(headers.host, 'chat.example.org');
            });

            await t.test(`${kind}: a key is passed on, or made, and is the same when a gateway dies`, async () => {
                backend.reset();
                await ask({ method: 'POST', path: '/x', body: '{}', headers: { 'Idempotency-Key': 'mine', 'X-Request-Id': 'trace-1' } });
                assert.deepEqual([backend.seen[0].headers['idempotency-key'], backend.seen[0].headers['x-request-id']], ['mine', 'trace-1']);
                await ask({ path: '/x', headers: { traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01' } });
                assert.equal(backend.seen[1].headers['x-request-id'], undefined, 'the trace id will be it');
                let died = false;
                backend.serve = (req, res) => {
                    if (died) return res.end('{}');
                    died = true;
                    return req.socket.destroy();
                };
                backend.seen.length = 0;
                const reply = await ask({ method: 'POST', path: '/x', body: '{"a":1}' });
                assert.equal(reply.status, 200);
                assert.equal(backend.seen.length, 2, 'sent again');
                const [first, second] = backend.seen.map((one) => one.headers['idempotency-key']);
                assert.match(first, /^[0-9a-f-]{32,36}$/);
                assert.equal(first, second);
                assert.match(backend.seen[0].headers['x-request-id'], /^[0-9a-f-]{32,36}$/);
            });

            await t.test(`${kind}: a slow body reaches no gateway before it is whole`, async () => {
                backend.reset();
                const body = 'x'.repeat(60000);
                const reply = await ask({
                    method: 'POST',
                    path: '/slow',
                    headers: { 'Content-Type': 'application/json', 'Content-Length': body.length },
                    slow: async (req) => {
                        for (let at = 0; at < body.length; at += 15000) {
                            assert.equal(backend.seen.length, 0);
                            req.write(body.slice(at, at + 15000));
                            await sleep(150);
                        }
                        req.end();
                    },
                });
                assert.equal(reply.status, 200);
                assert.equal(backend.seen.length, 1);
            });

            await t.test(`${kind}: an event arrives before the next one is made`, async () => {
                backend.reset();
                const got = [];
                backend.serve = async (req, res) => {
                    res.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store', 'X-Accel-Buffering': 'no' });
                    for (let n = 0; n < 5; n++) {
                        res.write(`data: ${n}\n\n`);
                        while (got.at(-1) !== n) await sleep(2); // else the reply ends by the client's time limit
                    }
                    res.end();
                };
                const reply = await ask({ path: '/events', onData: (text) => got.push(Number(/data: (\d)\n\n$/.exec(text)?.[1])) });
                assert.match(reply.text, /data: 4/);
            });

            await t.test(`${kind}: plain HTTP is sent to TLS, which says to stay there, once`, async () => {
                const plain = await new Promise((done, failed) => http.get({ host: '127.0.0.1', port: real.plain, path: '/health?x', headers: { Host: 'chat.example.org' }, agent: false }, (res) => done(res.resume())).on('error', failed));
                assert.deepEqual([plain.statusCode, plain.headers.location], [308, 'https://chat.example.org/health?x']);
                const reply = await front(real.port, { path: '/health' });
                assert.equal(reply.status, 200);
                assert.equal(reply.raw.filter((name) => name.toLowerCase() === 'strict-transport-security').length, 1);
            });

            await t.test(`${kind}: TLS is 1.2 or newer`, async () => {
                for (const [version, answer] of [['TLSv1.1', 'refused'], ['TLSv1.2', 'TLSv1.2'], ['TLSv1.3', 'TLSv1.3']])
                    assert.equal(await greeted(real.port, version), answer, version);
            });

            await t.test(`${kind}: the platform behind it knows its clients, and streams`, async () => {
                await t.as('alice');
                const { email, password } = t.client.who;
                const login = await front(real.port, { method: 'POST', path: '/users/login', body: JSON.stringify({ email, password }), headers: FORGED, localAddress: '127.0.0.6' });
                assert.equal(login.status, 200, login.text);
                const token = JSON.parse(login.text).access_token;
                t.world.secrets.add(token);
                const headers = { Authorization: `Bearer ${token}` };
                const sessions = JSON.parse((await front(real.port, { path: '/users/me/sessions', headers })).text);
                assert.equal(sessions.find((s) => s.current).address, '127.0.0.6');
                assert.equal((await front(real.port, { path: '/metrics', localAddress: '127.0.0.6' })).status, 401, 'whoever comes by a proxy is not local');
                const project = (await t.call('POST', '/projects', { body: { name: kind } })).json.id;
                const chat = await front(real.port, { method: 'POST', path: '/chat', headers, body: JSON.stringify({ project_id: project, message: 'hi', stream: true }) });
                assert.match(chat.text, /event: accepted[^]*event: delta[^]*event: completed/);
            });
        } finally {
            await before.stop();
            await real.stop();
        }
    }
    backend.stop();
}
