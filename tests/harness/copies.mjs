// What the scripted provider has of the platform's files.
import assert from 'node:assert/strict';
import { eventually, request } from './http.mjs';

// [{id, filename, bytes, file, try}] of all copies, by any installation.
export async function copiesOf(stack) {
    const { json } = await request(stack.providerPort, { path: '/v1/files', token: stack.key });
    return json.data.flatMap(({ id, filename, bytes }) => {
        const [, file, tried] = /^cbp-[0-9a-f]+-(\d+)-(\d+)/.exec(filename) ?? [];
        return file ? [{ id, filename, bytes, file: Number(file), try: Number(tried) }] : [];
    });
}

// Waits until every file of a list is ready, and each has exactly one copy, the one it names.
export async function settled(t, files, within = 30000) {
    const check = async () => {
        const list = (await t.call('GET', `${files}?limit=200`)).json;
        const copies = await copiesOf(t.stack);
        for (const file of list) {
            assert.equal(file.status, 'ready', `file ${file.id}: ${file.error}`);
            const its = copies.filter((c) => c.file === file.id);
            assert.deepEqual(its.map((c) => c.id), [file.provider_file_id], `copies of file ${file.id}`);
            assert.equal(its[0].bytes, file.bytes);
        }
        return list;
    };
    return eventually(async () => [await check()], { within, what: 'copies are settled' });
}
