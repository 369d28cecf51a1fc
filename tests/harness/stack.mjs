// A whole platform of real processes: provider, PostgreSQL, gateways and daemons, as deploy/up
// starts them, in a data directory of its own.
import { spawn } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { eventually, request, sleep } from './http.mjs';
import { Recorder } from './upstream.mjs';

export const top = path.resolve(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname), '../..');
export const build = path.resolve(top, process.env.BUILD_DIR ?? 'build/asan');

// Every stack that runs, so that a signal can stop them.
const running = new Set();

export class Stack {
    // settings: environment of the daemons.  gateways: how many.  recorder: whether the model calls
    // are written down (stack.upstream).
    static async start({ settings = {}, gateways = 1, chatd = 1, recorder = true } = {}) {
        const stack = new Stack();
        stack.companions = []; // processes that end with it
        running.add(stack);
        try {
            stack.dir = fs.mkdtempSync(path.join(os.tmpdir(), 'chatbot-test-'));
            fs.chmodSync(stack.dir, 0o755);
            stack.data = path.join(stack.dir, 'data');
            stack.key = `sk-test-${crypto.randomBytes(18).toString('hex')}`;
            stack.secret = crypto.randomBytes(24).toString('hex');
            await stack.#provide(recorder);
            stack.settings = { RATE_LIMIT: 'off', SECRET_KEY: stack.secret, ...settings };
            stack.gateways = gateways;
            stack.chatd = chatd;
            stack.ports = await freePorts(gateways);
            stack.port = stack.ports[0];
            await stack.up();
            return stack;
        } catch (e) {
            await stack.stop();
            throw e;
        }
    }

    async #provide(recorder) {
        const log = fs.openSync(path.join(this.dir, 'provider.log'), 'a');
        const told = path.join(this.dir, 'provider.port');
        const args = ['--port', '0', '--port-file', told, '--key', this.key];
        this.provider = spawn(path.join(build, 'provider'), args, { stdio: ['ignore', log, log] });
        this.provider.on('error', () => {});
        fs.closeSync(log);
        this.providerPort = await eventually(() => Number(read(told)), { what: 'the provider listens' });
        if (recorder) this.upstream = await Recorder.start(this.providerPort);
        this.upstreamPort = this.upstream?.port ?? this.providerPort;
    }

    // Starts the platform and waits until it is ready.
    async up() {
        const log = path.join(this.dir, 'up.log');
        const fd = fs.openSync(log, 'a');
        const from = fs.fstatSync(fd).size;
        const args = ['--data', this.data, '--port', String(this.port), '--gateways', String(this.gateways)];
        if (this.chatd > 1) args.push('--chatd', String(this.chatd));
        const env = {
            ...process.env,
            BUILD_DIR: build,
            OPENAI_API_KEY: this.key,
            OPENAI_BASE_URL: `http://127.0.0.1:${this.upstreamPort}/v1`,
            ...this.settings,
        };
        this.child = spawn(path.join(top, 'deploy/up'), args, { cwd: top, env, stdio: ['ignore', fd, fd] });
        fs.closeSync(fd);
        this.exited = new Promise((done) => {
            this.child.on('exit', (code, signal) => done(signal ?? code));
            this.child.on('error', (e) => done(e.message));
        });
        const said = () => fs.readFileSync(log, 'utf8').slice(from);
        let ended;
        this.exited.then((code) => (ended = `${code}`));
        const settled = () => ended !== undefined || /^ready: /m.test(said());
        await eventually(settled, { within: 90000 }).catch(() => (ended = 'no end: it is not ready in time'));
        if (ended !== undefined) throw new Error(`deploy/up: ${ended}\n${said()}`);
    }

    // Stops the platform; the data stays.
    async down() {
        if (!this.child || this.child.exitCode !== null || this.child.signalCode) return;
        this.child.kill('SIGTERM');
        const done = await Promise.race([this.exited, sleep(30000).then(() => 'late')]);
        if (done === 'late') {
            for (const { pid } of this.processes()) signal(pid, 'SIGKILL');
            this.child.kill('SIGKILL');
            throw new Error('deploy/up did not end within 30 s of SIGTERM');
        }
    }

    async stop() {
        let failure;
        await this.down().catch((e) => (failure = e));
        for (const child of [...this.companions, this.provider]) child?.kill('SIGTERM');
        await this.upstream?.stop();
        running.delete(this);
        if (failure) throw failure;
    }

    // Throws the data away; only after stop().
    remove() {
        fs.rmSync(this.dir, { recursive: true, force: true });
    }

    // All processes below deploy/up: [{pid, name}], name as in "gateway", "chatd", "postgres".
    processes() {
        const parents = new Map();
        for (const entry of fs.readdirSync('/proc')) {
            if (!/^\d+$/.test(entry)) continue;
            const stat = read(`/proc/${entry}/stat`);
            const match = /^\d+ \((.*)\) (\S) (\d+)/s.exec(stat);
            if (match && match[2] !== 'Z')
                parents.set(Number(entry), { name: match[1], parent: Number(match[3]) });
        }
        const below = (pid) => {
            for (let at = parents.get(pid); at; at = parents.get(at.parent)) if (at.parent === this.child.pid) return true;
            return false;
        };
        return [...parents].filter(([pid]) => below(pid)).map(([pid, { name }]) => ({ pid, name }));
    }

    // Pids of the processes with that name, oldest first.
    pids(name) {
        return this.processes().filter((p) => p.name === name).map((p) => p.pid).sort((a, b) => started(a) - started(b));
    }

    pid(name) {
        const [pid] = this.pids(name);
        if (!pid) throw new Error(`no process ${name}`);
        return pid;
    }

    signal(name, which) {
        signal(this.pid(name), which);
    }

    // Log files of the daemons and of deploy/up itself.
    logs() {
        const dir = path.join(this.data, 'log');
        const files = fs.existsSync(dir) ? fs.readdirSync(dir).map((f) => path.join(dir, f)) : [];
        return [...files, path.join(this.dir, 'up.log'), path.join(this.dir, 'provider.log')].filter((f) => fs.statSync(f).isFile());
    }

    // Tells the provider something: script, release, reset.
    async tell(what, body = {}) {
        const reply = await request(this.providerPort, { method: 'POST', path: `/_/${what}`, body });
        if (reply.status >= 300) throw new Error(`provider: ${what}: ${reply.status} ${reply.text}`);
        return reply.json;
    }
}

export async function stopAll() {
    await Promise.allSettled([...running].map((stack) => stack.stop()));
}

export function signal(pid, which) {
    try {
        process.kill(pid, which);
    } catch (e) {
        if (e.code !== 'ESRCH') throw e;
    }
}

function read(file) {
    try {
        return fs.readFileSync(file, 'utf8');
    } catch {
        return '';
    }
}

const started = (pid) => Number(/\) (?:\S+ ){19}(\d+)/.exec(read(`/proc/${pid}/stat`))?.[1] ?? 0);

// n free ports in a row.
async function freePorts(n) {
    const take = (port) =>
        new Promise((resolve, reject) => {
            const server = net.createServer();
            server.once('error', reject);
            server.listen(port, '127.0.0.1', () => resolve(server));
        });
    for (let tries = 0; tries < 50; tries++) {
        const servers = [];
        try {
            servers.push(await take(0));
            const first = servers[0].address().port;
            for (let i = 1; i < n; i++) servers.push(await take(first + i));
            return servers.map((s) => s.address().port);
        } catch {
            // taken by somebody: look elsewhere
        } finally {
            await Promise.all(servers.map((s) => new Promise((done) => s.close(done))));
        }
    }
    throw new Error('no free ports');
}
