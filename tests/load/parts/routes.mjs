// All routes beside each other: how many, how fast, and whether one of them has a plateau.
import { options } from '../../chaos/parts/options.mjs';
import { sleep } from '../../harness/http.mjs';
import { Bench, machine } from './bench.mjs';

const USAGE = `usage: tests/load/routes [--seconds N] [--rounds N] [--idle SECONDS]

Measures GET /health/live, GET /projects (10 rows), POST and PUT of a project (durable), POST /chat and the
provider alone with 1 and 32 clients, in turns; then, after some seconds (60) of rest, memory (PSS) of
every process.  Prints each measurement, then medians over the rounds (3 of 3 s).`;

const PEOPLE = 128; // an account holds 1,000 projects
const { seconds, rounds, idle } = options(USAGE, { seconds: 3, rounds: 3, idle: 60 });
const bench = await Bench.start({ people: PEOPLE + 1, settings: { HTTP_THREADS: '512', MAX_STREAMS: '256' } });
const reader = bench.people.pop(); // has its ten, as the others' projects grow
const users = await bench.users('echo');
const print = (text, figures) => console.log(`${text}\n${JSON.stringify(figures)}`);
let project;
for (let n = 1; n <= 10; n++) project = (await bench.ask('POST', '/projects', { name: `project ${n}` }, reader)).id;

const own = ['-H', `Authorization: Bearer ${reader}`];
const key = `Authorization: Bearer ${bench.stack.key}`;
const routes = {
    live: [bench.platform, '/health/live'],
    project_list: [...own, bench.platform, '/projects'],
    project_create: ['-m', 'POST', '-u', users, '-t', '-b', '{"name":"made"}', bench.platform, '/projects'],
    project_update: ['-m', 'PUT', ...own, '-b', '{"name":"renamed"}', bench.platform, `/projects/${project}`],
    chat_create: ['-m', 'POST', '-u', users, '-b', '{"project_id":@,"message":"hello"}', bench.platform, '/chat'],
    provider: ['-m', 'POST', '-H', key, '-b', '{"model":"echo","input":"hello"}', bench.provider, '/v1/responses'],
};
// what is made is limited, so it is made for a second only, for all in turn
const time = (name) => (name === 'project_create' ? 1 : seconds);

for (let round = 1; round <= rounds; round++) {
    console.log(`# round ${round} of ${rounds}, ${machine()}`);
    for (const c of [1, 32]) for (const [name, args] of Object.entries(routes)) await bench.client('http', '-n', name, '-d', time(name), '-c', c, ...args);
}
console.log(`# medians of ${rounds} rounds`);
for (const name of Object.keys(routes))
    for (const c of [1, 32]) {
        const { rate, p50_ms, p99_ms, errors } = bench.median(name, c);
        print(`${name.padEnd(16)} c=${String(c).padEnd(3)} ${rate.toFixed(0).padStart(7)}/s  p50 ${p50_ms.toFixed(2)} ms  p99 ${p99_ms.toFixed(2)} ms  errors ${errors}`, { name: 'route', route: name, c, rate, p50_ms, p99_ms, errors });
    }
await sleep(idle * 1000);
const suite = Object.entries(bench.processes()).filter(([name]) => !['postgres', 'provider'].includes(name));
const total = suite.reduce((sum, [, { pss }]) => sum + pss, 0);
print(`PSS ${idle} s after the load: ${(total / 1024).toFixed(1)} MB (${suite.map(([name, { pss }]) => `${name} ${(pss / 1024).toFixed(1)}`).join(', ')})`, { name: 'idle', after_s: idle, pss_kib: total });
await bench.stop();
