// The provider's list in several pages, copies that it lost, and files that came before it.
import assert from 'node:assert/strict';
import { eventually, request } from '../harness/http.mjs';
import { copiesOf, settled } from '../harness/copies.mjs';
import { sql } from '../harness/database.mjs';

export const stack = { settings: { TIMEOUT_FILES: '5' }, own: true };

const FOREIGN = 2100; // more than two pages
const EARLY = 520; // more than one statement makes copies of

export default async function (t) {
    await t.as('alice');
    const project = (await t.call('POST', '/projects', { body: { name: 'copies' } })).json.id;
    const files = `/projects/${project}/files`;
    const get = async (id) => (await t.call('GET', `/projects/files/${id}`)).json;
    const add = async (content, filename = 'a.txt') => {
        const reply = await t.upload(files, content, { filename });
        assert.equal(reply.status, 201, reply.text);
        return reply.json.id;
    };
    const write = (statement) => assert.equal(sql(t.stack, 'postgres', statement)[0], '');
    const [installation] = sql(t.stack, 'postgres', 'SELECT name FROM file.installation');
    const all = async () => (await request(t.stack.providerPort, { path: '/v1/files', token: t.stack.key })).json.data;
    const restart = async () => {
        const before = t.stack.pid('filed');
        t.stack.signal('filed', 'SIGTERM');
        await eventually(() => ![0, before].includes(t.stack.pid('filed')), { within: 30000, what: 'filed is back' });
    };
    // Puts a file at the provider by another way than ours.
    const put = async (filename, content = 'x') => {
        const boundary = 'foreign';
        const part = (head, value) => `--${boundary}\r\nContent-Disposition: form-data; ${head}\r\n\r\n${value}\r\n`;
        const body = part('name="purpose"', 'user_data') + part(`name="file"; filename="${filename}"`, content) + `--${boundary}--\r\n`;
        const headers = { 'Content-Type': `multipart/form-data; boundary=${boundary}` };
        const reply = await request(t.stack.providerPort, { method: 'POST', path: '/v1/files', headers, body, token: t.stack.key });
        assert.equal(reply.status, 200, reply.text);
        return reply.json.id;
    };
    const drop = (id) => request(t.stack.providerPort, { method: 'DELETE', path: `/v1/files/${id}`, token: t.stack.key });

    await t.test('a lost answer is found behind thousands of files of others', async () => {
        let left = FOREIGN;
        const filler = async () => {
            while (left-- > 0) await put(`foreign-${left}.txt`);
        };
        await Promise.all([filler(), filler(), filler(), filler()]);
        await t.stack.tell('script', { sequence: { 'files.create': [{ cut: 1 }, 'fail-500'] } });
        const id = await add('on the third page');
        // only the list can tell: every other try fails
        await eventually(async () => (await get(id)).status === 'ready', { within: 60000, what: 'the copy is found' });
        await t.stack.tell('script', {});
        const list = await settled(t, files);
        assert.equal(list.length, 1);
        assert.equal((await all()).length, FOREIGN + 1);
    });

    await t.test('what the provider lost is sent again, what nobody knows is deleted there', async () => {
        const lost = [await add('lost 1'), await add('lost 2')];
        await settled(t, files);
        const before = await Promise.all(lost.map(get));
        for (const file of before) await drop(file.provider_file_id);
        const stray = await put(`cbp-${installation}-${lost[0]}-7.txt`, 'lost 1');
        const nobody = await put(`cbp-${installation}-999999-1.txt`);
        const others = await put(`cbp-0123456789abcdef-${lost[0]}-1.txt`, 'lost 1');
        write(`UPDATE file.copy SET seen_at = now() - interval '2 hours'`);
        write(`UPDATE file.installation SET swept_at = now() - interval '2 days'`);
        await restart();
        const found = async () => {
            const ids = (await all()).map((f) => f.id);
            const now = await Promise.all(lost.map(get));
            assert.ok(now.every((file, i) => file.status === 'ready' && file.provider_file_id !== before[i].provider_file_id));
            assert.ok(!ids.includes(stray) && !ids.includes(nobody) && ids.includes(others));
            return true;
        };
        await eventually(found, { within: 60000, what: 'the day is swept' });
        await drop(others);
        await settled(t, files);
        assert.equal((await all()).filter((f) => f.filename.startsWith('foreign-')).length, FOREIGN);
    });

    await t.test('a copy that is young may be missing in the list', async () => {
        const id = await add('young');
        await settled(t, files);
        await drop((await get(id)).provider_file_id);
        write(`UPDATE file.installation SET swept_at = now() - interval '2 days'`);
        await restart();
        await eventually(() => sql(t.stack, 'postgres', `SELECT swept_at > now() - interval '1 hour' FROM file.installation`)[0] === 't', { within: 60000, what: 'the day is swept' });
        assert.equal((await get(id)).status, 'ready');
        assert.equal((await t.call('DELETE', `/projects/files/${id}`)).status, 204);
        await eventually(() => sql(t.stack, 'postgres', `SELECT count(*) FROM file.copy WHERE file_id = ${id}`)[0] === '0', { within: 30000, what: 'its row is gone' });
    });

    await t.test('files that came before a provider was configured get their copies', async () => {
        await t.stack.tell('reset');
        const id = await add('early');
        await eventually(async () => (await get(id)).status === 'ready', { within: 30000 });
        write('DELETE FROM file.copy');
        await t.stack.tell('reset');
        write(
            `INSERT INTO file.file (owner_id, project_id, filename, bytes, mime, sha256) SELECT owner_id, project_id, 'early-' || n || '.txt', bytes, mime, sha256 ` +
                `FROM file.file, generate_series(1, ${EARLY}) n WHERE id = ${id}`,
        );
        write(`UPDATE file.blob b SET refs = (SELECT count(*) FROM file.file f WHERE f.sha256 = b.sha256)`);
        write(`UPDATE file.storage s SET bytes = (SELECT sum(bytes) FROM file.file)`);
        await restart();
        const [count] = sql(t.stack, 'postgres', 'SELECT count(*) FROM file.file');
        await eventually(() => sql(t.stack, 'postgres', `SELECT count(*) FROM file.copy WHERE state = 'present'`)[0] === count, { within: 120000, every: 500, what: 'all have copies' });
        const copies = await copiesOf(t.stack);
        assert.equal(copies.length, Number(count));
        assert.equal(new Set(copies.map((c) => c.file)).size, Number(count));
        await settled(t, files);
    });

    await t.test('and all of them go with their project', async () => {
        assert.equal((await t.call('DELETE', `/projects/${project}`)).status, 204);
        await eventually(async () => !(await copiesOf(t.stack)).length, { within: 120000, every: 500, what: 'the provider has none' });
        assert.equal(sql(t.stack, 'postgres', 'SELECT count(*) FROM file.copy')[0], '0');
    });
}
