// A provider that hangs: what everybody else notices, and how fast its calls are given up.
import { options } from '../../chaos/parts/options.mjs';
import { eventually, request } from '../../harness/http.mjs';
import { Events } from '../../harness/sse.mjs';
import { Bench, machine, percentile } from './bench.mjs';

const USAGE = `usage: tests/load/hang [--calls N] [--seconds N] [--rounds N]

Measures GET /health and GET /projects (4 clients) while nothing else happens and while so many calls of
the provider hang (150), in turns; then stops all of these turns and notes how long their calls stay
open; last has as many hang once more and ends every process with SIGTERM.  Prints each measurement,
then medians over the rounds (5 of 3 s).`;

const { calls, seconds, rounds } = options(USAGE, { calls: 150, seconds: 3, rounds: 5 });
const bench = await Bench.start({ chatd: 1, people: Math.ceil(calls / 16) }); // 16 streams each
const projects = [];
for (const token of bench.people) projects.push({ token, id: (await bench.ask('POST', '/projects', { name: 'hangs', model: 'hang' }, token)).id });
const [{ token }] = projects;

const route = (name, path) => bench.client('http', '-n', name, '-d', seconds, '-c', 4, '-H', `Authorization: Bearer ${token}`, bench.platform, path);
async function routes(when) {
    await route(`health_${when}`, '/health');
    await route(`project_list_${when}`, '/projects');
}

const provider = async (path) => (await request(bench.stack.providerPort, { path })).json;
const running = async () => (await provider('/_/stats')).running;

async function hang() {
    const turns = [];
    for (let n = 0; n < calls; n++) {
        const who = projects[n % projects.length];
        const stream = new Events(bench.stack.port, { method: 'POST', path: '/chat', body: { project_id: who.id, message: 'hello', stream: true }, token: who.token });
        await stream.opened;
        const { turn_id } = await stream.seen('accepted');
        turns.push({ ...who, turn: turn_id, stream });
    }
    await eventually(async () => (await running()) >= calls, { within: 30000, what: `${calls} calls hang` });
    return turns;
}

// Their clients leave, and each turn is stopped; resolves to ms until its call was closed.
async function stop(turns) {
    const begun = process.hrtime.bigint();
    for (const t of turns) t.stream.close();
    await Promise.all(turns.map((t) => bench.ask('POST', `/chat/turns/${t.turn}/cancel`, undefined, t.token)));
    await eventually(async () => (await running()) === 0, { within: 30000, every: 5, what: 'all calls are closed' });
    return Number(process.hrtime.bigint() - begun) / 1e6;
}

const freed = [];
for (let round = 1; round <= rounds; round++) {
    console.log(`# round ${round} of ${rounds}, ${machine()}`);
    await routes('quiet');
    const turns = await hang();
    await routes('hung');
    freed.push(await stop(turns));
    console.log(`${calls} turns stopped: their calls were closed ${freed.at(-1).toFixed(0)} ms after the first request`);
}
await hang();
const begun = process.hrtime.bigint();
await bench.stop();
const ended = Number(process.hrtime.bigint() - begun) / 1e6;

const figures = { name: 'hang', calls, freed_ms: percentile(freed, 0.5), end_ms: ended };
for (const path of ['health', 'project_list'])
    for (const when of ['quiet', 'hung']) {
        const { p50_ms, p99_ms } = bench.median(`${path}_${when}`, 4);
        Object.assign(figures, { [`${path}_${when}_p50_ms`]: p50_ms, [`${path}_${when}_p99_ms`]: p99_ms });
    }
const of = (path) => `p50 ${figures[`${path}_hung_p50_ms`].toFixed(2)} ms, p99 ${figures[`${path}_hung_p99_ms`].toFixed(2)} ms (quiet ${figures[`${path}_quiet_p50_ms`].toFixed(2)}, ${figures[`${path}_quiet_p99_ms`].toFixed(2)})`;
console.log(`# medians of ${rounds} rounds\n${calls} calls hang: /health ${of('health')}; /projects ${of('project_list')}; all freed after ${figures.freed_ms.toFixed(0)} ms; ended with as many ${ended.toFixed(0)} ms after SIGTERM\n${JSON.stringify(figures)}`);
