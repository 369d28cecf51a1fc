// Uploads that are cut, raced and refused at every stage leave nothing behind.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { eventually, Raw, sleep } from '../harness/http.mjs';
import { arriving, collected, quiet } from '../harness/blobs.mjs';

export const stack = { own: true };

const BOUNDARY = 'torture';
const HEAD = `--${BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="cut.bin"\r\n\r\n`;
const TAIL = `\r\n--${BOUNDARY}--\r\n`;

export default async function (t) {
    await t.as('alice');
    const project = (await t.call('POST', '/projects', { body: { name: 'cut' } })).json.id;
    const files = `/projects/${project}/files`;
    const list = async (path = files) => (await t.call('GET', path)).json;
    const content = async (id) => (await t.call('GET', `/projects/files/${id}/content`)).bytes;

    // An upload by hand: send() its bytes, then reply() or close().
    const begin = async (size, { path = files, headers = '' } = {}) => {
        const raw = new Raw(t.stack.port);
        const length = HEAD.length + size + TAIL.length;
        await raw.send(
            `POST ${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${t.client.who.token}\r\n` +
                `Content-Type: multipart/form-data; boundary=${BOUNDARY}\r\nContent-Length: ${length}\r\n${headers}\r\n`,
        );
        return raw;
    };
    // One that has come half way, into filed.
    const half = async (bytes, options) => {
        const before = arriving(t.stack).length;
        const raw = await begin(bytes.length, options);
        await raw.send(HEAD);
        await raw.send(bytes.subarray(0, bytes.length / 2));
        await eventually(() => arriving(t.stack).length > before, { within: 30000, what: 'it arrives' });
        raw.rest = () => raw.send(Buffer.concat([bytes.subarray(bytes.length / 2), Buffer.from(TAIL)]));
        return raw;
    };
    const big = crypto.randomBytes(3 << 20);

    await t.test('a client that leaves, at every stage', async () => {
        const whole = Buffer.concat([Buffer.from(HEAD), big, Buffer.from(TAIL)]);
        for (const at of [0, 1, HEAD.length - 1, HEAD.length, HEAD.length + 1, HEAD.length + 100000, whole.length >> 1, whole.length - TAIL.length, whole.length - 1]) {
            const raw = await begin(big.length);
            await raw.send(whole.subarray(0, at));
            await sleep(100);
            raw.close();
        }
        await quiet(t.stack);
        assert.deepEqual(await list(), []);
    });

    await t.test('a client that leaves after the last byte', async () => {
        const raw = await half(big);
        await raw.rest();
        raw.close();
        await quiet(t.stack);
        for (const file of await list()) {
            assert.ok((await content(file.id)).equals(big)); // it came too late to be stopped
            assert.equal((await t.call('DELETE', `/projects/files/${file.id}`)).status, 204);
        }
    });

    await t.test('the project is deleted meanwhile', async () => {
        const own = (await t.call('POST', '/projects', { body: { name: 'short' } })).json.id;
        const raw = await half(big, { path: `/projects/${own}/files` });
        assert.equal((await t.call('DELETE', `/projects/${own}`)).status, 204);
        await raw.rest();
        assert.equal((await raw.reply(30000)).status, 404);
        await quiet(t.stack);
    });

    await t.test('the same content is deleted meanwhile', async () => {
        const first = (await t.upload(files, big)).json.id;
        const raw = await half(big);
        assert.equal((await t.call('DELETE', `/projects/files/${first}`)).status, 204);
        await raw.rest();
        const made = await raw.reply(30000);
        assert.equal(made.status, 201, made.text);
        assert.ok((await content(made.json.id)).equals(big));
        assert.equal((await t.call('GET', `/projects/files/${first}`)).status, 404);
        assert.equal((await t.call('DELETE', `/projects/files/${made.json.id}`)).status, 204);
    });

    await t.test('two people add and delete the same content, all at once', async () => {
        const people = [];
        for (const name of ['bob', 'carol']) {
            await t.as(name);
            people.push({ token: t.client.who.token, path: `/projects/${(await t.call('POST', '/projects', { body: { name } })).json.id}/files` });
        }
        const same = crypto.randomBytes(70000);
        const life = async ({ token, path }, keep) => {
            for (let i = 0; i < 6; i++) {
                const made = await t.upload(path, same, { token });
                if (made.status === 429) continue;
                assert.equal(made.status, 201, made.text);
                if (i === 5 && keep) return;
                assert.equal((await t.call('DELETE', `/projects/files/${made.json.id}`, { token })).status, 204);
            }
        };
        await Promise.all(people.flatMap((who) => [life(who, true), life(who, false), life(who, true)]));
        for (const { token, path } of people)
            for (const file of (await t.call('GET', path, { token })).json) {
                const back = await t.call('GET', `/projects/files/${file.id}/content`, { token });
                assert.ok(back.bytes.equals(same));
            }
        await t.as('alice');
    });

    await t.test('whatever comes near the boundary is content, in pieces of any size', async () => {
        const near = ['\r\n--tortur', '\r\n--torturf', '\n--torture', '\r--torture', '\r\n-', '\r\n\r\n--', '--torture', '\r\n--TORTURE--', '\0\r\n--\0', '\r\n--torturE--\r\n'];
        const bytes = Buffer.from(near.join('|') + near.join('') + '\r\n');
        for (const piece of [1, 2, 3, 7, 64, 8191, 8192, 8193]) {
            const padded = piece < 8000 ? bytes : Buffer.concat([Buffer.alloc(3 * piece - HEAD.length - 5, '\r'), bytes]);
            const raw = await begin(padded.length);
            const whole = Buffer.concat([Buffer.from(HEAD), padded, Buffer.from(TAIL)]);
            raw.socket.setNoDelay(true);
            for (let at = 0; at < whole.length; at += piece) {
                await raw.send(whole.subarray(at, at + piece));
                if (whole.length / piece < 1000) await new Promise(setImmediate);
            }
            const made = await raw.reply(30000);
            assert.equal(made.status, 201, `pieces of ${piece}: ${made.text}`);
            assert.ok((await content(made.json.id)).equals(padded), `pieces of ${piece}`);
        }
    });

    await t.test('names are kept as they were given', async () => {
        const named = async (disposition) => {
            const body = `preamble\r\n--${BOUNDARY} \t\r\nX-Other: a\r\ncontent-disposition:form-data; ${disposition}\r\n\r\nhi\r\n--${BOUNDARY}-- \t\r\nepilogue`;
            const headers = { 'Content-Type': `multipart/form-data; boundary="${BOUNDARY}"` };
            return t.call('POST', files, { body, headers });
        };
        for (const [disposition, name] of [
            ['name="file"; filename="../../etc/passwd"', '../../etc/passwd'],
            ['name=file; filename=plain.txt', 'plain.txt'],
            ['filename="naïve — 日本.txt"; name="file"', 'naïve — 日本.txt'],
            ["name=\"file\"; filename*=UTF-8''na%C3%AFve.txt", 'naïve.txt'],
            [`name="file"; filename="${'x'.repeat(255)}"`, 'x'.repeat(255)],
        ]) {
            const made = await named(disposition);
            assert.equal(made.status, 201, `${disposition}: ${made.text}`);
            assert.equal(made.json.filename, name);
            const back = await t.call('GET', `/projects/files/${made.json.id}/content`);
            assert.match(back.headers['content-disposition'], /^attachment; filename="[^"\\\r\n]*"; filename\*=UTF-8''[\w%.!~*'()-]+$/);
        }
        for (const disposition of ['name="file"', 'name="other"; filename="a"', `name="file"; filename="${'x'.repeat(256)}"`, 'name="file"; filename=""'])
            assert.equal((await named(disposition)).status, 422, disposition);
        assert.equal((await named('name="file"; filename="a\0b"')).status, 400);
        const two = `${HEAD}a\r\n${HEAD}b${TAIL}`;
        assert.equal((await t.call('POST', files, { body: two, headers: { 'Content-Type': `multipart/form-data; boundary=${BOUNDARY}` } })).status, 422);
        const open = `${HEAD}a\r\n--${BOUNDARY}`;
        assert.equal((await t.call('POST', files, { body: open, headers: { 'Content-Type': `multipart/form-data; boundary=${BOUNDARY}` } })).status, 400);
    });

    const reborn = (name, before) => eventually(() => ![0, before].includes(t.stack.pid(name)), { within: 30000, what: `${name} is back` });

    await t.test('the gateway is killed meanwhile', async () => {
        const count = (await list()).length;
        const raw = await half(big);
        const before = t.stack.pid('gateway-1');
        t.stack.signal('gateway-1', 'SIGKILL');
        await reborn('gateway-1', before);
        assert.ok(await raw.closed(30000));
        await quiet(t.stack); // filed has noticed
        await eventually(async () => (await t.call('GET', '/health')).status === 200, { within: 30000 });
        assert.equal((await list()).length, count);
    });

    await t.test('filed is killed meanwhile', async () => {
        const count = (await list()).length;
        const raw = await half(big);
        const before = t.stack.pid('filed');
        t.stack.signal('filed', 'SIGKILL');
        raw.rest();
        const reply = await raw.reply(30000);
        assert.equal(reply.status, 503, reply.text);
        await reborn('filed', before);
        await eventually(async () => (await t.call('GET', '/health')).json.status === 'healthy', { within: 30000 });
        assert.equal((await list()).length, count);
        assert.equal((await t.upload(files, 'after the fall')).status, 201);
    });

    await t.test('nothing is left of any of it', async () => {
        t.expectLog(/./);
        await collected(t.stack);
    });
}
