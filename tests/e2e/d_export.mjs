// Conversations as files: what an export holds, and what an import makes of it.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { select } from '../harness/database.mjs';
import { eventually, Raw } from '../harness/http.mjs';

export default async function (t) {
    await t.as('alice');
    const word = t.client.nonce;
    const make = async () => (await t.call('POST', '/projects', { body: { name: `moves ${word}` } })).json.id;
    const project = await make();
    const say = async (body) => {
        const reply = await t.call('POST', '/chat', { body: { project_id: project, ...body } });
        assert.equal(reply.status, 200, reply.text);
        return reply.json;
    };
    const exported = async (id, format = 'json') => t.call('GET', `/conversations/${id}/export?format=${format}`);
    const load = (file, to = project, options = {}) =>
        t.upload(`/projects/${to}/conversations/import`, typeof file === 'string' ? file : JSON.stringify(file), { filename: 'a.json', ...options });
    const messages = async (id) => (await t.call('GET', `/conversations/${id}/messages?order=asc&all=true`)).json;
    const small = (changes = {}) => ({
        format: 'chatbot-conversation',
        version: 1,
        messages: [
            { parent: null, role: 'user', content: `asked ${word}` },
            { parent: 0, role: 'assistant', content: `answered ${word}` },
        ],
        ...changes,
    });
    const count = async (statement) => (await select(t.stack, statement))[0].count;
    // messages of a file without what differs between installations and runs
    const plain = (file) => file.messages.map(({ parent, role, content, status, feedback, created_at, made_with }) => ({ parent, role, content, status, feedback, created_at, made_with }));

    const first = await say({ message: `one ${word} "quoted" \\ \u0001 😀` });
    const conversation = first.conversation_id;
    await say({ conversation_id: conversation, message: 'two\r\nlines' });
    await say({ conversation_id: conversation, message: `two, edited ${word}`, parent_id: first.message_id });
    await t.call('PUT', `/messages/${first.message_id}/feedback`, { body: { rating: -1, note: 'so so' } });
    await t.call('PUT', `/conversations/${conversation}`, { body: { title: `Ships/boats ${word}`, pinned: true } });
    let file;

    await t.test('JSON has the whole tree, with what each answer was made with', async () => {
        const reply = await exported(conversation);
        assert.equal(reply.status, 200, reply.text);
        assert.equal(reply.headers['content-type'], 'application/json');
        assert.match(reply.headers['content-disposition'], new RegExp(`^attachment; filename="Ships_boats ${word}.json"; filename\\*=UTF-8''Ships_boats%20${word}.json$`));
        assert.equal(reply.headers['x-content-type-options'], 'nosniff');
        assert.equal(reply.headers['content-security-policy'], "sandbox; default-src 'none'");
        assert.equal(reply.headers.etag, undefined);
        file = reply.json;
        const rows = await messages(conversation);
        assert.equal(file.format, 'chatbot-conversation');
        assert.equal(file.version, 1);
        assert.equal(file.title, `Ships/boats ${word}`);
        assert.equal(file.pinned, true);
        assert.deepEqual(file.messages.map((m) => m.parent), [null, 0, 1, 2, 1, 4]);
        assert.deepEqual(file.messages.map((m) => m.content), rows.map((m) => m.content));
        assert.deepEqual(file.messages.map((m) => m.created_at), rows.map((m) => m.created_at));
        assert.equal(file.active_leaf, 5);
        assert.deepEqual(file.messages[1].feedback, { rating: -1, note: 'so so' });
        const made = file.messages[1].made_with;
        assert.deepEqual([typeof made.model, made.finish_reason, made.prompts], ['string', 'stop', []]);
        assert.ok(made.input_tokens >= 0 && made.output_tokens >= 0);
        assert.equal((await exported(conversation)).text, reply.text, 'the same as long as nothing changes');
    });

    await t.test('it comes in chunks; an old client reads to the end of the connection', async () => {
        const path = `/conversations/${conversation}/export?format=json`;
        const raw = async (version, header = '') => {
            const socket = new Raw(t.stack.port);
            await socket.send(`GET ${path} HTTP/${version}\r\nHost: localhost\r\nAuthorization: Bearer ${t.client.who.token}\r\n${header}\r\n`);
            await socket.until(() => false);
            assert.ok(socket.ended);
            return socket.received.toString('utf8');
        };
        const text = await raw('1.1', 'Connection: close\r\n');
        assert.match(text, /\r\nTransfer-Encoding: chunked\r\n/);
        assert.doesNotMatch(text, /\r\nContent-Length:/);
        assert.ok(text.endsWith('\r\n0\r\n\r\n'));
        const whole = await raw('1.0');
        assert.doesNotMatch(whole, /\r\nTransfer-Encoding:/);
        assert.deepEqual(JSON.parse(whole.slice(whole.indexOf('\r\n\r\n') + 4)), file);
        const head = await t.call('HEAD', path);
        assert.equal(head.status, 200);
        assert.equal(head.text, '');
    });

    await t.test('Markdown has the branch that is shown, and nobody can forge its structure', async () => {
        const reply = await exported(conversation, 'markdown');
        assert.equal(reply.headers['content-type'], 'text/markdown; charset=utf-8');
        assert.match(reply.headers['content-disposition'], /\.md"/);
        assert.match(reply.text, /This is the branch that is shown: 4 of the conversation's 6 messages/);
        assert.doesNotMatch(reply.text, /lines/);
        assert.equal((await t.call('GET', `/conversations/${conversation}/export`)).text, reply.text, 'it is the default');
        const forged = [
            `x\n## 2. Assistant, 2026-11-23 02:43:50 UTC\n\n> I never said that ${word}`,
            `x\r## 2. Assistant, forged by a bare return`,
            'x\n\n---\n\n# Another title\nsetext\n===\n```\nopen fence',
            'x <!-- \n## 9. User, in a comment',
            'x </blockquote><h2>2. Assistant</h2> ````\n## 9. User',
            '[a]: http://example.com "all links named a"\n## 9. User',
        ];
        for (const content of forged) {
            const { json } = await load(small({ messages: [{ parent: null, role: 'user', content }, { parent: 0, role: 'assistant', content: 'the answer' }] }));
            const { text } = await exported(json.id, 'markdown');
            const lines = text.split(/\r\n|\n|\r/);
            // what is outside of quotes and fences
            let fence;
            const own = [];
            for (const line of lines) {
                if (fence) fence = line === fence ? undefined : fence;
                else if (/^`{3,}$/.test(line)) fence = line;
                else if (!line.startsWith('>')) own.push(line);
            }
            assert.deepEqual(own.filter((l) => l.startsWith('#')).map((l) => l.replace(/,.*/, '')), ['# Conversation', '## 1. User', '## 2. Assistant'], text);
            assert.ok(!own.join('\n').includes('<') && !own.join('\n').includes('===') && !/^---/m.test(own.join('\n')), text);
            const kept = text.includes(content) || text.includes(content.replace(/^/, '> ').replace(/\n(.)/g, '\n> $1').replace(/\n\n/g, '\n>\n').replace(/\r(.)/g, '\r> $1'));
            assert.ok(kept, text);
        }
    });

    await t.test('an import is the same tree, in the other project as well', async () => {
        const other = await make();
        const reply = await load(file, other);
        assert.equal(reply.status, 201, reply.text);
        assert.equal(reply.headers.location, `/conversations/${reply.json.id}`);
        assert.equal(reply.json.project_id, other);
        assert.equal(reply.json.title, file.title);
        assert.equal(reply.json.pinned, true);
        assert.equal(reply.json.created_at, file.created_at);
        assert.equal(reply.json.active_turn, null);
        const rows = await messages(reply.json.id);
        assert.equal(reply.json.active_leaf, rows[5].id);
        assert.ok(rows.every((m) => m.turn_id === null));
        const again = (await exported(reply.json.id)).json;
        assert.deepEqual(plain(again), plain(file));
        assert.deepEqual({ ...again, updated_at: 0, messages: 0 }, { ...file, updated_at: 0, messages: 0 });
        // people go on with it like with any other
        const went = await t.call('POST', '/chat', { body: { project_id: other, conversation_id: reply.json.id, message: 'three' } });
        assert.equal(went.status, 200, went.text);
        assert.equal((await t.call('POST', `/messages/${rows[1].id}/regenerate`)).status, 200);
    });

    await t.test('the same file again changes nothing and names the same conversation', async () => {
        const other = await make();
        const text = JSON.stringify(file);
        const all = await Promise.all([load(text, other), load(text, other)]);
        assert.deepEqual(all.map((r) => r.status).sort(), [200, 201], all.map((r) => r.text).join());
        const [a, b, c] = [...all, await load(text, other)].map((r) => r.json.id);
        assert.deepEqual([b, c], [a, a]);
        assert.equal((await t.call('GET', `/projects/${other}/conversations`)).json.length, 1);
        assert.notEqual((await load(text)).json.id, a, 'another project has its own');
        // deleted, it is made anew
        assert.equal((await t.call('DELETE', `/conversations/${a}`)).status, 204);
        const anew = await load(text, other);
        assert.equal(anew.status, 201);
        assert.notEqual(anew.json.id, a);
        assert.equal((await messages(anew.json.id)).length, 6);
    });

    await t.test('nothing of it is run, and it is found', async () => {
        const turns = () => count(`SELECT count(*) FROM chat.turn WHERE owner_id = ${t.client.who.id}`);
        const before = await turns();
        const text = small({
            messages: [
                { parent: null, role: 'user', content: `wanderlust${word}` },
                { parent: 0, role: 'assistant', content: '', status: 'pending' },
                { parent: 0, role: 'assistant', content: 'half', status: 'cancelled' },
            ],
        });
        const { json } = await load(text);
        assert.equal(await turns(), before);
        const rows = await messages(json.id);
        assert.deepEqual(rows.map((m) => m.status), ['complete', 'incomplete', 'cancelled']);
        await eventually(async () => (await t.call('GET', `/search?q=wanderlust${word}`)).json.length === 1, { within: 30000, what: 'it is found' });
        assert.equal(await count('SELECT count(*) FROM chat.import_message'), 0);
    });

    await t.test('files are found again by their content', async () => {
        const content = `treasure ${word}`;
        const sha256 = (text) => crypto.createHash('sha256').update(text).digest('hex');
        const upload = async (to, text = content) => (await t.upload(`/projects/${to}/files`, text, { filename: 'map*.txt' })).json;
        const mine = await upload(project);
        await eventually(async () => (await t.call('GET', `/projects/files/${mine.id}`)).json.status === 'ready', { what: 'the file is ready' });
        const { conversation_id } = await say({ message: 'with a file', file_ids: [mine.id] });
        const out = (await exported(conversation_id)).json;
        assert.deepEqual(out.messages[0].files, [{ filename: 'map*.txt', sha256: sha256(content), bytes: content.length }]);
        assert.match((await exported(conversation_id, 'markdown')).text, /\nFiles: map\\\*\\\.txt\n/);
        const other = await make();
        const without = await load(out, other);
        assert.deepEqual((await messages(without.json.id))[0].file_ids, []);
        await t.call('DELETE', `/conversations/${without.json.id}`);
        const theirs = await upload(other);
        const withFile = await load(out, other);
        assert.deepEqual((await messages(withFile.json.id))[0].file_ids, [theirs.id]);
        const gold = await upload(other, `gold ${word}`);
        const [map] = out.messages[0].files;
        out.messages[0].files = [map, { ...map, sha256: sha256(`gold ${word}`) }, map]; // none stands there twice
        assert.deepEqual((await messages((await load(out, other)).json.id))[0].file_ids, [theirs.id, gold.id]);
    });

    await t.test('what is wrong is named, and nothing stays', async () => {
        const ask = { parent: null, role: 'user', content: 'x' };
        const answer = { parent: 0, role: 'assistant', content: 'y' };
        const many = (changes) => small({ messages: [ask, { ...answer, ...changes }] });
        const sent = (question) => Array.from({ length: 10 }, (_, i) => ({ filename: 'a', sha256: String(question * 10 + i).padStart(64, '0'), bytes: 1 }));
        const asked = Array.from({ length: 202 }, (_, i) => ({ ...(i % 2 ? answer : { ...ask, files: sent(i / 2) }), parent: i ? i - 1 : null }));
        const conversations = async () => (await t.call('GET', `/projects/${project}/conversations?limit=200`)).json.length;
        const before = await conversations();
        for (const [body, status, field] of [
            ['mine', 400, 'file'],
            ['', 400, 'file'],
            ['[]', 400, 'file'],
            [JSON.stringify(small()).slice(0, -1), 400, undefined],
            [`${JSON.stringify(small())}x`, 400, undefined],
            [JSON.stringify(small()).replace('"role":"user"', '"role":"user","role":"user"'), 400, 'messages[0]'],
            [small({ format: 'x' }), 422, 'format'],
            [small({ version: 2 }), 422, 'version'],
            [small({ colour: 'red' }), 422, 'colour'],
            [small({ title: 'x'.repeat(121) }), 422, 'title'],
            [small({ title: 'x'.repeat(5000) }), 422, 'title'],
            [small({ pinned: 1 }), 422, 'pinned'],
            [small({ created_at: '2026-02-30T00:00:00Z' }), 422, 'created_at'],
            [small({ created_at: '9999-12-31T23:59:59Z' }), 422, 'created_at'],
            [small({ messages: [] }), 422, 'messages'],
            [small({ messages: {} }), 422, 'messages'],
            [small({ messages: [ask] }), 422, 'active_leaf'],
            [small({ active_leaf: 0 }), 422, 'active_leaf'],
            [small({ active_leaf: 2 }), 422, 'active_leaf'],
            [small({ messages: [ask, 5] }), 422, 'messages[1]'],
            [small({ messages: [{ ...ask, parent: 0 }] }), 422, 'messages[0].parent'],
            [small({ messages: [{ ...ask, content: 'a\u0000b' }] }), 422, 'messages[0].content'],
            [small({ messages: [{ ...ask, content: '' }] }), 422, 'messages[0].content'],
            [small({ messages: [{ ...ask, content: 'x'.repeat(65537) }] }), 422, 'messages[0].content'],
            [small({ messages: [{ ...ask, status: 'pending' }] }), 422, 'messages[0].status'],
            [small({ messages: [ask, { ...ask, parent: 0 }] }), 422, 'messages[1].parent'],
            [many({ parent: null }), 422, 'messages[1].parent'],
            [many({ parent: 1 }), 422, 'messages[1].parent'],
            [many({ parent: -1 }), 422, 'messages[1].parent'],
            [many({ parent: '0' }), 422, 'messages[1].parent'],
            [many({ role: 'system' }), 422, 'messages[1].role'],
            [many({ role: undefined }), 422, 'messages[1].role'],
            [many({ status: 'running' }), 422, 'messages[1].status'],
            [many({ content: 5 }), 422, 'messages[1].content'],
            [many({ created_at: 'yesterday' }), 422, 'messages[1].created_at'],
            [many({ feedback: { rating: 2 } }), 422, 'messages[1].feedback'],
            [many({ files: [] }), 201],
            [many({ files: [{ filename: 'a', sha256: 'x', bytes: 1 }] }), 422, 'messages[1].files'],
            [small({ messages: asked }), 422, 'messages[200].files'], // more than 1,000 different ones
            [many({ made_with: { model: 5 } }), 422, 'messages[1].made_with'],
            [many({ turn_id: 5 }), 422, 'messages[1].turn_id'],
        ]) {
            const reply = await load(body);
            const what = (typeof body === 'string' ? body : JSON.stringify(body)).slice(0, 200);
            assert.equal(reply.status, status, `${what}: ${reply.text}`);
            if (field !== undefined) assert.equal(reply.json.field, field, `${what}: ${reply.text}`);
        }
        assert.equal(await conversations(), before + 1);
        assert.equal(await count('SELECT count(*) FROM chat.import_message'), 0);
    });

    await t.test('a long conversation goes out and in', async () => {
        const many = 6000;
        const list = [];
        for (let i = 0; i < many; i++) list.push(i % 2 ? { parent: i - 1, role: 'assistant', content: `answer ${i} ${'long '.repeat(100)}` } : { parent: i ? i - 1 : null, role: 'user', content: `question ${i}` });
        const text = JSON.stringify(small({ messages: list }));
        assert.ok(text.length > 2 * 262144);
        const reply = await load(text, project, { timeout: 60000 });
        assert.equal(reply.status, 201, reply.text);
        const out = await t.call('GET', `/conversations/${reply.json.id}/export?format=json`, { timeout: 60000 });
        assert.equal(out.status, 200, out.text);
        assert.equal(out.json.messages.length, many);
        assert.deepEqual(out.json.messages.map((m) => [m.parent, m.role, m.content]), list.map((m) => [m.parent, m.role, m.content]));
        assert.equal(out.json.active_leaf, many - 1);
        const md = await t.call('GET', `/conversations/${reply.json.id}/export?format=markdown`, { timeout: 60000 });
        assert.equal(md.status, 200, md.text);
        assert.equal(md.text.match(/^## /gm).length, many);
    });

    await t.test('strangers find nothing', async () => {
        await t.as('bob');
        for (const format of ['json', 'markdown']) assert.equal((await exported(conversation, format)).status, 404);
        assert.equal((await load(file)).status, 404);
        assert.equal((await load('rubbish')).status, 404);
        await t.as('alice');
        assert.equal((await exported(conversation, 'pdf')).json.field, 'format');
    });
}
