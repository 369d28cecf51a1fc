// What a byte-level client can do to it: any split, pipelining, nonsense, many streams.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

const cases = [];
const check = (name, run) => cases.push([name, run]);

async function open({ server }) {
    const socket = connect(server.port, '127.0.0.1');
    socket.setNoDelay(true);
    socket.got = '';
    socket.setEncoding('latin1');
    socket.on('data', (data) => (socket.got += data));
    socket.on('error', () => {});
    await once(socket, 'connect');
    return socket;
}

async function until(what, milliseconds = 30000) {
    for (const end = Date.now() + milliseconds; !(await what()); await sleep(5))
        assert.ok(Date.now() < end, `never: ${what}`);
}

const question = (model, more = {}) => JSON.stringify({ model, input: 'ping', ...more });
const post = (body, headers = '') =>
    `POST /v1/responses HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n${headers}\r\n` +
    body;
const chunked = (body) =>
    'POST /v1/responses HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n' +
    [...body].map((c) => `1;x=y\r\n${c}\r\n`).join('') + '0\r\nTrailer: t\r\n\r\n';
const answers = (socket) => socket.got.split('HTTP/1.1 200').length - 1;

check('raw: requests byte by byte, sized and chunked', async (x) => {
    const socket = await open(x);
    for (const byte of post(question('echo')) + chunked(question('echo'))) {
        socket.write(byte);
        await new Promise(setImmediate);
    }
    await until(() => answers(socket) === 2 && socket.got.endsWith('}}'));
    socket.destroy();
});

check('raw: pipelined requests are answered in order', async (x) => {
    const socket = await open(x);
    let all = '';
    for (let i = 0; i < 200; i++)
        all += post(JSON.stringify(
            { model: i % 3 ? 'echo' : 'n-2x1', input: `#${i}#`, stream: i % 5 === 0 }));
    socket.write(all);
    await until(() => answers(socket) === 200 && /#199#"/.test(socket.got));
    const order = [...socket.got.matchAll(/"model":"echo".*?"text":"#(\d+)#"/g)].map((m) => +m[1]);
    assert.deepEqual(order, [...order].sort((a, b) => a - b));
    socket.destroy();
});

check('raw: Expect: 100-continue, HTTP/1.0, Connection: close', async (x) => {
    const socket = await open(x);
    const [head, body] = post(question('echo'), 'Expect: 100-continue\r\n').split('\r\n\r\n');
    socket.write(`${head}\r\n\r\n`);
    await until(() => socket.got.startsWith('HTTP/1.1 100 Continue\r\n\r\n'));
    socket.write(body);
    await until(() => answers(socket) === 1);
    socket.destroy();
    const old = await open(x);
    old.write(post(question('n-3', { stream: true })).replace('HTTP/1.1', 'HTTP/1.0'));
    await once(old, 'close');
    assert.ok(old.got.includes('response.completed') && !old.got.includes('chunked'));
    const last = await open(x);
    last.write(post(question('echo'), 'Connection: close\r\n'));
    await once(last, 'close');
    assert.equal(answers(last), 1);
});

const refused = {
    400: [
        'GET\r\n\r\n', 'GET / HTTP/1.1\r\nbad header\r\n\r\n', 'GET / HTTP/1.1\r\nA: b\0\r\n\r\n',
        'POST /v1/responses HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
        'POST /v1/responses HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n',
        'POST /v1/responses HTTP/1.1\r\nContent-Length: -1\r\n\r\n',
        'POST /v1/responses HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
        'GET / HTTP/1.1\nA: b\r\n\r\n', post('{'), post('[]'), post('{"model":"echo"}'),
        post('{"model":"echo","input":"\xff"}'), post('['.repeat(1000))],
    404: ['GET /nothing HTTP/1.1\r\n\r\n', 'GET /v1/files/nope HTTP/1.1\r\n\r\n'],
    405: ['PUT /v1/models HTTP/1.1\r\n\r\n'],
    413: ['POST /v1/responses HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n',
        'POST /v1/responses HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n'],
    414: [`GET /${'a'.repeat(2000)} HTTP/1.1\r\n\r\n`],
    431: [`GET / HTTP/1.1\r\nA: ${'a'.repeat(20000)}`,
        `GET / HTTP/1.1\r\n${'A: b\r\n'.repeat(200)}\r\n`],
    501: ['POST /v1/responses HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n'],
    505: ['GET / HTTP/2.0\r\n\r\n'],
};
check('raw: what is refused, and how', async (x) => {
    for (const [status, inputs] of Object.entries(refused)) {
        for (const input of inputs) {
            const socket = await open(x);
            socket.write(Buffer.from(input, 'latin1'));
            await until(() => socket.got.startsWith('HTTP/1.1 '), 3000);
            assert.equal(socket.got.slice(9, 12), status, JSON.stringify(input.slice(0, 80)));
            socket.destroy();
        }
    }
});

check('raw: bad multipart', async (x) => {
    const type = 'Content-Type: multipart/form-data; boundary=b\r\n';
    const part = (name, body) =>
        `--b\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${body}\r\n`;
    for (const body of ['', '\0', '--b', '--b--', '--bx', part('file', 'x'),
        `${part('file', 'x')}--b--`, `${part('purpose', 'user_data')}--b--`,
        `--b\r\n${'A'.repeat(9000)}`]) {
        const socket = await open(x);
        socket.write('POST /v1/files HTTP/1.1\r\n' +
            `Content-Length: ${body.length}\r\n${type}\r\n${body}`);
        await until(() => socket.got.startsWith('HTTP/1.1 400'), 3000);
        socket.destroy();
    }
});

check('raw: 300 random inputs', async (x) => {
    const whole = [post(question('split-2', { stream: true })), chunked(question('demo')),
        'GET /_/calls?after=1 HTTP/1.1\r\n\r\n'].join('');
    let seed = 7;
    const random = (n) => ((seed = (seed * 48271) % 2147483647), seed % n);
    for (let round = 0; round < 300; round++) {
        const bytes = Buffer.from(whole, 'latin1').subarray(random(40), random(whole.length));
        for (let i = random(8); i-- && bytes.length;) bytes[random(bytes.length)] = random(256);
        const socket = await open(x);
        socket.write(bytes);
        if (round % 2) await sleep(1);
        random(2) ? socket.destroy() : socket.end();
    }
    await sleep(50);
    assert.equal((await x.server.control('stats')).running, 0);
});

check('raw: a reader that stops costs little and blocks nobody', async (x) => {
    const socket = await open(x);
    socket.pause();
    socket.write(post(question('n-100000', { stream: true })));
    await sleep(200);
    const other = await open(x);
    other.write(post(question('echo')));
    await until(() => answers(other) === 1, 1000);
    const call = (await x.server.control('calls')).calls[0];
    assert.ok(call.bytes < 8e6, `${call.bytes} bytes rendered`);
    socket.resume();
    await until(() => socket.got.endsWith('0\r\n\r\n'), 10000);
    assert.ok(socket.got.includes('99999 '));
    socket.destroy();
    other.destroy();
});

check('raw: 2000 streams at once', async (x) => {
    const sockets = await Promise.all(Array.from({ length: 2000 }, () => open(x)));
    for (const socket of sockets) socket.write(post(question('hold-2+deltas=5', { stream: true })));
    await until(async () => (await x.server.control('stats')).streams === 2000);
    await x.server.control('release', {});
    await until(() => sockets.every((s) => s.got.endsWith('0\r\n\r\n')));
    for (const socket of sockets) {
        assert.ok(socket.got.includes('"00000 00001 00002 00003 00004 "'));
        socket.destroy();
    }
});

check('raw: slow bytes', async (x) => {
    const socket = await open(x);
    socket.write(post(question('fail-500+slow_byte_ms=2')));
    await sleep(100);
    const early = socket.got.length;
    assert.ok(early > 5 && early < 80, `${early} bytes`);
    await until(() => socket.got.endsWith('}}'));
    socket.write(post(question('echo')));
    await until(() => answers(socket) === 1, 1000);
    socket.destroy();
});

check('script: what is wrong is said', async (x) => {
    const wrong = [[], { model: {} }, { models: { a: { replay: 1 } } },
        { models: { a: 'nonsense' } }, { models: { a: { status: 200 } } }, { sequence: { a: [] } }];
    for (const script of wrong)
        await assert.rejects(x.server.control('script', script), /bad_script/);
    await x.server.control('script', { models: { '*': { reply: 'any' } } });
    const socket = await open(x);
    socket.write(post(question('whatever')));
    await until(() => socket.got.includes('"text":"any"'));
    socket.destroy();
});

check('manual: the README has it as the program prints it', async ({ program }) => {
    const manual = spawnSync(program, ['--manual'], { encoding: 'utf8' }).stdout;
    const readme = readFileSync(new URL('README.md', import.meta.url), 'utf8');
    assert.ok(readme.includes(manual), 'run provider --manual and put it into README.md');
    assert.equal(spawnSync(program, ['--nonsense']).status, 2);
    assert.equal(spawnSync(program, ['--port', '65536']).status, 2);
    assert.equal(spawnSync(program, ['--script', '/nonexistent']).status, 1);
    assert.equal(spawnSync(program, ['--help']).status, 0);
});

export default cases;
