// The mails of a stack: a real SMTP server that takes, refuses and delays as it is told, and the
// files that a stack without one writes.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { SMTPServer } from 'smtp-server';
import { eventually, sleep } from './http.mjs';

// A mail as text -> {from, to, subject, text, html, link}.
export function readMail(raw) {
    const [head, ...rest] = raw.split('\r\n\r\n');
    const headers = Object.fromEntries(head.replace(/\r\n /g, ' ').split('\r\n').map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 2)]));
    const boundary = /boundary="([^"]+)"/.exec(headers['content-type'])[1];
    const parts = rest.join('\r\n\r\n').split(`--${boundary}`).slice(1, -1).map((part) => {
        const at = part.indexOf('\r\n\r\n');
        const body = part.slice(at + 4);
        return part.slice(0, at).includes('quoted-printable') ? quotedPrintable(body) : body;
    });
    const subject = headers.subject.replace(/=\?UTF-8\?B\?([^?]*)\?=\s*/g, (_, b) => Buffer.from(b, 'base64').toString());
    return { headers, subject, to: headers.to, from: headers.from, text: parts[0], html: parts[1], link: /^https?:\/\/\S+$/m.exec(parts[0])?.[0] };
}

const quotedPrintable = (s) => Buffer.from(s.replace(/=\r\n/g, '').replace(/=([0-9A-F]{2})/g, (_, h) => String.fromCharCode(parseInt(h, 16))), 'latin1').toString();

// Mails in the directory of a stack, oldest first.
export function mailFiles(stack) {
    const dir = path.join(stack.data, 'mail');
    return fs.readdirSync(dir).filter((f) => f.endsWith('.eml')).sort().map((f) => ({ file: path.join(dir, f), ...readMail(fs.readFileSync(path.join(dir, f), 'utf8')) }));
}

export class MailServer {
    // tls: {key, cert} for STARTTLS, or with `secure` from the first byte on.  user, password: who may send, if not everybody.
    constructor({ tls = {}, user, password, secure = false } = {}) {
        Object.assign(this, { tls, secure, logins: 0, user, password, port: 0, mails: [], refusals: [], delay: 0, tries: 0, envelopes: [], secured: 0 });
    }

    // Listens on the port that it had before, if any.
    async start() {
        const refused = (code, text) => Object.assign(new Error(text), { responseCode: code });
        this.server = new SMTPServer({
            ...this.tls,
            secure: this.secure,
            authMethods: ['PLAIN', 'LOGIN'],
            allowInsecureAuth: false,
            authOptional: !this.user,
            onAuth: (auth, session, done) => {
                this.logins++;
                if (session.secure) this.secured++;
                done(auth.username === this.user && auth.password === this.password ? null : refused(535, 'no'), { user: this.user });
            },
            onRcptTo: (address, session, done) => {
                this.tries++;
                const code = this.refusals.shift();
                done(code ? refused(code, 'not now, or never') : null);
            },
            onData: async (stream, session, done) => {
                const chunks = [];
                for await (const chunk of stream) chunks.push(chunk);
                await sleep(this.delay);
                this.envelopes.push({ from: session.envelope.mailFrom.address, to: session.envelope.rcptTo.map((r) => r.address) });
                this.mails.push(readMail(Buffer.concat(chunks).toString('utf8')));
                done();
            },
        });
        this.server.on('error', () => {}); // of connections that are cut
        await new Promise((done) => this.server.listen(this.port, '127.0.0.1', done));
        this.port = this.server.server.address().port;
    }

    async stop() {
        await new Promise((done) => this.server.close(done));
    }

    // Waits for a mail with that subject to that address, and takes it away.
    async take(subject, to) {
        const find = () => this.mails.findIndex((m) => m.subject.includes(subject) && m.to === `<${to}>`);
        await eventually(() => find() >= 0, { within: 60000, what: `a mail "${subject}"` });
        return this.mails.splice(find(), 1)[0];
    }
}

const openssl = (...args) => execFileSync('openssl', args, { stdio: 'ignore' });

// An authority of its own below dir: its certificate's file, and certificates that it gives out.
export class Authority {
    constructor(dir, name) {
        this.path = (end) => path.join(dir, `${name}.${end}`);
        this.file = this.path('crt');
        openssl('req', '-x509', ...this.#fresh('key'), '-out', this.file, '-days', '2', '-subj', `/CN=${name}`);
        fs.chmodSync(this.file, 0o644);
    }

    // {key, cert} of a host.
    give(host) {
        const [key, asked, given, names] = ['host.key', 'csr', 'host.crt', 'ext'].map(this.path);
        openssl('req', ...this.#fresh('host.key'), '-out', asked, '-subj', `/CN=${host}`);
        fs.writeFileSync(names, `subjectAltName=DNS:${host}\n`);
        openssl('x509', '-req', '-in', asked, '-CA', this.file, '-CAkey', this.path('key'), '-CAcreateserial', '-out', given, '-days', '2', '-extfile', names);
        return { key: fs.readFileSync(key), cert: fs.readFileSync(given) };
    }

    #fresh(end) {
        return ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', this.path(end)];
    }
}
