// How soon a stopped platform answers again, and what a restart of each daemon costs its clients.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import { options } from '../../chaos/parts/options.mjs';
import { eventually, sleep } from '../../harness/http.mjs';
import { Bench, machine } from './bench.mjs';

const USAGE = `usage: tests/load/start [--rounds N] [--seconds N]

Starts gateway and daemons at once, while PostgreSQL runs and is migrated, and takes the time until the
first 200 of GET /health, and until the first turn has its answer; then what all of it cost in CPU time.
Then ends daemon after daemon (SIGTERM) under load, waits until it is back, and counts failed requests.
Prints each measurement, then medians over the rounds (5; each restart's load takes 3 s).`;

const { rounds, seconds } = options(USAGE, { rounds: 5, seconds: 3 });
const bench = await Bench.start({ people: 8, settings: { HTTP_THREADS: '512', MAX_STREAMS: '256', MAX_TURNS: '64', MAX_TURNS_PER_USER: '16' } });
const stack = bench.stack;
const users = await bench.users('echo');
const daemons = stack.names().filter((name) => name !== 'postgres');
const ms = (since) => Number(process.hrtime.bigint() - since) / 1e6;

// How deploy/up started a process: enough to do the same.
function recipe(name) {
    const proc = `/proc/${stack.pid(name)}`;
    const list = (file) => fs.readFileSync(`${proc}/${file}`, 'utf8').split('\0').slice(0, -1);
    const id = (what) => Number(new RegExp(`^${what}:\\t(\\d+)`, 'm').exec(fs.readFileSync(`${proc}/status`, 'utf8'))[1]);
    const pairs = list('environ').map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]);
    return { name, program: fs.readlinkSync(`${proc}/exe`), args: list('cmdline').slice(1), cwd: fs.readlinkSync(`${proc}/cwd`), env: Object.fromEntries(pairs), uid: id('Uid'), gid: id('Gid') };
}

// Whether GET /health says 200 now.
const healthy = () =>
    new Promise((resolve) => {
        const socket = net.connect({ port: stack.port, host: '127.0.0.1' });
        let text = '';
        socket.on('data', (data) => (text += data));
        socket.on('error', () => resolve(false));
        socket.on('close', () => resolve(text.startsWith('HTTP/1.1 200')));
        socket.end(`GET /health HTTP/1.1\r\nHost: 127.0.0.1:${stack.port}\r\nConnection: close\r\n\r\n`);
    });

const cpuOf = (pid) => {
    const fields = fs.readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').pop().split(' ');
    return (Number(fields[11]) + Number(fields[12])) * 10;
};

async function started(recipes, token, project) {
    const log = fs.openSync(`${stack.dir}/started.log`, 'a');
    const before = bench.processes().postgres.cpu;
    const begun = process.hrtime.bigint();
    const children = recipes.map((r) => spawn(r.program, r.args, { cwd: r.cwd, env: r.env, uid: r.uid, gid: r.gid, stdio: ['ignore', log, log] }));
    const spawned_ms = ms(begun);
    fs.closeSync(log);
    await eventually(healthy, { every: 2, what: 'GET /health says 200' });
    const health_ms = ms(begun);
    const refused = await bench.ask('POST', '/chat', { project_id: project, message: 'hello' }, token).then(() => '', (e) => e.message);
    const turn_ms = ms(begun);
    if (refused) console.log(`the first turn was refused: ${refused}`);
    await sleep(500);
    const used = Object.fromEntries(children.map((child, i) => [recipes[i].name, cpuOf(child.pid)]));
    used.postgres = Math.round((bench.processes().postgres.cpu - before) * 1000);
    for (const child of children.toReversed()) {
        const ended = new Promise((done) => child.on('exit', done));
        child.kill('SIGTERM');
        await ended;
    }
    const figures = { name: 'start', spawned_ms, health_ms, turn_ms, cpu_ms: used };
    const round = (n) => n.toFixed(0);
    console.log(`start: first 200 after ${round(health_ms)} ms (all processes made after ${round(spawned_ms)} ms), first answer of a turn after ${round(turn_ms)} ms; CPU in ms ${Object.entries(used).map(([name, n]) => `${name} ${n}`).join(' ')}\n${JSON.stringify(figures)}`);
    bench.figures.push({ ...figures, c: 1 });
}

// Everything is stopped, but PostgreSQL; deploy/up sleeps meanwhile.
async function starts() {
    const recipes = daemons.map(recipe);
    const [token, project] = fs.readFileSync(users, 'utf8').split(/\s+/);
    process.kill(stack.child.pid, 'SIGSTOP');
    try {
        for (const name of daemons.toReversed()) stack.signal(name, 'SIGTERM');
        await eventually(() => daemons.every((name) => !stack.pid(name)), { what: 'all daemons end' });
        for (let round = 0; round < rounds; round++) await started(recipes, token, Number(project));
    } finally {
        process.kill(stack.child.pid, 'SIGCONT');
    }
    await eventually(healthy, { what: 'deploy/up has started the daemons again' });
}

// One daemon ends under load and comes back.
async function restart(name) {
    const reads = bench.client('http', '-n', `restart_${name}_reads`, '-c', 8, '-d', seconds, '-u', users, bench.platform, '/projects');
    const turns = bench.client('http', '-n', `restart_${name}_turns`, '-c', 8, '-d', seconds, '-m', 'POST', '-u', users, '-b', '{"project_id":@,"message":"hello"}', bench.platform, '/chat');
    await sleep(seconds * 300);
    const old = stack.pid(name);
    const begun = process.hrtime.bigint();
    stack.signal(name, 'SIGTERM');
    await eventually(() => stack.pid(name) && stack.pid(name) !== old, { every: 5, what: `${name} is back` });
    const back_ms = ms(begun);
    const [read, turn] = await Promise.all([reads, turns]);
    const figures = { name: 'restart', process: name, back_ms, failed: read.errors + turn.errors, requests: read.count + turn.count };
    console.log(`restart of ${name}: another process after ${back_ms.toFixed(0)} ms, ${figures.failed} of ${figures.requests} requests failed\n${JSON.stringify(figures)}`);
}

console.log(`# ${machine()}`);
await starts();
const { spawned_ms, health_ms, turn_ms } = bench.median('start', 1);
console.log(`# median of ${rounds} starts, ${machine()}\nfirst 200 after ${health_ms.toFixed(0)} ms, first answer of a turn after ${turn_ms.toFixed(0)} ms\n${JSON.stringify({ name: 'start_median', spawned_ms, health_ms, turn_ms })}`);
for (const name of daemons.filter((name) => !name.startsWith('gateway'))) await restart(name);
await bench.stop();
