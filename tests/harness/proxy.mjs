// nginx and haproxy in front of gateways, on loopback, with the files of deploy/ and nothing else
// changed in them but ports, certificate and addresses.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import https from 'node:https';
import os from 'node:os';
import path from 'node:path';
import { eventually } from './http.mjs';
import { begin, freePorts, top } from './stack.mjs';

export const PROXIES = ['nginx', 'haproxy'];

const read = (file) => fs.readFileSync(path.join(top, file), 'utf8');

// Every one of these must be there, or the test would try something else than what is shipped.
function replace(text, pairs) {
    for (const [from, to] of pairs) {
        if (!text.includes(from)) throw new Error(`no "${from}" in the proxy's settings`);
        text = text.replaceAll(from, to);
    }
    return text;
}

const files = {
    nginx(dir, { host, port, plain, gateways }) {
        const site = replace(read('deploy/nginx/chatbot.conf'), [
            ['127.0.0.1:8000', gateways[0]],
            ['127.0.0.1:8001', gateways[1]],
            ['listen 80;', `listen ${host}:${plain};`],
            ['listen [::]:80;', ''],
            ['listen 443 ssl http2;', `listen ${host}:${port} ssl http2;`],
            ['listen [::]:443 ssl http2;', ''],
            ['/etc/ssl/certs/chat.example.org.pem', `${dir}/cert.pem`],
            ['/etc/ssl/private/chat.example.org.key', `${dir}/key.pem`],
        ]);
        const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((what) => `${what}_temp_path ${dir}/${what};`).join(' ');
        const user = process.getuid() === 0 ? 'user root;' : '';
        fs.writeFileSync(
            `${dir}/proxy.conf`,
            `daemon off; ${user} worker_processes 1; worker_rlimit_nofile 16384; pid ${dir}/pid; error_log ${dir}/proxy.log warn;
             events { worker_connections 8192; } http { access_log off; ${temporary} ${site} }`,
        );
        return ['nginx', '-e', `${dir}/proxy.log`, '-p', dir, '-c', `${dir}/proxy.conf`];
    },
    haproxy(dir, { host, port, plain, gateways }) {
        fs.writeFileSync(
            `${dir}/proxy.conf`,
            replace(read('deploy/haproxy/chatbot.cfg'), [
                ['127.0.0.1:8000', gateways[0]],
                ['127.0.0.1:8001', gateways[1]],
                ['bind :80', `bind ${host}:${plain}`],
                ['bind :443 ', `bind ${host}:${port} `],
                ['/etc/ssl/private/chat.example.org.pem', `${dir}/both.pem`],
            ]),
        );
        return ['haproxy', '-db', '-f', `${dir}/proxy.conf`];
    },
};

// Resolves to {port, plain, dir, stop}; TLS on port with a certificate of its own.  gateways: ports on
// loopback, or addresses with ports.  host: the address that it listens on; enter: a command that puts
// it there.
export async function startProxy(kind, gateways, { host = '127.0.0.1', enter = [] } = {}) {
    const dir = fs.mkdtempSync(path.join(os.tmpdir(), `chatbot-${kind}-`));
    const args = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=chat.example.org', '-keyout', `${dir}/key.pem`, '-out', `${dir}/cert.pem`];
    const made = spawnSync('openssl', args, { encoding: 'utf8' });
    if (made.status !== 0) throw new Error(made.stderr);
    fs.writeFileSync(`${dir}/both.pem`, fs.readFileSync(`${dir}/cert.pem`, 'utf8') + fs.readFileSync(`${dir}/key.pem`, 'utf8'));
    const [port, plain] = await freePorts(2);
    const behind = gateways.map((one) => (typeof one === 'number' ? `127.0.0.1:${one}` : one));
    const [program, ...rest] = [...enter, ...files[kind](dir, { host, port, plain, gateways: behind })];
    const log = fs.openSync(`${dir}/proxy.out`, 'a');
    const child = begin(program, rest, { stdio: ['ignore', log, log] });
    fs.closeSync(log);
    let ended;
    const over = new Promise((done) => child.on('exit', (code) => done((ended = code ?? 'killed'))));
    const said = () => fs.readFileSync(`${dir}/proxy.out`, 'utf8') + (fs.existsSync(`${dir}/proxy.log`) ? fs.readFileSync(`${dir}/proxy.log`, 'utf8') : '');
    await eventually(
        async () => {
            if (ended !== undefined) throw new Error(`${kind} ended: ${ended}\n${said()}`);
            return (await front(port, { path: '/', host })).status;
        },
        { within: 20000, what: `${kind} serves` },
    );
    const stop = async () => {
        child.kill('SIGTERM');
        await over;
        fs.rmSync(dir, { recursive: true, force: true });
    };
    return { port, plain, dir, stop, pid: child.pid };
}

// One request over TLS.  localAddress: which of loopback's addresses it comes from; onData(text):
// called with each piece of the reply; slow: sends the body in these pieces, each after a promise.
export function front(port, { host = '127.0.0.1', method = 'GET', path: where, headers = {}, body, localAddress, onData, slow, timeout = 30000 }) {
    return new Promise((resolve, reject) => {
        const send = { Host: 'chat.example.org', ...headers };
        if (body !== undefined) Object.assign(send, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) }, headers);
        const options = { host, port, method, path: where, headers: send, agent: false, localAddress, rejectUnauthorized: false, servername: 'chat.example.org', timeout };
        const req = https.request(options, (res) => {
            let text = '';
            res.on('data', (c) => {
                text += c;
                onData?.(text);
            });
            res.on('error', reject);
            res.on('aborted', () => reject(new Error('the reply broke off')));
            res.on('end', () => resolve({ status: res.statusCode, headers: res.headers, raw: res.rawHeaders, text }));
        });
        req.on('timeout', () => req.destroy(new Error(`no reply in ${timeout} ms`)));
        req.on('error', reject);
        if (!slow) req.end(body);
        else slow(req);
    });
}
