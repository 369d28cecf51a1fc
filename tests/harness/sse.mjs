// Server-sent events, read strictly: every line must be one that the platform writes, and every id
// must say how much of the text has come.
import assert from 'node:assert/strict';
import http from 'node:http';
import { eventually } from './http.mjs';

const ATTEMPT = 2 ** 32; // one attempt in an id
const LAST = ['completed', 'failed', 'cancelled'];

export const attemptOf = (id) => Math.floor(id / ATTEMPT);
export const bytesOf = (id) => id % ATTEMPT;

// What a client remembers of a turn over several connections.
export class Memory {
    constructor() {
        this.id = undefined; // of the last event
        this.attempt = 0;
        this.text = '';
        this.events = []; // {name, id, data} of all connections
        this.last = undefined; // the terminal event
        this.restarts = 0;
    }

    // One event of a turn.  Text may neither repeat nor have a gap.
    take({ name, id, data }) {
        assert.equal(typeof id, 'number', `${name} has no id`);
        assert.ok(!this.last, `${name} behind ${this.last?.name}`);
        if (name === 'restarted') {
            assert.ok(data.attempt !== this.attempt, 'restarted without another attempt');
            this.restarts++;
            this.text = '';
        }
        if (name === 'restarted' || name === 'started') this.attempt = data.attempt;
        if (name === 'delta') {
            assert.ok(data.text.length, 'an empty delta');
            this.text += data.text;
        }
        const place = this.attempt * ATTEMPT + Buffer.byteLength(this.text);
        if (name !== 'accepted') assert.equal(id, LAST.includes(name) ? place + 1 : place, `id of ${name}`);
        if (LAST.includes(name)) this.last = { name, id, data };
        this.id = id;
        this.events.push({ name, id, data });
    }

    names() {
        return this.events.map((e) => e.name);
    }

    of(name) {
        return this.events.filter((e) => e.name === name).map((e) => e.data);
    }
}

// One connection.  Read `status` after opened; for anything but events, `reply` is the whole answer.
export class Events {
    // memory: a Memory that goes on; undefined: plain events (not of a turn) are kept in `all`.
    constructor(port, { method = 'GET', path, headers = {}, body, token, memory, cut }) {
        Object.assign(this, { memory, all: [], comments: 0, ended: false, bytes: 0, cut, rest: '' });
        const send = { Accept: 'text/event-stream', ...headers };
        if (token) send.Authorization = `Bearer ${token}`;
        const text = body === undefined ? undefined : JSON.stringify(body);
        if (text !== undefined) Object.assign(send, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) });
        this.opened = new Promise((resolve, reject) => {
            this.request = http.request({ host: '127.0.0.1', port, method, path, headers: send, agent: false }, (res) => this.#answered(res, resolve));
            this.request.on('error', (e) => {
                this.ended = true;
                reject(e);
            });
            this.request.end(text);
        });
        this.opened.catch(() => {});
    }

    #answered(res, resolve) {
        this.response = res;
        this.status = res.statusCode;
        this.headers = res.headers;
        this.isStream = res.headers['content-type'] === 'text/event-stream';
        const chunks = [];
        const done = () => {
            this.ended = true;
            const text = Buffer.concat(chunks).toString('utf8');
            this.reply = { status: this.status, headers: this.headers, text };
            if (res.complete && /json/.test(this.headers['content-type'] ?? '') && text) this.reply.json = JSON.parse(text);
            resolve(this);
        };
        res.on('data', (chunk) => {
            if (!this.isStream) chunks.push(chunk);
            else this.#read(chunk);
        });
        res.on('end', done);
        res.on('error', done);
        res.on('close', done);
        if (this.isStream) {
            res.setMaxListeners(0);
            resolve(this);
        }
    }

    // cut: bytes after which the connection is thrown away, wherever they end.
    #read(chunk) {
        if (this.ended || this.failure) return;
        if (this.cut !== undefined && this.bytes + chunk.length >= this.cut) {
            chunk = chunk.subarray(0, this.cut - this.bytes);
            this.close();
        }
        this.bytes += chunk.length;
        this.rest = Buffer.concat([Buffer.from(this.rest, 'latin1'), chunk]).toString('latin1');
        try {
            for (let end = this.rest.indexOf('\n\n'); end >= 0; end = this.rest.indexOf('\n\n')) {
                const block = Buffer.from(this.rest.slice(0, end), 'latin1').toString('utf8');
                this.rest = this.rest.slice(end + 2);
                this.#block(block);
            }
        } catch (e) {
            this.failure = e;
            this.close();
        }
    }

    #block(block) {
        if (block === ':') return void this.comments++;
        if (/^retry: \d+$/.test(block)) return;
        const found = /^(?:id: (\d+)\n)?event: ([a-z_]+)\ndata: (.*)$/.exec(block);
        assert.ok(found, `not an event: ${JSON.stringify(block)}`);
        const [, id, name, data] = found;
        const event = { name, id: id === undefined ? undefined : Number(id), data: JSON.parse(data) };
        this.all.push(event);
        this.memory?.take(event);
    }

    // Waits until check(this) is true; fails when the stream is wrong, or ends before.
    async until(check, { within = 30000, what = 'event' } = {}) {
        await eventually(() => this.failure || check(this) || this.ended, { within, every: 10, what });
        if (this.failure) throw this.failure;
        assert.ok(check(this), `the stream ended before: ${what}; got ${this.all.map((e) => e.name)}`);
        return this;
    }

    // Waits for the first event of that name on this connection and returns its data.
    async seen(name, options = {}) {
        await this.until(() => this.all.some((e) => e.name === name), { what: name, ...options });
        return this.all.find((e) => e.name === name).data;
    }

    // Waits until the peer has closed.
    async over({ within = 30000 } = {}) {
        await eventually(() => this.ended, { within, every: 10, what: 'the end of the stream' });
        if (this.failure) throw this.failure;
        return this;
    }

    close() {
        this.ended = true;
        this.request.destroy();
    }
}
