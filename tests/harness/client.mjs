// What a test does to a stack: people with accounts who send requests.  Every reply is checked
// against the OpenAPI document and the rules for problem documents; every secret is remembered.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { request } from './http.mjs';
import { Events } from './sse.mjs';

// What all tests of a run share.
export class World {
    constructor() {
        this.contract = undefined; // set once a stack runs
        this.hit = new Set(); // ids of operations that a case has used with success
        this.secrets = new Set(); // must not appear in any log
        this.words = new Set(); // parts of e-mail addresses and messages: neither
    }
}

export class Client {
    constructor(world, stack) {
        this.world = world;
        this.stack = stack;
        this.nonce = `q${crypto.randomBytes(5).toString('hex')}`;
        world.words.add(this.nonce);
        this.people = new Map();
        this.who = undefined;
    }

    // Becomes somebody; makes the account and logs in on first use.  'nobody' has no token.
    async as(name) {
        if (name !== 'nobody' && !this.people.has(name)) {
            const email = `${name}.${this.nonce}@example.com`;
            const password = `Pass-${this.nonce}-${name}-1`;
            this.who = undefined;
            const made = await this.call('POST', '/users/register', { body: { email, password } });
            assert.equal(made.status, 201, `register ${name}: ${made.text}`);
            this.people.set(name, { name, email, password, id: made.json.id });
            await this.login(name);
        }
        this.who = name === 'nobody' ? undefined : this.people.get(name);
        return this.who;
    }

    // A fresh token for somebody.
    async login(name, port) {
        const person = this.people.get(name);
        const { email, password } = person;
        this.who = undefined;
        const reply = await this.call('POST', '/users/login', { body: { email, password }, port });
        assert.equal(reply.status, 200, `login ${name}: ${reply.text}`);
        person.token = reply.json.access_token;
        this.who = person;
        return person.token;
    }

    // Sends a request as whoever this is, and checks the reply's form.
    // options: body, headers, token (null: none), port, timeout, form (false: unchecked).
    async call(method, path, options = {}) {
        const { port = this.stack.port, body, headers, timeout, form = true } = options;
        const token = options.token === undefined ? this.who?.token : options.token;
        this.#remember(token, body);
        const reply = await request(port, { method, path, headers, body, token, timeout });
        const op = reply.status < 300 && this.world.contract?.find(method, path);
        if (op) this.world.hit.add(op.id);
        this.#remember(undefined, reply.json);
        for (const line of reply.headers['set-cookie'] ?? []) this.#remember(/=([^;]*)/.exec(line)[1]);
        if (form) this.check(method, path, reply);
        return reply;
    }

    // POST of a form with one file, as browsers send it.
    // options: filename, headers, token, port, timeout, form as in call().
    async upload(path, content, { filename = 'file.txt', headers = {}, ...options } = {}) {
        const boundary = `----part${crypto.randomBytes(12).toString('hex')}`;
        const name = filename.replace(/"/g, '%22').replace(/\r/g, '%0D').replace(/\n/g, '%0A');
        const head = `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="${name}"\r\nContent-Type: text/plain\r\n\r\n`;
        const body = Buffer.concat([Buffer.from(head), Buffer.from(content), Buffer.from(`\r\n--${boundary}--\r\n`)]);
        return this.call('POST', path, { ...options, body, headers: { 'Content-Type': `multipart/form-data; boundary=${boundary}`, ...headers } });
    }

    // Opens a stream of events as whoever this is, and waits for its head.
    // options: body, headers, memory, cut (sse.mjs), port, token as in call().
    async events(method, path, options = {}) {
        const { port = this.stack.port, ...rest } = options;
        const token = options.token === undefined ? this.who?.token : options.token;
        this.#remember(token, options.body);
        const stream = await new Events(port, { method, path, ...rest, token }).opened;
        const op = stream.status < 300 && this.world.contract?.find(method, path);
        if (op) this.world.hit.add(op.id);
        if (stream.isStream) this.check(method, path, { status: stream.status, headers: stream.headers, text: '' });
        else this.check(method, path, stream.reply);
        return stream;
    }

    // The reply keeps to the document; an error is a problem document.
    check(method, path, reply) {
        if (method === 'HEAD' || method === 'OPTIONS') return;
        const problems = this.world.contract?.check(method, path, reply) ?? [];
        assert.ok(!problems.length, `${method} ${path} -> ${reply.status} ${reply.text.slice(0, 300)}\n${problems.join('\n')}`);
        assert.match(reply.headers['x-request-id'] ?? '', /^[A-Za-z0-9._-]{1,64}$/, `${method} ${path}: X-Request-Id`);
        if (this.world.contract ? this.world.contract.isProblem(method, path, reply.status) : reply.status >= 400) problem(reply, `${method} ${path}`);
    }

    #remember(token, json) {
        const secret = (text) => new Set(text).size > 3 && this.world.secrets.add(text); // xxx... is anything else, too
        if (token && token.length > 20) secret(token);
        if (typeof json === 'string') json = parsed(json);
        if (!json || typeof json !== 'object' || Buffer.isBuffer(json)) return;
        for (const [key, value] of Object.entries(json))
            if (/password|^token$|_token$|^key$/.test(key) && typeof value === 'string' && value.length >= 12) secret(value);
    }
}

function parsed(text) {
    try {
        return JSON.parse(text);
    } catch {
        return undefined;
    }
}

// RFC 9457 as the platform writes it.
export function problem(reply, what) {
    assert.match(reply.headers['content-type'] ?? '', /^application\/problem\+json/, `${what}: ${reply.status} ${reply.text.slice(0, 200)}`);
    const p = reply.json;
    assert.equal(p.type, 'about:blank', what);
    assert.equal(p.status, reply.status, what);
    for (const name of ['title', 'detail', 'code', 'request_id']) assert.equal(typeof p[name], 'string', `${what}: ${name}`);
    assert.match(p.code, /^[a-z_]+$/, what);
    assert.equal(p.request_id, reply.headers['x-request-id'], `${what}: request_id`);
    if (reply.status === 401) assert.match(reply.headers['www-authenticate'] ?? '', /^Bearer/, `${what}: WWW-Authenticate`);
    if (reply.status === 429) assert.match(reply.headers['retry-after'] ?? '', /^\d+$/, `${what}: Retry-After`);
}
