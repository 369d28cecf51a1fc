// What others do to a platform: a provider that crawls or is dead, a mail server that is away.  Errors
// are clear, nobody else waits, what was acknowledged is kept, and all goes on by itself.
import assert from 'node:assert/strict';
import { eventually, request, sleep } from '../harness/http.mjs';
import { MailServer } from '../harness/mail.mjs';
import { select } from '../harness/database.mjs';
import { Memory } from '../harness/sse.mjs';
import { freePorts } from '../harness/stack.mjs';

const [mailPort] = await freePorts(1);

export const stack = {
    own: true,
    direct: true,
    settings: {
        UPSTREAM_TRIES: '2',
        MAIL_URL: `smtp://127.0.0.1:${mailPort}`,
        MAIL_FROM: 'no-reply@example.com',
        PUBLIC_URL: 'https://chat.example.com/',
    },
};

// A byte each ms, from the status line on: a piece of text comes about four times a second.
const CRAWL = 'n-2000+slow_byte_ms=1';

export default async function (t) {
    t.expectLog(/event=(upstream_\w+|mail_failed|copy_failed|turn_end|sweep_failed)/);
    await t.as('bob');
    const plain = (await t.call('POST', '/projects', { body: { name: 'plain' } })).json.id;
    const bobs = t.client.who;
    await t.as('alice');
    const project = (await t.call('POST', '/projects', { body: { name: 'crawls', model: CRAWL } })).json.id;
    const model = (name) => t.call('PUT', `/projects/${project}`, { body: { model: name } });
    const body = (message, more) => ({ project_id: project, message, ...more });
    const chat = (message, more) => t.call('POST', '/chat', { body: body(message, more) });
    const follow = (message) => t.events('POST', '/chat', { body: body(message, { stream: true }), memory: new Memory() });
    const turnOf = (stream) => stream.memory.of('accepted')[0].turn_id;
    const turn = async (id) => (await t.call('GET', `/chat/turns/${id}`)).json;
    const outcome = async (message) => (await request(t.stack.providerPort, { path: '/_/calls' })).json.calls.findLast((c) => c.last === message)?.outcome;
    const failed = async (reply, status, code, advice) => {
        assert.deepEqual([reply.status, reply.json.code], [status, code], reply.text);
        const { state, error } = await turn(reply.json.turn_id);
        assert.deepEqual([state, error.code, error.retryable], ['failed', code, true]);
        assert.match(error.detail, advice);
        assert.equal(reply.json.detail, error.detail);
    };

    await t.test('while answers crawl everybody else is served', async () => {
        const crawling = await Promise.all(['one', 'two', 'three', 'four'].map(follow));
        await Promise.all(crawling.map((stream) => stream.seen('delta')));
        for (let i = 0; i < 10; i++) {
            const begun = Date.now();
            const reply = await t.call('POST', '/chat', { token: bobs.token, body: { project_id: plain, message: `quick ${i}` } });
            assert.deepEqual([reply.status, reply.json.reply], [200, `quick ${i}`]);
            assert.ok(Date.now() - begun < 3000, `${Date.now() - begun} ms`);
        }
        assert.equal((await t.call('GET', '/health', { token: null })).status, 200);

        const ids = crawling.map(turnOf);
        for (const id of ids) assert.equal((await t.call('POST', `/chat/turns/${id}/cancel`)).status, 202);
        for (const [i, id] of ids.entries()) {
            await crawling[i].seen('cancelled');
            const { state, text } = await turn(id);
            assert.equal(state, 'cancelled');
            assert.ok(text.length > 0 && text === crawling[i].memory.text, 'what was told is kept');
            const message = ['one', 'two', 'three', 'four'][i];
            await eventually(async () => (await outcome(message)) === 'client_closed', { within: 5000, what: `the call of ${message} is closed` });
        }
    });

    await t.test('a crawl that is too slow ends with a word on which limit, and keeps its text', async () => {
        await t.stack.reload('chatd-1', { TIMEOUT_TURN: 4 });
        await failed(await chat('too long'), 504, 'timeout_total', /shorter/);
        const id = (await select(t.stack, 'SELECT max(id) AS id FROM chat.turn'))[0].id;
        assert.ok((await turn(id)).text.length > 0, 'the text is kept');
        await model('echo+slow_byte_ms=60');
        await t.stack.reload('chatd-1', { TIMEOUT_FIRST_TOKEN: 1 });
        await failed(await chat('no word'), 504, 'timeout_first_token', /faster/);
        await t.stack.reload('chatd-1', {});
    });

    let waiting, file;
    await t.test('a dead provider: answers under way keep their text, others fail clearly', async () => {
        await model('n-200x50');
        const stream = await follow('cut off');
        await stream.seen('delta');
        await t.stack.unprovide();
        await stream.seen('failed');
        const cut = await turn(turnOf(stream));
        assert.deepEqual([cut.state, cut.error.code, cut.error.retryable], ['failed', 'upstream_cut', true]);
        assert.equal(cut.text, stream.memory.text);
        await model('echo');
        await failed(await chat('nobody there'), 504, 'timeout_connect', /OPENAI_BASE_URL/);
        file = (await t.upload(`/projects/${project}/files`, Buffer.from('kept meanwhile'), { filename: 'kept.txt' })).json.id;
        assert.equal((await t.call('GET', '/health', { token: null })).status, 200, 'the platform itself is well');
        waiting = chat('asked before it is back');
    });

    await t.test('and all goes on by itself when it is back', async () => {
        await t.stack.provide();
        const reply = await waiting; // was tried again
        assert.deepEqual([reply.status, reply.json?.reply], [200, 'asked before it is back'], reply.text);
        const conversation = (await turn(reply.json.turn_id)).conversation_id;
        assert.equal((await chat('goes on', { conversation_id: conversation })).json.reply, 'goes on');
        await eventually(async () => (await t.call('GET', `/projects/files/${file}`)).json.status === 'ready', { within: 15000, what: 'the copy of the file' });
    });

    await t.test('a mail server that is away: each mail arrives once when it is back', async () => {
        const people = [];
        for (const name of ['carol', 'dave', 'erin', 'frank']) {
            await t.as(name);
            people.push(t.client.who.email);
        }
        for (const email of people) assert.equal((await t.call('POST', '/users/password/reset', { body: { email }, token: null })).status, 202);
        const rows = async () => (await select(t.stack, "SELECT tries, error FROM auth.mail WHERE sent_at IS NULL AND parked_at IS NULL"));
        await eventually(async () => (await rows()).filter((row) => row.error).length > 0, { what: 'it was tried' });
        assert.equal((await rows()).length, people.length, 'all wait');
        const server = new MailServer();
        server.port = mailPort;
        await server.start();
        try {
            await eventually(() => server.mails.length >= people.length, { within: 30000, what: 'the mails' });
            await sleep(300);
            assert.deepEqual(server.envelopes.flatMap(({ to }) => to).sort(), people.sort());
            assert.equal((await rows()).length, 0);
        } finally {
            await server.stop();
        }
    });
}
