// HTTP as the tests speak it: one request, one reply, every exchange reported to an observer.
import http from 'node:http';
import net from 'node:net';

// Sends one request on a connection of its own.
// body: string, Buffer or a value that is sent as JSON.  Headers win over what is made up here.
// Resolves to {status, headers, rawHeaders, bytes, text, json}; json is undefined for other content.
export function request(port, { host = '127.0.0.1', method = 'GET', path, headers = {}, body, token, timeout = 60000 }) {
    const send = { ...headers };
    const has = (name) => Object.keys(send).some((h) => h.toLowerCase() === name);
    if (token && !has('authorization')) send.Authorization = `Bearer ${token}`;
    if (body !== undefined && typeof body !== 'string' && !Buffer.isBuffer(body))
        body = JSON.stringify(body);
    if (body !== undefined) {
        if (!has('content-type')) send['Content-Type'] = 'application/json';
        if (!has('content-length')) send['Content-Length'] = Buffer.byteLength(body);
    }
    return new Promise((resolve, reject) => {
        const req = http.request(
            { host, port, method, path, headers: send, agent: false, timeout },
            (res) => {
                const chunks = [];
                res.on('data', (c) => chunks.push(c));
                res.on('error', reject);
                res.on('aborted', () => reject(new Error(`${method} ${path}: the reply broke off`)));
                res.on('end', () => resolve(reply(res, Buffer.concat(chunks))));
            },
        );
        // Timers come before replies that have arrived while this process was kept busy: look at these first.
        req.on('timeout', () => setTimeout(() => req.destroy(new Error(`${method} ${path}: no reply in ${timeout} ms`)), 1000));
        req.on('error', reject);
        req.end(body);
    });
}

function reply(res, bytes) {
    const { statusCode: status, headers, rawHeaders } = res;
    const text = bytes.toString('utf8');
    const made = { status, headers, rawHeaders, bytes, text };
    if (/^application\/(problem\+)?json\b/.test(headers['content-type'] ?? '') && text)
        made.json = JSON.parse(text);
    return made;
}

// A raw connection, for requests that no client would send.
export class Raw {
    constructor(port, { allowHalfOpen = true, host = '127.0.0.1' } = {}) {
        this.received = Buffer.alloc(0);
        this.ended = false;
        this.socket = net.connect({ port, host, allowHalfOpen });
        this.socket.on('data', (c) => (this.received = Buffer.concat([this.received, c])));
        this.socket.on('error', (e) => ((this.error = e), (this.ended = true)));
        this.socket.on('end', () => (this.ended = true));
        this.socket.on('close', () => (this.ended = true));
        this.opened = new Promise((resolve, reject) => {
            this.socket.once('connect', resolve);
            this.socket.once('error', reject);
        });
    }

    async send(bytes) {
        await this.opened;
        this.socket.write(bytes);
    }

    // Waits until check(text) is true, the peer closes, or the time is up; returns all text so far.
    async until(check, ms = 10000) {
        const end = Date.now() + ms;
        while (!check(this.text()) && !this.ended && Date.now() < end) await sleep(5);
        return this.text();
    }

    // The reply's head and body by Content-Length; status 0 when the peer closed without one.
    async reply(ms = 10000) {
        const text = await this.until((t) => whole(t) > 0, ms);
        const end = whole(text);
        const head = text.slice(0, text.indexOf('\r\n\r\n'));
        this.received = this.received.subarray(end > 0 ? end : this.received.length);
        const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(head)?.[1] ?? 0);
        const body = text.slice(head.length + 4, end);
        const headers = Object.fromEntries(
            head.split('\r\n').slice(1).map((l) => [l.split(':')[0].toLowerCase(), l.slice(l.indexOf(':') + 1).trim()]),
        );
        let json;
        if (/json/.test(headers['content-type'] ?? '') && body) json = JSON.parse(body);
        return { status, headers, text: body, json, head };
    }

    // Whether the peer closed the connection within the time.
    async closed(ms = 10000) {
        await this.until(() => false, ms);
        return this.ended;
    }

    text() {
        return this.received.toString('latin1');
    }

    close() {
        this.socket.destroy();
    }
}

// Length of the first whole reply in the text, or 0.
function whole(text) {
    const head = text.indexOf('\r\n\r\n');
    if (head < 0) return 0;
    if (/^HTTP\/1\.1 1\d\d/.test(text)) return head + 4;
    const length = /\r\ncontent-length: *(\d+)/i.exec(text.slice(0, head + 2));
    const end = head + 4 + Number(length?.[1] ?? 0);
    return text.length >= end ? end : 0;
}

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// Tries until fn() returns something true (then returns it) or throws the last error.
export async function eventually(fn, { within = 30000, every = 50, what = 'condition' } = {}) {
    const end = Date.now() + within;
    for (;;) {
        let failure;
        try {
            const got = await fn();
            if (got) return got;
        } catch (e) {
            failure = e;
        }
        if (Date.now() > end) throw failure ?? new Error(`${what}: not within ${within} ms`);
        await sleep(every);
    }
}
