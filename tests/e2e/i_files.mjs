// Files as their owners see them: what comes back, what is refused, what the provider has.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { eventually } from '../harness/http.mjs';
import { copiesOf, settled } from '../harness/copies.mjs';

export default async function (t) {
    await t.as('alice');
    const project = (await t.call('POST', '/projects', { body: { name: 'files' } })).json.id;
    const files = `/projects/${project}/files`;
    const ready = (id) =>
        eventually(
            async () => {
                const file = (await t.call('GET', `/projects/files/${id}`)).json;
                return file.status === 'ready' && file;
            },
            { what: `file ${id} is ready` },
        );
    const add = async (content, filename) => {
        const reply = await t.upload(files, content, { filename });
        assert.equal(reply.status, 201, reply.text);
        return reply.json;
    };

    await t.test('a file is kept as it is, and the provider gets a copy', async () => {
        const content = crypto.randomBytes(200000);
        const reply = await t.upload(files, content, { filename: 'Grüße 日本 ..\\x.PDF' });
        assert.equal(reply.status, 201, reply.text);
        const file = reply.json;
        assert.equal(reply.headers.location, `/projects/files/${file.id}`);
        assert.equal(file.project_id, project);
        assert.equal(file.filename, 'Grüße 日本 ..\\x.PDF');
        assert.equal(file.bytes, 200000);
        assert.equal(file.sha256, crypto.createHash('sha256').update(content).digest('hex'));
        assert.equal(file.status, 'uploading');
        const after = await ready(file.id);
        assert.equal(after.error, null);
        const copies = (await copiesOf(t.stack)).filter((f) => f.file === file.id);
        assert.equal(copies.length, 1);
        assert.equal(copies[0].id, after.provider_file_id);
        assert.equal(copies[0].bytes, 200000);
        assert.match(copies[0].filename, /^cbp-[0-9a-f]{16}-\d+-\d+\.pdf$/);
        const back = await t.call('GET', `/projects/files/${file.id}/content`);
        assert.equal(back.status, 200);
        assert.ok(back.bytes.equals(content));
        assert.match(back.headers['content-disposition'], /^attachment; /);
        assert.equal(back.headers['content-security-policy'], "sandbox; default-src 'none'");
    });

    await t.test('the type is found by looking, not believed', async () => {
        assert.equal((await add('%PDF-1.7\n%abc\n', 'a.txt')).mime, 'application/pdf');
        assert.equal((await add('just words\n', 'a.pdf')).mime, 'text/plain');
        assert.match((await add('<html><script>alert(1)</script></html>', 'a.txt')).mime, /^text\/html$/);
    });

    await t.test('one byte is a file, none is not', async () => {
        const one = await add('x', 'x');
        assert.equal((await t.call('GET', `/projects/files/${one.id}/content`)).text, 'x');
        const none = await t.upload(files, '');
        assert.equal(none.status, 422);
        assert.equal(none.json.field, 'file');
    });

    await t.test('ranges', async () => {
        const { id, sha256 } = await add('0123456789', 'digits');
        const part = (headers) => t.call('GET', `/projects/files/${id}/content`, { headers });
        for (const [range, text, where] of [
            ['bytes=2-4', '234', 'bytes 2-4/10'],
            ['bytes=7-', '789', 'bytes 7-9/10'],
            ['bytes=-3', '789', 'bytes 7-9/10'],
            ['bytes=5-99', '56789', 'bytes 5-9/10'],
        ]) {
            const reply = await part({ Range: range });
            assert.equal(reply.status, 206, range);
            assert.equal(reply.text, text, range);
            assert.equal(reply.headers['content-range'], where);
        }
        assert.equal((await part({ Range: 'bytes=10-' })).status, 416);
        assert.equal((await part({ Range: 'bytes=1-2', 'If-Range': `"${sha256}"` })).status, 206);
        assert.equal((await part({ Range: 'bytes=1-2', 'If-Range': '"other"' })).text, '0123456789');
    });

    await t.test('a repeat with the same key makes no second file', async () => {
        const headers = { 'Idempotency-Key': `upload-${t.client.nonce}` };
        const first = await t.upload(files, 'once', { headers });
        const again = await t.upload(files, 'once', { headers });
        assert.equal(again.status, 201, again.text);
        assert.deepEqual(again.json, first.json);
        assert.equal(again.headers['idempotent-replayed'], 'true');
        const other = await t.upload(files, 'twice', { headers });
        assert.equal(other.status, 422);
        assert.equal(other.json.field, 'Idempotency-Key');
    });

    await t.test('two people, the same content', async () => {
        const hers = await add('the same for both', 'same.txt');
        await t.as('bob');
        const own = (await t.call('POST', '/projects', { body: { name: "bob's" } })).json.id;
        const his = await t.upload(`/projects/${own}/files`, 'the same for both');
        assert.equal(his.json.sha256, hers.sha256);
        assert.equal((await t.call('GET', `/projects/files/${hers.id}/content`)).status, 404);
        assert.equal((await t.upload(files, 'not mine')).status, 404);
        assert.equal((await t.call('DELETE', `/projects/files/${his.json.id}`)).status, 204);
        await t.as('alice');
        assert.equal((await t.call('GET', `/projects/files/${hers.id}/content`)).text, 'the same for both');
    });

    await t.test('lists are pages', async () => {
        const all = (await t.call('GET', files)).json;
        const page = await t.call('GET', `${files}?limit=2`);
        assert.deepEqual(page.json.map((f) => f.id), all.slice(0, 2).map((f) => f.id));
        assert.match(page.headers.link, /rel="next"/);
        const rest = await t.call('GET', `${files}?after=${page.json[1].id}`);
        assert.deepEqual(rest.json.map((f) => f.id), all.slice(2).map((f) => f.id));
        assert.equal((await t.call('GET', '/projects/999999999/files')).status, 404);
    });

    await t.test('a deleted file is gone, here at once and there soon', async () => {
        const file = await add('short-lived', 'x.txt');
        await ready(file.id);
        assert.equal((await t.call('DELETE', `/projects/files/${file.id}`)).status, 204);
        for (const [method, path] of [['GET', ''], ['GET', '/content'], ['DELETE', '']])
            assert.equal((await t.call(method, `/projects/files/${file.id}${path}`)).status, 404, method + path);
        await eventually(async () => !(await copiesOf(t.stack)).some((f) => f.file === file.id), { what: 'the copy is gone' });
    });

    await t.test('the provider has exactly the copies that are shown', () => settled(t, files));

    await t.test('a deleted project takes its files along', async () => {
        const ids = (await t.call('GET', files)).json.map((f) => f.id);
        assert.ok(ids.length > 5);
        assert.equal((await t.call('DELETE', `/projects/${project}`)).status, 204);
        assert.equal((await t.call('GET', files)).status, 404);
        assert.equal((await t.upload(files, 'too late')).status, 404);
        for (const id of ids) assert.equal((await t.call('GET', `/projects/files/${id}`)).status, 404, 'at once');
        await eventually(async () => !(await copiesOf(t.stack)).some((f) => ids.includes(f.file)), { what: 'copies are gone' });
    });
}
