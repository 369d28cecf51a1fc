// What one of each costs: memory of what waits, CPU time and context switches of what is done.
import http from 'node:http';
import { options } from '../../chaos/parts/options.mjs';
import { eventually, sleep } from '../../harness/http.mjs';
import { Bench, machine } from './bench.mjs';

const USAGE = `usage: tests/load/cost [--rounds N] [--seconds N] [--count N] [--streams N]

Memory (PSS) that N (200) of each add to every process, one kind after the other in fresh processes: idle
connections, GET /events, blocking turns and streamed turns whose provider is silent.  Then CPU time and
context switches of each process for GET /projects, a blocking turn, and a streamed delta (N streams of 50
a second, 128), medians over the rounds (3 of 3 s).`;

const { rounds, seconds, count, streams } = options(USAGE, { rounds: 3, seconds: 3, count: 200, streams: 128 });
const bench = await Bench.start({ people: 8, settings: { HTTP_THREADS: '1024', MAX_STREAMS: '600' } });
const stack = bench.stack;
const suite = stack.names().filter((name) => name !== 'postgres');
const print = (text, figures) => console.log(`${text}\n${JSON.stringify(figures)}`);
const project = async (model, who) => (await bench.ask('POST', '/projects', { name: model, model }, bench.people[who])).id;

// ---- memory ----

async function fresh() {
    for (const name of suite) {
        const old = stack.pid(name);
        stack.signal(name, 'SIGTERM');
        await eventually(() => stack.pid(name) && stack.pid(name) !== old, { what: `${name} is back` });
    }
    await eventually(async () => (await bench.ask('GET', '/health').catch(() => ({}))).status === 'healthy', { what: 'all is well again' });
    for (const token of bench.people) await bench.ask('GET', '/projects', undefined, token);
    await sleep(1500);
}

const memory = () => Object.fromEntries(Object.entries(bench.processes()).map(([name, { pss }]) => [name, pss]));

// Opens a request and keeps it; resolves when `until` has come in.
function open(agent, method, path, token, body, until) {
    return new Promise((resolve, reject) => {
        const headers = { ...(token && { Authorization: `Bearer ${token}` }), ...(body && { 'Content-Type': 'application/json' }) };
        const req = http.request({ host: '127.0.0.1', port: stack.port, method, path, headers, agent }, (res) => {
            let text = '';
            res.on('data', (data) => (text += data).includes(until) && resolve(req));
            res.on('end', () => resolve(req));
            res.on('error', () => {});
        });
        req.on('error', reject);
        req.end(body && JSON.stringify(body));
        if (until === undefined) resolve(req);
    });
}

async function kept(name, begin, settle) {
    await fresh();
    const agent = new http.Agent({ keepAlive: true, maxSockets: Infinity, maxFreeSockets: Infinity });
    const before = memory();
    const requests = [];
    for (let n = 0; n < count; n++) requests.push(begin(agent, n));
    const all = await Promise.all(requests);
    await settle();
    const after = memory();
    for (const req of all) req.on('error', () => {}).destroy();
    agent.destroy();
    const each = Object.fromEntries(suite.map((process) => [process, Math.round(((after[process] - before[process]) / count) * 10) / 10]));
    const told = Object.entries(each).filter(([, kib]) => Math.abs(kib) >= 0.3);
    print(`${name.padEnd(16)} ${told.map(([process, kib]) => `${process} ${kib} KiB`).join('  ')}`, { name: 'memory', what: name, count, kib: each });
    return each;
}

const hold = await project('hold', 0);
const silent = await project('hold-1', 0);
const [token] = bench.people;
const turn = (id, stream) => ({ project_id: id, message: 'hello', stream });
console.log(`# ${machine()}; ${count} of each`);
await kept('idle connection', (agent) => open(agent, 'GET', '/health/live', undefined, undefined, 'alive'), () => sleep(200));
await kept('event stream', (agent) => open(agent, 'GET', '/events', token, undefined, 'hello'), () => sleep(500));
await kept('blocking turn', (agent) => open(agent, 'POST', '/chat', token, turn(hold, false)), () => stack.held(count));
await stack.tell('release');
await kept('streamed turn', (agent) => open(agent, 'POST', '/chat', token, turn(silent, true), 'delta'), () => sleep(500));
await stack.tell('release');
await fresh();

// ---- CPU ----

const models = { echo: await bench.users('echo'), text: await bench.users(`n-${seconds * 50}x20`) };
const works = {
    project_list: (name) => bench.client('http', '-n', name, '-d', seconds, '-c', 8, '-u', models.echo, bench.platform, '/projects'),
    turn: (name) => bench.client('http', '-n', name, '-d', seconds, '-c', 8, '-m', 'POST', '-u', models.echo, '-b', '{"project_id":@,"message":"hello"}', bench.platform, '/chat'),
    delta: (name) => bench.client('stream', '-n', name, '-c', streams, '-r', 1000, '-k', seconds * 50, '-w', seconds + 60, '-u', models.text, '-b', '{"project_id":@,"message":"hello","stream":true}', bench.platform, '/chat'),
};
const units = (found) => (found.frames ? streams * seconds * 50 : found.count);

for (let round = 1; round <= rounds; round++) {
    console.log(`# round ${round} of ${rounds}, ${machine()}`);
    for (const [what, work] of Object.entries(works)) {
        const before = bench.processes();
        const n = units(await work(what));
        const after = bench.processes();
        for (const name of Object.keys(after)) bench.figures.push({ name: `cost.${what}.${name}`, c: 1, cpu_us: ((after[name].cpu - before[name].cpu) * 1e6) / n, switches: (after[name].switches - before[name].switches) / n });
    }
}
console.log(`# medians of ${rounds} rounds, for one of each`);
for (const what of Object.keys(works)) {
    let total = 0;
    const parts = [...suite, 'postgres', 'provider'].map((name) => {
        const { cpu_us, switches } = bench.median(`cost.${what}.${name}`, 1);
        total += name === 'provider' ? 0 : cpu_us;
        return { process: name, cpu_us, switches };
    });
    const told = parts.filter(({ cpu_us }) => cpu_us >= 0.5).map(({ process, cpu_us, switches }) => `${process} ${cpu_us.toFixed(1)} us, ${switches.toFixed(2)} switches`);
    print(`${what.padEnd(14)} ${total.toFixed(1)} us of CPU: ${told.join('; ')}`, { name: 'cpu', what, total_us: total, parts });
}
await bench.stop();
