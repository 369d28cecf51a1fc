// What the measurements share: a stack, people with projects, the clients, medians, processes.
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { request } from '../../harness/http.mjs';
import { build, Stack, stopAll } from '../../harness/stack.mjs';

for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => stopAll().finally(() => process.exit(1)));

export const SETTINGS = { LOG_LEVEL: 'notice', MAX_TURNS: '2048', MAX_TURNS_PER_USER: '512', QUEUE_MAX: '10000', HTTP_THREADS: '2048', MAX_STREAMS: '1500' };

export class Bench {
    static async start({ chatd, gateways = 1, people, settings = {} }) {
        const bench = new Bench();
        bench.figures = [];
        bench.stack = await Stack.start({ settings: { ...SETTINGS, ...settings }, direct: true, chatd, gateways });
        bench.people = [];
        for (let n = 0; n < people; n++) bench.people.push(await bench.#person(n));
        return bench;
    }

    async #person(n) {
        const body = { email: `load${n}@example.com`, password: 'Load4ever' };
        await this.ask('POST', '/users/register', body);
        return (await this.ask('POST', '/users/login', body)).access_token;
    }

    async ask(method, path, body, token) {
        const reply = await request(this.stack.port, { method, path, body, token });
        if (reply.status >= 300) throw new Error(`${method} ${path}: ${reply.status} ${reply.text}`);
        return reply.json;
    }

    // A file of tokens and projects whose model is this.
    async users(model) {
        const file = path.join(this.stack.dir, `users-${model.replace(/[^a-z0-9]/g, '_')}`);
        const lines = [];
        for (const token of this.people) lines.push(`${token} ${(await this.ask('POST', '/projects', { name: model, model }, token)).id}`);
        fs.writeFileSync(file, `${lines.join('\n')}\n`, { mode: 0o600 });
        return file;
    }

    get platform() {
        return `127.0.0.1:${this.stack.port}`;
    }

    get provider() {
        return `127.0.0.1:${this.stack.providerPort}`;
    }

    // Runs a client to its end; keeps and returns its figures.
    client(program, ...args) {
        return new Promise((resolve, reject) => {
            execFile(path.join(build, 'tests/load', program), args.map(String), (error, out, err) => {
                const lines = out.trim().split('\n');
                process.stdout.write(`${lines[0]}\n${err}`);
                let found;
                try {
                    found = JSON.parse(lines.at(-1));
                } catch {
                    reject(error ?? new Error(out));
                    return;
                }
                this.figures.push(found);
                resolve(found);
            });
        });
    }

    // Medians of all rounds of a measurement.
    median(name, c) {
        const all = this.figures.filter((f) => f.name === name && f.c === c);
        const middle = (key) => all.map((f) => f[key]).sort((a, b) => a - b)[Math.floor(all.length / 2)];
        return Object.fromEntries(Object.keys(all[0]).filter((key) => key !== 'name').map((key) => [key, middle(key)]));
    }

    // CPU seconds, context switches and memory so far: {name: {cpu, switches, pss}}; PostgreSQL with all
    // its processes.
    processes() {
        const pids = { ...this.stack.pids(), provider: this.stack.provider.pid };
        const sum = (name, pid, of) => family(name, pid).reduce((all, p) => all + of(p), 0);
        return Object.fromEntries(Object.entries(pids).map(([name, pid]) => [name, { cpu: cpu(family(name, pid)), switches: sum(name, pid, switches), pss: sum(name, pid, pss) }]));
    }

    async stop() {
        await this.stack.stop();
        this.stack.remove();
    }
}

function family(name, pid) {
    if (name !== 'postgres') return [pid];
    const children = fs.readdirSync('/proc').filter((e) => /^\d+$/.test(e) && fields(e)[1] === String(pid));
    return [pid, ...children];
}

// The fields of /proc/PID/stat from the state on.
function fields(pid) {
    try {
        return fs.readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').pop().split(' ');
    } catch {
        return [];
    }
}

// In seconds; a tick is 10 ms.
const cpu = (pids) => pids.reduce((sum, pid) => sum + (Number(fields(pid)[11] ?? 0) + Number(fields(pid)[12] ?? 0)) / 100, 0);

// Of all threads that live.
function switches(pid) {
    try {
        const all = fs.readdirSync(`/proc/${pid}/task`).map((task) => fs.readFileSync(`/proc/${pid}/task/${task}/status`, 'utf8'));
        return all.reduce((sum, text) => sum + [...text.matchAll(/ctxt_switches:\s+(\d+)/g)].reduce((n, [, found]) => n + Number(found), 0), 0);
    } catch {
        return 0;
    }
}

// In KiB.
function pss(pid) {
    try {
        return Number(/^Pss: +(\d+)/m.exec(fs.readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))[1]);
    } catch {
        return 0;
    }
}

// list: numbers; of: 0.5 is the median.
export function percentile(list, of) {
    const sorted = [...list].sort((a, b) => a - b);
    return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * of))] ?? 0;
}

export const machine = () => `${fs.readFileSync('/proc/cpuinfo', 'utf8').match(/^processor/gm).length} cores, load ${fs.readFileSync('/proc/loadavg', 'utf8').split(' ').slice(0, 3).join(' ')}`;
