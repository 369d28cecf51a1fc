// Hostile values in every field of every operation of the document: statements, line ends, paths,
// NULs, broken UTF-8, huge numbers, deep nesting.  No answer is a 5xx, none lets a line end into
// its head or a word of the database out, and rows of others stay as they are.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { bodyOf, fill, isEndless, isUpload, makeBelongings, rowsAtRest, rowsOf } from '../harness/belongings.mjs';
import { request } from '../harness/http.mjs';
import { build, top } from '../harness/stack.mjs';

export const stack = { own: true, settings: { HASH_THREADS: '4' } };

const deep = (open, close) => open.repeat(5000) + '1' + close.repeat(5000);
// As text: it goes into JSON strings, paths, queries, names of files and headers.
const TEXTS = [
    "'; DROP TABLE project.project; --",
    "1' OR '1'='1",
    "' UNION SELECT password_hash FROM auth.account --",
    '$1); SELECT pg_sleep(3); --',
    'x\r\nSet-Cookie: planted=1\r\nX-Planted: 1\r\n\r\n<html>',
    '%0d%0aX-Planted:%201',
    '../../../../../../etc/passwd',
    '..%2f..%2f..%2fetc%2fpasswd%00.txt',
    'file:///etc/passwd',
    'a\0b',
    '\u202e\ufeff\u2028\u0085',
    '\ud800',
    '%s%n%x{{7*7}}${jndi:ldap://127.0.0.1/x}',
    '<script>alert(1)</script>',
    '9'.repeat(400),
    'A'.repeat(70000),
];
// As JSON values, where a member stands.
const VALUES = ['null', 'true', '-1', '1.5', '9223372036854775808', '-9223372036854775809', '1e999', '1e-999', '[]', '{}', '[[1]]', '{"$ne":1}', '""', deep('[', ']'), deep('{"a":', '}')];
// Bytes that are no UTF-8: overlong, a surrogate, cut off, none.
const BYTES = ['c0af', 'e080af', 'eda080', 'e282', 'fffe', 'f8888080'].map((hex) => Buffer.from(hex, 'hex'));

// So many of a list, others each time; all of them where there is time.
const turns = new Map();
function inTurn(list, most) {
    if (process.env.TEST_LONG === '1') return list;
    const from = turns.get(list) ?? 0;
    turns.set(list, from + most + (from % 7 === 0)); // so that the same place does not get the same ones
    return Array.from({ length: most }, (_, i) => list[(from + i) % list.length]);
}

export default async function (t) {
    const nonce = t.client.nonce;
    let ids, bystander, token, root, project;
    let asked = 0;

    // Not by t.call: what is sent here as a password is none.
    const send = async (op, where, options = {}) => {
        const method = op.method.toUpperCase();
        const who = where.startsWith('/admin/') ? root : token;
        let reply;
        try {
            reply = await request(t.stack.port, { method, path: where, token: who, ...options });
        } catch (e) {
            if (/^Invalid|unescaped|ERR_/.test(`${e.message}${e.code}`)) return; // the client refuses to send it
            throw e;
        }
        asked++;
        const what = `${op.id} ${where.slice(0, 200)} ${String(options.body ?? '').slice(0, 200)} -> ${reply.status} ${reply.text.slice(0, 300)}`;
        assert.ok(reply.status < 500, what);
        assert.ok(!('x-planted' in reply.headers) && !/planted/.test(reply.headers['set-cookie'] ?? ''), what);
        assert.doesNotMatch(reply.text, /SQLSTATE|syntax error at|pg_catalog|\bPG[A-Z]|root:x:0|\/(gateway|common|authd|chatd)\/[a-z_]+\.c\b/, what);
        t.client.check(method, where, reply);
        return reply;
    };
    // So many at once.
    const each = async (list, fn, width = 6) => {
        const left = [...list];
        const worker = async () => {
            while (left.length) await fn(left.shift());
        };
        await Promise.all(Array.from({ length: width }, worker));
    };
    const schemaOf = (op) => op.row.requestBody?.content?.['application/json']?.schema?.properties ?? {};
    const place = (body, name, json) => {
        const { [name]: _, ...rest } = body;
        const text = JSON.stringify(rest);
        return `${text.slice(0, -1)}${text.length > 2 ? ',' : ''}${JSON.stringify(name)}:${json}}`;
    };
    // What an operation changed of its own that later ones need.
    const mend = async () => {
        await request(t.stack.port, { method: 'PUT', path: `/projects/${project}`, token, body: { name: 'mine', model: null } });
        await request(t.stack.port, { method: 'PUT', path: '/admin/settings', token: root, body: { registration: 'open', registration_domains: null } });
    };
    const operations = () => t.world.contract.operations.filter((op) => !isEndless(op));

    await t.test('people, belongings, an admin', async () => {
        await t.as('bob');
        const own = await makeBelongings(t, `kept ${nonce}`);
        bystander = { id: t.client.who.id, ids: own };
        await t.as('root');
        const env = { ...process.env, BUILD_DIR: build };
        const said = spawnSync(path.join(top, 'deploy/chatbot-admin'), ['--data', t.stack.data, 'create-admin', t.client.who.email], { encoding: 'utf8', env });
        assert.equal(said.status, 0, said.stderr);
        await t.client.login('root');
        root = t.client.who.token;
        await t.as('victim');
        const user_id = t.client.who.id;
        await t.as('mallory');
        ids = { ...(await makeBelongings(t, 'mine')), user_id, invite_id: 999999999 };
        token = t.client.who.token;
        project = ids.project_id;
        bystander.rows = await rowsAtRest(t.stack, bystander.id);
    });

    await t.test('in every member of every body', async () => {
        for (const op of operations()) {
            const members = Object.keys(schemaOf(op));
            if (!members.length) continue;
            const where = fill(op.template, ids);
            const body = bodyOf(t, op, ids) ?? {};
            const bodies = [];
            for (const name of members) {
                // each log-in or registration with another password costs a hash
                const texts = /password/.test(name) ? TEXTS.slice(0, 5) : TEXTS;
                for (const text of texts) bodies.push(place(body, name, JSON.stringify(text)));
                for (const value of VALUES) bodies.push(place(body, name, value));
                for (const bytes of inTurn(BYTES, 2)) {
                    const [head, tail] = place(body, name, '"a?b"').split('?');
                    bodies.push(Buffer.concat([Buffer.from(head), bytes, Buffer.from(tail)]));
                }
            }
            for (const text of inTurn(TEXTS, 5)) bodies.push(place(body, text, '1'));
            await each(bodies, (one) => send(op, where, { body: one }));
            await mend();
        }
    });

    await t.test('in place of every body', async () => {
        const bodies = ['', '{', '[]', 'null', '"x"', deep('[', ']'), deep('{"a":', '}'), '{"a":1,"a":2}', '{"__proto__":{}}', '\ufeff{}', '{}{}', 'NaN', "{'a':1}", '\0', ...BYTES];
        for (const op of operations())
            if (Object.keys(schemaOf(op)).length) await each(bodies, (body) => send(op, fill(op.template, ids), { body }));
    });

    await t.test('in every place of every path', async () => {
        const values = [...TEXTS.slice(0, -1).map((text) => encodeURIComponent(text.toWellFormed())), '%00', '%c0%af', '%ff', '0', '-1', '1.5', '1e3', '0x1', '1%30000000000000', '9223372036854775808', '..', '%2e%2e', '.', '%2f', ''];
        for (const op of operations())
            for (const name of op.parameters)
                await each(values, (value) => {
                    const template = op.template.replace(`{${name}}`, '\u0001');
                    return send(op, fill(template, ids).replace('\u0001', value), { body: bodyOf(t, op, ids) });
                });
    });

    await t.test('in every parameter of every query, and in names of none', async () => {
        const values = [...TEXTS.slice(0, -2).map((text) => encodeURIComponent(text.toWellFormed())), '%00', '%c0%af', '%ff', '%', '', '-1', '9223372036854775808', '1.5', '1e9', 'a&a=b', `${'a'.repeat(3000)}`, '%00%0d%0a'];
        for (const op of operations().filter((o) => o.method === 'get')) {
            const named = (op.row.parameters ?? []).filter((p) => p.in === 'query').map((p) => p.name);
            const queries = named.flatMap((name) => values.map((value) => `${name}=${value}`));
            queries.push(...values.map((value) => `${value}=1`));
            await each(queries, (query) => send(op, `${fill(op.template, ids)}?${query}`));
        }
    });

    await t.test('in every header that anything looks at', async () => {
        const headers = ['Authorization', 'Idempotency-Key', 'X-Request-Id', 'Accept', 'Accept-Encoding', 'Content-Type', 'Cookie', 'Origin', 'Range', 'If-Range', 'If-None-Match', 'Last-Event-ID', 'User-Agent', 'X-Forwarded-For', 'X-Forwarded-Proto', 'Forwarded', 'Sec-Fetch-Site'];
        const values = ["'; DROP TABLE project.project; --", 'Bearer ', `Bearer ${'a.'.repeat(500)}`, "Bearer cbk_' OR true --", '../../etc/passwd', '%0d%0aX-Planted: 1', 'bytes=0-,9999999999999999999-', 'bytes=-9223372036854775809', '9'.repeat(400), 'a'.repeat(5000), '\u00ff\u00fe', ', , ,', '""', 'W/"x", *'];
        for (const op of operations()) {
            if (op.method !== 'get' && op.id !== 'project_update' && op.id !== 'user_login') continue;
            const where = fill(op.template, ids);
            const pairs = headers.flatMap((name) => inTurn(values, 2).map((value) => [name, value]));
            await each(pairs, ([name, value]) => send(op, where, { headers: { [name]: value }, body: bodyOf(t, op, ids) }));
        }
    });

    await t.test('in forms: names of files, of parts, types, and what stands in the file', async () => {
        const form = (head, content) => ({
            headers: { 'Content-Type': 'multipart/form-data; boundary=b' },
            body: Buffer.concat([Buffer.from(`--b\r\n${head}\r\n\r\n`), Buffer.from(content), Buffer.from('\r\n--b--\r\n')]),
        });
        const names = [...TEXTS.filter((text) => !text.includes('\0')), 'a"b', 'a\\', '.', '..', '', '\u00e9'.repeat(200)];
        const conversation = (text) => ({ format: text, version: 1, title: text, messages: [{ parent: null, role: 'user', content: text, files: [{ filename: text, sha256: text, bytes: 1 }] }] });
        const documents = [
            ...TEXTS.flatMap((text) => [
                conversation(text),
                { ...conversation(text), format: 'chatbot-conversation' },
                { format: 'chatbot-conversation', version: 1, title: text.slice(0, 100), messages: [{ parent: null, role: 'user', content: text, created_at: text }] },
                { format: 'chatbot-project', version: 1, project: { name: text, model: text }, prompts: [{ name: text, content: text }], files: [{ filename: text }] },
            ]),
        ].map((doc) => JSON.stringify(doc));
        documents.push(...VALUES, ...BYTES, deep('{"messages":', '}'), '{"format":"chatbot-conversation","version":1e999,"messages":9223372036854775808}', '', '\0');
        for (const op of operations().filter(isUpload)) {
            const where = fill(op.template, ids);
            await each(names, async (name) => {
                const made = await send(op, where, form(`Content-Disposition: form-data; name="file"; filename="${name}"`, 'x'));
                const id = op.id === 'file_create' && made?.status === 201 && made.json.id;
                if (id) await send({ id: 'file_content', method: 'get' }, `/projects/files/${id}/content`);
            });
            await each(TEXTS, (text) => send(op, where, form(`Content-Disposition: form-data; name="${text}"`, 'x')));
            await each(TEXTS, (text) => send(op, where, form(`Content-Disposition: form-data; name="file"; filename="a"\r\nContent-Type: ${text}`, 'x')));
            await each(TEXTS, (text) => send(op, where, { headers: { 'Content-Type': 'multipart/form-data; boundary=b' }, body: text }));
            await each(documents, (doc) => send(op, where, form('Content-Disposition: form-data; name="file"; filename="a.json"', doc)));
        }
    });

    await t.test('rows of others are as they were, and everything serves on', async () => {
        assert.ok(asked > 3000, `${asked} requests`);
        assert.deepEqual(await rowsOf(t.stack, bystander.id), bystander.rows);
        await t.as('bob');
        assert.equal((await t.call('GET', `/conversations/${bystander.ids.conversation_id}/messages`)).json.length, 2);
        const [health, pids] = [await t.call('GET', '/health', { token: null }), t.stack.pids()];
        assert.equal(health.status, 200, health.text);
        for (const [name, pid] of Object.entries(pids)) assert.ok(pid, `${name} died`);
    });
}
