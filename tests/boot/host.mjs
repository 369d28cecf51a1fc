// Booted hosts as the tests use them: commands in them, files of them, HTTP to them.
import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import path from 'node:path';

const top = path.resolve(path.dirname(new URL(import.meta.url).pathname), '../..');
export const tool = path.join(top, 'tests/boot/host');

export const out = process.env.BOOT_OUT;
export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

// A booted host by its name.
export class Host {
    constructor(name) {
        this.name = name;
        this.leader = execFileSync(tool, ['pid', name], { encoding: 'utf8' }).trim();
    }

    // Runs a shell script in the host.  Resolves to its output; rejects with it where it fails,
    // unless `any` is true: then to {code, text}.
    sh(script, { any = false, env = {} } = {}) {
        const given = Object.entries(env).map(([k, v]) => `${k}=${v}`);
        return new Promise((resolve, reject) => {
            const child = spawn(tool, ['run', this.name, 'env', ...given, 'bash', '-c', script], {
                stdio: ['ignore', 'pipe', 'pipe'],
            });
            let text = '';
            for (const stream of [child.stdout, child.stderr]) stream.on('data', (c) => (text += c));
            child.on('error', reject);
            child.on('close', (code) => {
                if (any) resolve({ code, text });
                else if (code === 0) resolve(text.trim());
                else reject(new Error(`${script.split('\n')[0]}: exit ${code}\n${text.slice(-2000)}`));
            });
        });
    }

    // A file of the host, seen from outside.
    inside(file) {
        return `/proc/${this.leader}/root${file}`;
    }

    put(file, text) {
        fs.writeFileSync(this.inside(file), text);
    }

    copy(from, file) {
        fs.copyFileSync(from, this.inside(file));
    }

    async install(deb, { env = {} } = {}) {
        this.copy(deb, `/root/${path.basename(deb)}`);
        return this.sh(`apt-get install -y --allow-downgrades /root/${path.basename(deb)}`, {
            env: { DEBIAN_FRONTEND: 'noninteractive', ...env },
        });
    }
}

// The one host that most parts play on.
const one = process.env.BOOT_NAME ? new Host(process.env.BOOT_NAME) : undefined;
export const sh = (script, options) => one.sh(script, options);
export const put = (file, text) => one.put(file, text);
export const copy = (from, file) => one.copy(from, file);
export const install = (file, options) => one.install(file, options);

export const systemctl = (...args) => sh(`systemctl ${args.join(' ')}`);
export const show = (unit, property) => sh(`systemctl show -P ${property} ${unit}`);

// Waits until fn gives something true; an error of the last try is thrown at the end.
export async function eventually(fn, { what, seconds = 60 } = {}) {
    const end = Date.now() + seconds * 1000;
    for (;;) {
        let error;
        try {
            const got = await fn();
            if (got) return got;
        } catch (e) {
            error = e;
        }
        if (Date.now() > end) throw error ?? new Error(`not within ${seconds} s: ${what}`);
        await sleep(50);
    }
}

// One request to base, "http://127.0.0.1:8000" or "https://127.0.0.1".  Resolves to {status,
// headers, text, json}.
export function call(base, method, path, { body, token, headers = {}, agent, timeout = 60000 } = {}) {
    const url = new URL(path, base);
    const data = body === undefined ? undefined : JSON.stringify(body);
    const send = { ...headers };
    if (token) send.Authorization = `Bearer ${token}`;
    if (data !== undefined)
        Object.assign(send, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(data) });
    const by = url.protocol === 'https:' ? https : http;
    return new Promise((resolve, reject) => {
        const req = by.request(
            url,
            { method, headers: send, agent: agent ?? false, timeout, rejectUnauthorized: false },
            (res) => {
                let text = '';
                res.setEncoding('utf8');
                res.on('data', (c) => (text += c));
                res.on('error', reject);
                res.on('aborted', () => reject(new Error(`${method} ${path}: the reply broke off`)));
                res.on('end', () => {
                    const type = res.headers['content-type'] ?? '';
                    const json = /json/.test(type) && text ? JSON.parse(text) : undefined;
                    resolve({ status: res.statusCode, headers: res.headers, text, json });
                });
            },
        );
        req.on('timeout', () => req.destroy(new Error(`${method} ${path}: no reply in ${timeout} ms`)));
        req.on('error', reject);
        req.end(data);
    });
}

export const gateway = 'http://127.0.0.1:8000';

export async function healthy(base = gateway, seconds = 60) {
    return eventually(
        async () => {
            const { status, json } = await call(base, 'GET', '/health', { timeout: 3000 });
            return status === 200 && json.status === 'healthy' && json;
        },
        { what: `${base} is healthy`, seconds },
    );
}

// Lines of the journal since a cursor; cursor() is where it ends now.
export const cursor = async () =>
    /cursor: (.*)$/m.exec(await sh('journalctl --sync; journalctl -n 0 --show-cursor'))[1];
export const journal = (since, options = '') =>
    sh(`journalctl --sync; journalctl --no-pager -o short-monotonic --after-cursor='${since}' ${options}`);

// The provider of tests/provider, on the host's loopback or `listen`, which `enter` is a command to come to; returns how to end it.
export function provider(key, { port = 18080, listen = '127.0.0.1', enter = [] } = {}) {
    const args = ['--port', String(port), '--listen', listen, '--key', key];
    const [program, ...rest] = [...enter, path.join(out, 'provider/provider'), ...args];
    const child = spawn(program, rest, { stdio: 'ignore' });
    return () => child.kill('SIGTERM');
}

export const readme = () => fs.readFileSync(path.join(top, 'README.md'), 'utf8');
export const scaling = () => fs.readFileSync(path.join(top, 'deploy/SCALING.md'), 'utf8');
export const nginxConf = () => fs.readFileSync(path.join(top, 'deploy/nginx/chatbot.conf'), 'utf8');
export function deb(which) {
    const dir = path.join(out, which);
    const file = fs.readdirSync(dir).find((f) => /^chatbot-platform_.*\.deb$/.test(f));
    return path.join(dir, file);
}
