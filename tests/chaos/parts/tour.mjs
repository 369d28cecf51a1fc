// What people do, in small steps that can be repeated: each makes what it needs, insists on every
// answer, and looks whether what it was told is so.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { sleep } from '../../harness/http.mjs';
import { Follower } from './follower.mjs';

const PATIENCE = 45000; // ms, but for who has another one, after which a platform does not serve by itself

// Somebody who asks until there is an answer, and keeps what failed on the way.
export class Visitor {
    constructor(client) {
        // mayBreak: whether connections may break, as the gateway may die
        Object.assign(this, { client, refused: [], word: '', mayBreak: false, patience: PATIENCE });
    }

    // options: body, key (false: without one), want: statuses, headers, token, file: {name, content}
    async ask(method, path, { want = [200], key = method !== 'GET', file, headers = {}, ...options } = {}) {
        const send = key ? { ...headers, 'Idempotency-Key': crypto.randomUUID() } : headers;
        for (const end = Date.now() + this.patience; ; await sleep(60)) {
            const all = { ...options, headers: send, timeout: this.patience };
            const sent = file ? this.client.upload(path, file.content, { ...all, filename: file.name }) : this.client.call(method, path, all);
            const reply = await (this.mayBreak ? sent.catch(broken) : sent);
            if (want.includes(reply.status)) return reply;
            this.#refuse(`${method} ${path}`, reply, end);
        }
    }

    // An honest refusal is one of ours, for now.
    #refuse(what, { status, json, headers, text }, end) {
        const honest = status >= 500 || (status === 0 && this.mayBreak) || (status === 409 && json?.code === 'in_flight');
        assert.ok(honest, `${what}: ${status} ${text?.slice(0, 300)}`);
        this.refused.push({ what, status, code: json?.code, id: headers['x-request-id'] });
        assert.ok(Date.now() < end, `${what}: still ${status} ${json?.code} after ${this.patience / 1000} s`);
    }

    // Reads a turn's events from its beginning to its end, over as many connections as that takes.
    async follow(body) {
        const follower = new Follower();
        const key = crypto.randomUUID();
        for (const end = Date.now() + this.patience; !follower.last; await sleep(40)) {
            const again = { path: `/chat/turns/${follower.turn}/events`, headers: { 'Last-Event-ID': String(follower.id) } };
            const first = { method: 'POST', path: '/chat', headers: { 'Idempotency-Key': key }, body: { ...body, stream: true } };
            const got = await follower.connect(this.client.stack.port, { ...(follower.turn ? again : first), token: this.client.who.token });
            assert.equal(got.wrong, undefined);
            if (got.status === 0) assert.ok(this.mayBreak, `POST /chat: ${got.why}`);
            if (got.status >= 400) this.#refuse('POST /chat', { status: got.status, json: got.json, headers: { 'x-request-id': got.json?.request_id }, text: JSON.stringify(got.json) }, end);
            assert.ok(Date.now() < end, 'the stream does not end');
        }
        return follower;
    }

    async until(check, what) {
        for (const end = Date.now() + this.patience; ; await sleep(50)) {
            const got = await check();
            if (got) return got;
            assert.ok(Date.now() < end, `${what} within ${this.patience / 1000} s`);
        }
    }

    async project() {
        return (await this.ask('POST', '/projects', { body: { name: this.word }, want: [201] })).json.id;
    }

    // A log-in is no matter for repeats with a key.
    async logIn(email, password) {
        return (await this.ask('POST', '/users/login', { body: { email, password }, key: false, token: null })).json;
    }

    async stranger() {
        const email = `${this.word}@example.com`;
        const password = `Pass-${this.word}-1`;
        const made = (await this.ask('POST', '/users/register', { body: { email, password }, want: [201], token: null })).json;
        return { ...made, password };
    }
}

// A request without a reply.
function broken(e) {
    if (e.code === 'ERR_ASSERTION') throw e;
    return { status: 0, text: e.message, headers: {}, json: {} };
}

const once = (list, test, what) => assert.equal(list.filter(test).length, 1, what);

// Each has a new word of its own (v.word), and alice's token.
export const STEPS = {
    async accounts(v) {
        const { email, password, id } = await v.stranger();
        const { access_token: token } = await v.logIn(email, password);
        assert.equal((await v.ask('GET', '/users/me', { token })).json.id, id);
        await v.ask('PUT', '/users/me', { token, body: { name: v.word } });
        assert.equal((await v.ask('GET', '/users/me', { token })).json.name, v.word);
        const other = `Other-${v.word}-2`;
        await v.ask('PUT', '/users/me/password', { token, body: { old_password: password, new_password: other }, want: [204] });
        const now = await v.logIn(email, other);
        await v.ask('POST', '/users/password/reset', { body: { email }, token: null, want: [202] });
        await v.ask('DELETE', '/users/me', { token: now.access_token, body: { password: other }, want: [202] });
        await v.ask('GET', '/users/me', { token: now.access_token, want: [401] });
    },
    async sessions(v) {
        const { email, password } = await v.stranger();
        const first = await v.logIn(email, password);
        // a token whose answer was lost may be spent: that ends the session, and nothing else
        const next = await v.ask('POST', '/users/refresh', { body: { refresh_token: first.refresh_token }, key: false, token: null, want: [200, 401] });
        const token = next.json.access_token ?? (await v.logIn(email, password)).access_token;
        assert.ok((await v.ask('GET', '/users/me/sessions', { token })).json.some((s) => s.current));
        await v.ask('POST', '/users/logout', { token, want: [204, 401], key: false });
        await v.until(async () => (await v.ask('GET', '/users/me', { token, want: [200, 401] })).status === 401, 'the session has ended');
    },
    async keys(v) {
        // what it answers is told once: 409 says that it was made
        await v.ask('POST', '/users/me/keys', { body: { name: v.word, scopes: 'read' }, want: [201, 409] });
        const list = (await v.ask('GET', '/users/me/keys')).json;
        once(list, (k) => k.name === v.word, 'one key');
        await v.ask('DELETE', `/users/me/keys/${list.find((k) => k.name === v.word).id}`, { want: [204] });
    },
    async projects(v) {
        const id = await v.project();
        once((await v.ask('GET', '/projects?limit=200')).json, (p) => p.name === v.word, 'one project');
        await v.ask('PUT', `/projects/${id}`, { body: { name: `${v.word} new` } });
        const prompts = `/projects/${id}/prompts`;
        const prompt = (await v.ask('POST', prompts, { body: { name: v.word, content: 'one' }, want: [201] })).json.id;
        await v.ask('PUT', `/projects/prompts/${prompt}`, { body: { content: 'two' } });
        const [only, ...more] = (await v.ask('GET', prompts)).json;
        assert.deepEqual([only.content, only.version, more.length], ['two', 2, 0]);
        await v.ask('DELETE', `/projects/prompts/${prompt}`, { want: [204] });
        await v.ask('DELETE', `/projects/${id}`, { want: [204] });
        await v.ask('GET', `/projects/${id}`, { want: [404] });
    },
    async chat(v) {
        const project = await v.project();
        const one = (await v.ask('POST', '/chat', { body: { project_id: project, message: v.word } })).json;
        assert.equal(one.reply, v.word);
        const turn = (await v.ask('GET', `/chat/turns/${one.turn_id}`)).json;
        assert.deepEqual([turn.text, turn.state], [v.word, 'completed']);
        const other = (await v.ask('POST', '/chat', { body: { project_id: project, conversation_id: one.conversation_id, message: 'more' } })).json;
        assert.equal(other.reply, 'more');
        const messages = (await v.ask('GET', `/conversations/${one.conversation_id}/messages?order=asc`)).json;
        assert.deepEqual(messages.map((m) => m.content), [v.word, v.word, 'more', 'more']);
        assert.equal((await v.ask('GET', `/projects/${project}/usage`)).json.reduce((sum, day) => sum + day.turns, 0), 2);
    },
    async stream(v) {
        const project = await v.project();
        const text = `${v.word} ${'words and '.repeat(20)}`;
        const seen = await v.follow({ project_id: project, message: text });
        // its answer may break off at the provider: then that is said, and what came is kept
        if (seen.last.name === 'failed') assert.match(seen.last.data.code, /^(upstream_cut|internal)$/);
        else assert.deepEqual([seen.last.name, seen.text], ['completed', text]);
        assert.equal((await v.ask('GET', `/chat/turns/${seen.turn}`)).json.text, seen.text);
    },
    async stop(v) {
        const project = (await v.ask('POST', '/projects', { body: { name: v.word, model: `echo.${v.word}+delay_ms=2000` }, want: [201] })).json.id;
        const asked = v.ask('POST', '/chat', { body: { project_id: project, message: v.word }, want: [200, 409] });
        const talk = await v.until(async () => (await v.ask('GET', `/projects/${project}/conversations`)).json.find((c) => c.active_turn), 'the turn is there');
        await v.ask('POST', `/chat/turns/${talk.active_turn}/cancel`, { want: [200, 202] });
        const turn = await v.until(async () => [(await v.ask('GET', `/chat/turns/${talk.active_turn}`)).json].find((t) => t.finished_at), 'the turn has ended');
        assert.match(turn.state, /^(cancelled|completed)$/);
        await asked;
    },
    async conversations(v) {
        const project = await v.project();
        const { conversation_id: id, message_id: message } = (await v.ask('POST', '/chat', { body: { project_id: project, message: v.word } })).json;
        await v.ask('PUT', `/conversations/${id}`, { body: { title: v.word, pinned: true } });
        assert.equal((await v.ask('POST', `/messages/${message}/regenerate`)).json.reply, v.word);
        await v.ask('PUT', `/messages/${message}/feedback`, { body: { rating: 1, note: v.word } });
        await v.until(async () => (await v.ask('GET', `/search?q=${v.word}`)).json.length, 'it is found');
        const file = (await v.ask('GET', `/conversations/${id}/export?format=json`)).text;
        const there = (await v.ask('POST', `/projects/${project}/conversations/import`, { file: { name: 'a.json', content: file.replace(v.word, `${v.word}-2`) }, want: [201] })).json;
        const list = (await v.ask('GET', `/projects/${project}/conversations`)).json;
        assert.deepEqual(list.map((c) => c.id).sort(), [id, there.id].sort());
        await v.ask('DELETE', `/conversations/${id}`, { want: [204] });
        await v.ask('GET', `/conversations/${id}`, { want: [404] });
        assert.match((await v.ask('GET', `/conversations/${there.id}/export`)).text, new RegExp(v.word));
    },
    async files(v) {
        const project = await v.project();
        const content = `${v.word} `.repeat(3000);
        const file = (await v.ask('POST', `/projects/${project}/files`, { file: { name: `${v.word}.txt`, content }, want: [201] })).json;
        const list = (await v.ask('GET', `/projects/${project}/files`)).json;
        once(list, () => true, 'one file');
        const state = await v.until(async () => [(await v.ask('GET', `/projects/files/${file.id}`)).json].find((f) => /ready|failed/.test(f.status)), 'the file is copied');
        assert.equal(state.status, 'ready');
        assert.equal((await v.ask('GET', `/projects/files/${file.id}/content`)).text, content);
        const reply = (await v.ask('POST', '/chat', { body: { project_id: project, message: v.word, file_ids: [file.id] } })).json;
        assert.ok(reply.reply.endsWith(v.word), reply.reply);
        await v.ask('DELETE', `/projects/files/${file.id}`, { want: [204] });
        await v.ask('GET', `/projects/files/${file.id}/content`, { want: [404] });
    },
    async archives(v) {
        const { email, password } = await v.stranger();
        const { access_token: token } = await v.logIn(email, password);
        await v.ask('POST', '/projects', { token, body: { name: v.word }, want: [201] });
        const { id } = (await v.ask('POST', '/users/me/exports', { token, want: [202] })).json;
        const made = await v.until(async () => [(await v.ask('GET', `/users/me/exports/${id}`, { token })).json].find((e) => /ready|failed/.test(e.state)), 'the archive is ready');
        assert.equal(made.state, 'ready');
        assert.match((await v.ask('GET', `/users/me/exports/${id}/content`, { token })).text, new RegExp(v.word));
        const { receipt } = (await v.ask('DELETE', '/users/me', { token, body: { password }, want: [202] })).json;
        await v.until(async () => (await v.ask('GET', `/users/erasures/${receipt}`, { token: null })).json.state === 'erased', 'the account is erased');
    },
    async looks(v) {
        for (const path of ['/projects', '/search?q=nothing', '/models', '/users/me', '/users/me/audit', '/users/me/security', '/health/live', '/openapi.json']) await v.ask('GET', path);
        await v.until(async () => (await v.ask('GET', '/health', { want: [200, 503] })).json.status === 'healthy', 'healthy');
    },
};
