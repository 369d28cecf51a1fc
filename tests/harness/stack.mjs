// A whole platform of real processes: provider, PostgreSQL, gateways and daemons, as deploy/up
// starts them, in a data directory of its own.
import { spawn } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { Plans } from '../chaos/parts/plans.mjs';
import { eventually, request, sleep } from './http.mjs';
import { isLive, partOf } from './settings.mjs';
import { Recorder } from './upstream.mjs';

export const top = path.resolve(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname), '../..');
export const build = path.resolve(top, process.env.BUILD_DIR ?? 'build/asan');

// Every stack that runs, so that a signal can stop them.
const running = new Set();

let place = os.tmpdir(); // where stacks live

// From here on in memory, if there is enough: making the thousand files of a cluster costs a third there
// of what it does on a disk.  Not where disks are what it is about.
export function inMemory(dir = '/dev/shm', least = 2 ** 31) {
    const { bavail, bsize } = fs.existsSync(dir) ? fs.statfsSync(dir) : {};
    if (bavail * bsize >= least) place = dir;
}

export class Stack {
    // settings: of the daemons, live ones by .env, the others by the environment.  gateways, chatd: how
    // many.  demo: no provider is named, so that deploy/up starts the demo; else the model calls are written down (stack.upstream),
    // but for direct: then chatd talks to the provider itself, which counts them.  faults: calls of its
    // processes can be made to fail (Plans).
    static async start({ settings = {}, gateways = 1, chatd = 1, demo = false, direct = false, faults = false } = {}) {
        const stack = new Stack();
        stack.companions = []; // processes that end with it
        running.add(stack);
        try {
            stack.dir = fs.mkdtempSync(path.join(place, 'chatbot-test-'));
            fs.chmodSync(stack.dir, 0o755);
            stack.data = path.join(stack.dir, 'data');
            stack.key = `sk-test-${crypto.randomBytes(18).toString('hex')}`;
            stack.secret = crypto.randomBytes(24).toString('hex');
            // without titles, every model call is one that the test asked for
            stack.settings = { RATE_LIMIT: 'off', SECRET_KEY: stack.secret };
            stack.basis = { TITLES: 'off' };
            if (!demo) await stack.#connectProvider(direct);
            for (const [name, value] of Object.entries(settings)) if (!isLive(name)) stack.settings[name] = value;
            stack.live = liveOf(stack, settings);
            stack.gateways = gateways;
            stack.chatd = chatd;
            stack.begun = demo ? 0 : await clusterCopy(stack.data); // files that are older are no work of this stack
            if (faults) Plans.prepare(stack.data);
            await stack.#upSomewhere();
            return stack;
        } catch (e) {
            await stack.stop();
            throw e;
        }
    }

    // Starts the provider, again on the port that it had before, if any; it has forgotten everything then.
    async provide() {
        const log = fs.openSync(path.join(this.dir, 'provider.log'), 'a');
        const told = path.join(this.dir, 'provider.port');
        fs.rmSync(told, { force: true });
        const args = ['--port', String(this.providerPort ?? 0), '--port-file', told, '--key', this.key];
        this.provider = begin(path.join(build, 'provider'), args, { stdio: ['ignore', log, log] });
        this.provider.on('error', () => {});
        fs.closeSync(log);
        this.providerPort = await eventually(() => Number(read(told)), { what: 'the provider listens' });
    }

    // The provider dies.
    async unprovide() {
        const gone = new Promise((done) => this.provider.on('exit', done));
        this.provider.kill('SIGKILL');
        await gone;
    }

    async #connectProvider(direct) {
        await this.provide();
        if (!direct) this.upstream = await Recorder.start(this.providerPort);
        this.basis.OPENAI_MODEL = 'echo';
        this.settings.OPENAI_API_KEY = this.key;
        this.settings.OPENAI_BASE_URL = `http://127.0.0.1:${this.upstream?.port ?? this.providerPort}/v1`;
    }

    // A port that was free may be taken by another run meanwhile.
    async #upSomewhere() {
        for (let tries = 1; ; tries++) {
            this.ports = await freePorts(this.gateways);
            this.port = this.ports[0];
            try {
                return await this.up();
            } catch (e) {
                if (tries === 5 || !/port \d+ is taken/.test(e.message)) throw e;
            }
        }
    }

    // Starts the platform and waits until it is ready.
    async up() {
        fs.writeFileSync(path.join(this.dir, 'env'), lines(this.live));
        const log = path.join(this.dir, 'up.log');
        const fd = fs.openSync(log, 'a');
        const from = fs.fstatSync(fd).size;
        const args = ['--data', this.data, '--port', String(this.port), '--gateways', String(this.gateways)];
        if (this.chatd > 1) args.push('--chatd', String(this.chatd));
        const env = {
            ...inherited(),
            BUILD_DIR: build,
            CHATBOT_ENV_FILE: path.join(this.dir, 'env'),
            ...this.settings,
        };
        this.child = begin(path.join(top, 'deploy/up'), args, { cwd: top, env, stdio: ['ignore', fd, fd] });
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
            for (const pid of Object.values(this.pids())) if (pid) signal(pid, 'SIGKILL');
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

    // Names of all processes: "postgres", "gateway-1", "authd", "projectd", "chatd-1", "filed".
    names() {
        const numbered = (name, n) => Array.from({ length: n }, (_, i) => `${name}-${i + 1}`);
        return ['postgres', ...numbered('gateway', this.gateways), 'authd', 'projectd', ...numbered('chatd', this.chatd), 'filed'];
    }

    // The pid of a process that lives; 0 while there is none.
    pid(name) {
        const [pid, start] = read(path.join(this.data, 'run', `${name}.pid`)).trim().split(' ').map(Number);
        return pid && started(pid) === start ? pid : 0;
    }

    // {name: pid} of all.
    pids() {
        return Object.fromEntries(this.names().map((name) => [name, this.pid(name)]));
    }

    signal(name, which) {
        const pid = this.pid(name);
        if (!pid) throw new Error(`no process ${name}`);
        signal(pid, which);
    }

    // The same to a process and its children: PostgreSQL as a whole.
    signalFamily(name, which) {
        const parent = this.pid(name);
        for (const entry of fs.readdirSync('/proc').filter((e) => /^\d+$/.test(e)))
            if (Number(entry) === parent || Number(stat(entry)[1]) === parent) signal(Number(entry), which);
    }

    // Gives a process that runs other live settings {NAME: value}, until the next time, and waits until its
    // log says so.
    async reload(name, settings, said = /event=reload\b/) {
        const environment = read(`/proc/${this.pid(name)}/environ`).split('\0');
        const file = environment.find((line) => line.startsWith('CHATBOT_ENV_FILE=')).split('=')[1]; // its part of .env
        const log = path.join(this.data, 'log', `${name}.log`);
        const { size } = fs.statSync(log);
        fs.writeFileSync(file, lines(partOf(name, { ...this.live, ...settings })));
        this.signal(name, 'SIGHUP');
        await eventually(() => said.test(read(log).slice(size)), { every: 10, what: `${name} reads its settings again` });
    }

    // Gives all processes the live ones of these settings, and takes back those that were given before.
    async apply(settings) {
        const before = this.live;
        this.live = liveOf(this, settings);
        const part = (name, of) => lines(partOf(name, of));
        const touched = this.names().filter((name) => part(name, before) !== part(name, this.live));
        await Promise.all(touched.map((name) => this.reload(name, {})));
    }

    // Log files of the daemons and of deploy/up itself.
    logs() {
        const dir = path.join(this.data, 'log');
        const files = fs.existsSync(dir) ? fs.readdirSync(dir).map((f) => path.join(dir, f)) : [];
        const own = ['up.log', 'provider.log'].map((f) => path.join(this.dir, f));
        return [...files, ...own].filter((f) => fs.statSync(f, { throwIfNoEntry: false })?.isFile());
    }

    // Waits until the provider holds n calls.
    async held(n) {
        const stats = async () => (await request(this.providerPort, { path: '/_/stats' })).json;
        await eventually(async () => (await stats()).held >= n, { within: 30000, what: `the provider holds ${n} calls` });
    }

    // Tells the provider something: script, release, reset.
    async tell(what, body = {}) {
        const reply = await request(this.providerPort, { method: 'POST', path: `/_/${what}`, body });
        if (reply.status >= 300) throw new Error(`provider: ${what}: ${reply.status} ${reply.text}`);
        return reply.json;
    }
}

export async function stopAll() {
    await Promise.allSettled([...running].map((stack) => stack.stop().then(() => stack.remove())));
    if (template) fs.rmSync(await template.catch(() => ''), { recursive: true, force: true });
}

let template; // directory with a cluster that has everything but rows, made when the first stack wants it

// Gives a new stack its cluster: a copy takes a tenth of the time of making one, and keeps the times of
// the files.  Resolves to the time of the copy.
export async function clusterCopy(data) {
    template ??= clusterMake();
    const from = path.join(await template, 'postgres');
    const begun = Date.now();
    fs.mkdirSync(path.join(data, 'log'), { recursive: true, mode: 0o711 }); // what deploy/up knows an old one by
    await run('cp', ['-a', '--reflink=auto', from, data]);
    return begun;
}

async function clusterMake() {
    const dir = fs.mkdtempSync(path.join(place, 'chatbot-template-'));
    await run(path.join(top, 'tests/lib/template'), [dir]);
    return dir;
}

async function run(program, args) {
    const child = begin(program, args, { cwd: top, stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.on('data', (chunk) => (said += chunk));
    const code = await new Promise((done) => child.on('close', done));
    if (code !== 0) throw new Error(`${program}: ${code}\n${said}`);
}

const lines = (settings) => Object.entries(settings).map(([name, value]) => `${name}=${value}\n`).join('');

function liveOf({ basis }, settings) {
    return { ...basis, ...Object.fromEntries(Object.entries(settings).filter(([name]) => isLive(name))) };
}

// A child that is asked to end when we are killed.
export function begin(program, args, options) {
    return spawn('setpriv', ['--pdeathsig', 'TERM', '--', program, ...args], options);
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

// Start time of a process in ticks since boot; 0: there is none, or only its remains.
function started(pid) {
    const fields = stat(pid);
    return /[ZX]/.test(fields[0]) ? 0 : Number(fields[19] ?? 0);
}

// The fields of /proc/PID/stat from the state on.
const stat = (pid) => read(`/proc/${pid}/stat`).split(') ').pop().split(' ');

// The environment without settings of the person who runs the tests.
function inherited() {
    const keep = /^(PATH|HOME|USER|LANG|TMPDIR|[AUL]SAN_OPTIONS)$/;
    return Object.fromEntries(Object.entries(process.env).filter(([name]) => keep.test(name)));
}

// n free ports in a row, below those that the kernel gives to connections.
export async function freePorts(n) {
    const take = (port) =>
        new Promise((resolve, reject) => {
            const server = net.createServer();
            server.once('error', reject);
            server.listen(port, '127.0.0.1', () => resolve(server));
        });
    for (let tries = 0; tries < 50; tries++) {
        const servers = [];
        try {
            const first = 12000 + Math.floor(Math.random() * 18000);
            for (let i = 0; i < n; i++) servers.push(await take(first + i));
            return servers.map((s) => s.address().port);
        } catch {
            // taken by somebody: look elsewhere
        } finally {
            await Promise.all(servers.map((s) => new Promise((done) => s.close(done))));
        }
    }
    throw new Error('no free ports');
}
