// HTTP at its edges: what a gateway that faces the network has to refuse, bound or survive.
import assert from 'node:assert/strict';
import { Raw, sleep } from '../harness/http.mjs';
import { problem } from '../harness/client.mjs';

const HOST = 'Host: localhost\r\n';

export default async function (t) {
    await t.as('alice');
    const { port } = t.stack;
    const { token } = t.client.who;
    const auth = `${HOST}Authorization: Bearer ${token}\r\n`;
    const json = `${auth}Content-Type: application/json\r\n`;

    // Sends bytes on a new connection and returns the first reply; {closed} tells how it ended.
    const send = async (bytes, { wait = 0 } = {}) => {
        const raw = new Raw(port);
        await raw.send(bytes);
        const reply = await raw.reply();
        reply.closed = wait ? await raw.closed(wait) : undefined;
        raw.close();
        return reply;
    };
    // The request is refused with that status, as a problem document, and the connection ends.
    const refused = async (bytes, status, code) => {
        const what = JSON.stringify(bytes.slice(0, 120));
        const reply = await send(bytes, { wait: 5000 });
        assert.equal(reply.status, status, `${what}: ${reply.head} ${reply.text}`);
        problem(reply, what);
        if (code) assert.equal(reply.json.code, code, what);
        assert.ok(reply.closed, `${what}: the connection stays open`);
    };

    await t.test('64 headers are read, the 65th is refused', async () => {
        const lines = (n) => Array.from({ length: n }, (_, i) => `X-${i}: v\r\n`).join('');
        assert.equal((await send(`GET /health/live HTTP/1.1\r\n${HOST}${lines(63)}\r\n`)).status, 200);
        await refused(`GET /health/live HTTP/1.1\r\n${HOST}${lines(64)}\r\n`, 431, 'headers_too_large');
        // the one that a server would drop silently is the one that matters
        await refused(`POST /projects HTTP/1.1\r\n${json}${lines(62)}Content-Length: 13\r\n\r\n{"name": "x"}`, 431);
    });

    await t.test('headers have 16 KiB, the target 8 KiB', async () => {
        const value = 'v'.repeat(8000);
        await refused(`GET /health/live HTTP/1.1\r\n${HOST}A: ${value}\r\nB: ${value}\r\nC: ${value}\r\n\r\n`, 431, 'headers_too_large');
        await refused(`GET /${'a'.repeat(8300)} HTTP/1.1\r\n${HOST}\r\n`, 414, 'uri_too_long');
        const endless = await send(`GET /${'a'.repeat(100000)}`, { wait: 15000 });
        assert.ok([0, 400, 414, 431].includes(endless.status) && endless.closed, `${endless.status}`);
    });

    await t.test('two ways to say the length are no way', async () => {
        const body = '{"name": "x"}';
        const post = `POST /projects HTTP/1.1\r\n${json}`;
        await refused(`${post}Content-Length: 13\r\nTransfer-Encoding: chunked\r\n\r\n${body}`, 400, 'bad_request');
        await refused(`${post}Transfer-Encoding: chunked\r\nContent-Length: 13\r\n\r\n0\r\n\r\n`, 400, 'bad_request');
        await refused(`${post}Content-Length: 13\r\nContent-Length: 13\r\n\r\n${body}`, 400, 'bad_request');
        await refused(`${post}Content-Length: 13\r\nContent-Length: 5\r\n\r\n${body}`, 400, 'bad_request');
        for (const length of ['+13', '-1', '0x0d', '13 13', '13,13', '1e1', '', '99999999999999999999'])
            await refused(`${post}Content-Length: ${length}\r\n\r\n${body}`, length === '99999999999999999999' ? 413 : 400);
        for (const coding of ['xchunked', 'chunked, gzip', 'identity, chunked', 'gzip'])
            await refused(`${post}Transfer-Encoding: ${coding}\r\n\r\n0\r\n\r\n`, 400);
    });

    await t.test('a body needs a Content-Length', async () => {
        await refused(`POST /projects HTTP/1.1\r\n${json}\r\n`, 411, 'length_required');
        await refused(`POST /projects HTTP/1.1\r\n${json}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 411, 'length_required');
    });

    await t.test('an operation without a body needs none', async () => {
        const { token: other } = { token: await t.client.login('alice') };
        const reply = await send(`POST /users/logout HTTP/1.1\r\n${HOST}Authorization: Bearer ${other}\r\n\r\n`);
        assert.equal(reply.status, 204, reply.text);
        await t.client.login('alice');
    });

    await t.test('exactly one Host', async () => {
        await refused('GET /health/live HTTP/1.1\r\n\r\n', 400, 'bad_request');
        await refused(`GET /health/live HTTP/1.1\r\n${HOST}${HOST}\r\n`, 400, 'bad_request');
        await refused('GET /health/live HTTP/1.1\r\nHost: a b\r\n\r\n', 400, 'bad_request');
        assert.equal((await send('GET /health/live HTTP/1.0\r\n\r\n', { wait: 5000 })).closed, true);
    });

    await t.test('NUL, control bytes and broken escapes', async () => {
        for (const target of ['/health/live%00', '/%00', '/health/%zz', '/health/%1', '/health/%', '/health/\x01', '/projects?limit=%g0'])
            await refused(`GET ${target} HTTP/1.1\r\n${auth}\r\n`, 400, 'bad_request');
        await refused(`GET /health/live HTTP/1.1\r\n${HOST}X-A: a\x01b\r\n\r\n`, 400);
        await refused(`GET /health/live HTTP/1.1\r\n${HOST}X-A : b\r\n\r\n`, 400);
        await refused(`GET /health/live HTTP/1.1\r\n${HOST}X-A: b\r\n folded\r\n\r\n`, 400);
        await refused(`GET /health/live HTTP/1.1\r\n${HOST}: nameless\r\n\r\n`, 400);
        const nul = await send(`GET /health/live HTTP/1.1\r\n${HOST}X-A: a\0b\r\n\r\n`, { wait: 15000 });
        assert.ok([0, 400].includes(nul.status), `${nul.status}`);
    });

    await t.test('what is no request gets no answer, or 400', async () => {
        for (const bytes of ['\r\n\r\n\r\n', 'GET\r\n\r\n', 'GET /\r\n\r\n', `GET / HTTP/9.9\r\n${HOST}\r\n`, `GET / FTP/1.1\r\n${HOST}\r\n`, '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', `GET health HTTP/1.1\r\n${HOST}\r\n`]) {
            const reply = await send(bytes, { wait: 15000 });
            assert.ok([0, 400, 404, 405, 505].includes(reply.status) && reply.closed, `${JSON.stringify(bytes)}: ${reply.head} closed=${reply.closed}`);
        }
    });

    await t.test('a method nobody knows', async () => {
        for (const method of ['PROPFIND', 'TRACE', 'get', 'CONNECT', 'FOO']) {
            const reply = await send(`${method} /projects HTTP/1.1\r\n${auth}Connection: close\r\n\r\n`);
            assert.ok([400, 405, 501].includes(reply.status), `${method}: ${reply.status}`);
        }
    });

    await t.test('a body that is too large is refused before it is sent', async () => {
        await refused(`POST /projects HTTP/1.1\r\n${json}Content-Length: 300000\r\n\r\n{`, 413, 'too_large');
        await refused(`POST /projects HTTP/1.1\r\n${json}Content-Length: 104857600\r\n\r\n`, 413, 'too_large');
        const raw = new Raw(port);
        await raw.send(`POST /projects HTTP/1.1\r\n${json}Content-Length: 300000\r\n\r\n${'x'.repeat(300000)}`);
        assert.equal((await raw.reply()).status, 413);
        raw.close();
    });

    await t.test('Expect: 100-continue', async () => {
        const body = '{"name": "expected"}';
        const head = `POST /projects HTTP/1.1\r\n${json}Expect: 100-continue\r\nContent-Length: `;
        const raw = new Raw(port);
        await raw.send(`${head}${body.length}\r\n\r\n`);
        assert.equal((await raw.reply()).status, 100);
        await raw.send(body);
        assert.equal((await raw.reply()).status, 201);
        raw.close();
        await refused(`${head}300000\r\n\r\n`, 413);
        await refused(`POST /projects HTTP/1.1\r\n${HOST}Content-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: 20\r\n\r\n`, 401);
    });

    await t.test('requests in one packet are answered in order', async () => {
        const raw = new Raw(port);
        const get = (id) => `GET /health/live HTTP/1.1\r\n${HOST}X-Request-Id: ${id}\r\n\r\n`;
        const post = '{"name": "piped"}';
        await raw.send(`${get('one')}POST /projects HTTP/1.1\r\n${json}X-Request-Id: two\r\nContent-Length: ${post.length}\r\n\r\n${post}${get('three')}`);
        for (const [id, status] of [['one', 200], ['two', 201], ['three', 200]]) {
            const reply = await raw.reply();
            assert.deepEqual([reply.headers['x-request-id'], reply.status], [id, status], reply.text);
        }
        raw.close();
    });

    await t.test('a refused body is not the next request', async () => {
        const raw = new Raw(port);
        const inner = `GET /users/me HTTP/1.1\r\n${auth}X-Request-Id: smuggled\r\n\r\n`;
        await raw.send(`POST /projects HTTP/1.1\r\n${json}Content-Length: 5\r\nContent-Length: ${inner.length}\r\n\r\n${inner}`);
        await raw.closed(5000);
        assert.doesNotMatch(raw.text(), /smuggled/);
        raw.close();
        const typed = new Raw(port);
        await typed.send(`POST /projects HTTP/1.1\r\n${auth}Content-Type: text/plain\r\nContent-Length: ${inner.length}\r\n\r\n${inner}`);
        await typed.until((text) => /smuggled/.test(text), 1000);
        assert.doesNotMatch(typed.text(), /smuggled/);
        typed.close();
    });

    await t.test('HEAD says what GET would, and no body', async () => {
        const raw = new Raw(port);
        await raw.send(`HEAD /health/live HTTP/1.1\r\n${HOST}\r\n`);
        const text = await raw.until((s) => s.includes('\r\n\r\n'));
        assert.match(text, /^HTTP\/1\.1 200 /);
        assert.ok(text.endsWith('\r\n\r\n'), text);
        raw.received = Buffer.alloc(0);
        await raw.send(`GET /health/live HTTP/1.1\r\n${HOST}\r\n`);
        assert.equal((await raw.reply()).json.status, 'alive');
        raw.close();
    });

    await t.test('a request may come byte by byte', async () => {
        const raw = new Raw(port);
        raw.socket.setNoDelay(true);
        for (const byte of `GET /health/live HTTP/1.1\r\n${HOST}\r\n`) {
            await raw.send(byte);
            await sleep(1);
        }
        assert.equal((await raw.reply()).status, 200);
        raw.close();
    });

    await t.test('invalid UTF-8 and NUL bytes are no JSON', async () => {
        for (const name of ['\xff', '\xc0\xaf', '\xed\xa0\x80', '\xf4\x90\x80\x80', '\xe2\x82', 'a\0b']) {
            const body = Buffer.from(`{"name": "${name}"}`, 'latin1');
            const reply = await t.call('POST', '/projects', { body });
            assert.equal(reply.status, 400, `${JSON.stringify(name)}: ${reply.text}`);
            assert.equal(reply.json.code, 'bad_json');
        }
    });

    await t.test('slow and idle clients end, and nobody else notices', async () => {
        const slow = [];
        // Sends the head, then a byte each half second for 15 s, or nothing more; the server ends it.
        const drip = async (head, drips) => {
            const raw = new Raw(port);
            slow.push(raw);
            await raw.send(head);
            for (let i = 0; drips && i < 30 && !raw.ended; i++) {
                await sleep(500);
                if (!raw.ended) raw.socket.write('x');
            }
            assert.ok(await raw.closed(20000), `still open: ${head.slice(0, 40)}`);
            return raw.text();
        };
        const many = (n, make) => Array.from({ length: n }, make);
        const body = `POST /projects HTTP/1.1\r\n${json}Content-Length: 5000\r\n\r\n{`;
        const work = [
            ...many(20, () => drip('GET /health/live HTTP/1.1\r\nHo', true)),
            ...many(20, () => drip(body, true)),
            ...many(10, () => drip(body, false)),
            ...many(100, () => drip('', false)).map((idle) => idle.catch(() => {})), // an idle one may stay longer
        ];
        const done = Promise.all(work);
        let ended = false;
        done.then(() => (ended = true), () => (ended = true));
        let worst = 0;
        while (!ended) {
            const begun = Date.now();
            assert.equal((await t.call('GET', '/projects')).status, 200);
            worst = Math.max(worst, Date.now() - begun);
            await sleep(200);
        }
        const texts = await done;
        slow.forEach((raw) => raw.close());
        for (const text of texts.slice(0, 50)) assert.ok(!text || /^HTTP\/1\.1 (400|408) /.test(text), text.slice(0, 200));
        assert.ok(worst < 9000, `a request took ${worst} ms meanwhile`);
    });
}
