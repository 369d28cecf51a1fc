// kill -9 of filed at any moment, while people add and delete files and the provider fails as it
// likes.  In the end what was acknowledged is there, and the provider has one copy of each file.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { eventually, sleep } from '../harness/http.mjs';
import { copiesOf } from '../harness/copies.mjs';
import { collected } from '../harness/blobs.mjs';

export const stack = { settings: { TIMEOUT_FILES: '1' }, own: true };

const SECONDS = process.env.TEST_LONG === '1' ? 1200 : 25;
const CREATE = ['echo', 'echo', 'echo', 'fail-500', { status: 503 }, { drop: 1 }, { cut: 1 }, { garbage: 1 }, { hang: true }, { hang_after: 0 }, { status: 429, retry_after_ms: 50 }];
const LIST = ['echo', 'echo', 'echo', 'echo', { garbage: 2 }, { drop: 1 }, 'fail-500'];
const DELETE = ['echo', 'echo', { cut: 1 }, { status: 408 }, { garbage: 1 }, { hang_after: 0 }, { drop: 1, reset: 1 }];

const pick = (list) => list[Math.floor(Math.random() * list.length)];
const some = (list) => Array.from({ length: 40 }, () => pick(list));

export default async function (t) {
    t.expectLog(/./);
    const people = [];
    for (const name of ['alice', 'bob', 'carol']) {
        await t.as(name);
        const { token } = t.client.who;
        people.push({ token, path: `/projects/${(await t.call('POST', '/projects', { body: { name } })).json.id}/files`, kept: new Map(), unsure: new Set(), gone: new Set() });
    }
    const contents = Array.from({ length: 5 }, () => crypto.randomBytes(1 + Math.floor(Math.random() * 200000)));
    const until = Date.now() + SECONDS * 1000;
    let kills = 0;
    let added = 0;

    // One person's doings; what was answered is remembered, what was not may be either way.
    const live = async (who) => {
        while (Date.now() < until) {
            const content = pick(contents);
            const name = `f${added++}`;
            who.unsure.add(name);
            const made = await t.upload(who.path, content, { token: who.token, filename: name }).catch(() => undefined);
            if (made?.status === 201) {
                who.unsure.delete(name);
                who.kept.set(made.json.id, content);
            }
            await sleep(made?.status === 201 ? Math.random() * 100 : 200);
            if (Math.random() < 0.5 || !who.kept.size) continue;
            const id = pick([...who.kept.keys()]);
            who.kept.delete(id);
            const dropped = await t.call('DELETE', `/projects/files/${id}`, { token: who.token }).catch(() => undefined);
            if (dropped?.status === 204) who.gone.add(id);
            else who.unsure.add(id);
        }
    };
    const spite = async () => {
        while (Date.now() < until) {
            await t.stack.tell('script', { sequence: { 'files.create': some(CREATE), 'files.list': some(LIST), 'files.delete': some(DELETE) } });
            await sleep(1500);
        }
        await t.stack.tell('script', {});
    };
    const kill = async () => {
        while (Date.now() < until) {
            await sleep(300 + Math.random() * 2200);
            if (!t.stack.pid('filed')) continue;
            t.stack.signal('filed', 'SIGKILL');
            kills++;
        }
    };

    await t.test('people go on', async () => {
        await Promise.all([...people.map(live), live(people[0]), spite(), kill()]);
        const [kept, gone] = ['kept', 'gone'].map((what) => people.reduce((n, who) => n + who[what].size, 0));
        console.log(`     c_files.mjs: ${kills} kills, ${added} uploads begun, ${kept} files kept, ${gone} deleted`);
        await eventually(async () => (await t.call('GET', '/health')).json.status === 'healthy', { within: 60000, what: 'all is well again' });
        assert.ok(kills >= SECONDS / 8 && kept + gone > SECONDS, `${kills} kills, ${kept + gone} files`);
    });

    await t.test('what was acknowledged is there', async () => {
        for (const who of people) {
            const { token } = who;
            const files = [];
            for (let after = 0, page; !page || page.length === 200; after = page.at(-1)?.id) {
                // a daemon may just have been started again
                page = await eventually(async () => {
                    const reply = await t.call('GET', `${who.path}?limit=200&after=${after}`, { token });
                    assert.equal(reply.status, 200, reply.text);
                    return reply.json;
                }, { within: 30000, what: 'the list' });
                files.push(...page);
            }
            for (const [id, content] of who.kept) {
                assert.ok(files.some((f) => f.id === id), `file ${id} was acknowledged and is missing`);
                const back = await t.call('GET', `/projects/files/${id}/content`, { token });
                assert.ok(back.bytes.equals(content), `file ${id}`);
            }
            for (const { id, filename } of files) {
                assert.ok(!who.gone.has(id), `file ${id} was deleted`);
                assert.ok(who.kept.has(id) || who.unsure.has(id) || who.unsure.has(filename), `file ${id} is nobody's`);
            }
            who.files = files;
        }
    });

    await t.test('the provider has a copy of each, and nothing else', async () => {
        const check = async () => {
            const wanted = [];
            for (const { files, token } of people)
                for (const { id } of files) {
                    const file = (await t.call('GET', `/projects/files/${id}`, { token })).json;
                    assert.equal(file.status, 'ready', `file ${id}: ${file.error}`);
                    wanted.push(`${id} ${file.provider_file_id} ${file.bytes}`);
                }
            const had = (await copiesOf(t.stack)).map((c) => `${c.file} ${c.id} ${c.bytes}`);
            assert.deepEqual(had.sort(), wanted.sort());
            return true;
        };
        // an upload whose answer was lost may arrive late: a second look comes after a minute
        await eventually(check, { within: 150000, every: 1000, what: 'copies are settled' });
    });

    await t.test('and nothing is left on disk', () => collected(t.stack));
}
