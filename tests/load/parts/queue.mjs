// How long an accepted message waits for a worker while workers are idle.
import { options } from '../../chaos/parts/options.mjs';
import { eventually, request } from '../../harness/http.mjs';
import { Events } from '../../harness/sse.mjs';
import { Bench, machine, percentile } from './bench.mjs';

const USAGE = `usage: tests/load/queue [--turns N] [--rounds N] [--chatd N]

Sends messages one after the other (300) and notes how long after each the provider got the call, and how
long after the acknowledgement that the message is durable (below 0: the call came first); then as many messages that wait in the queue for the answer above them,
and how long after that answer's end their own call began (it is stored meanwhile).  Prints p50 and p99
of each, then medians over the rounds (5).`;

const { turns, rounds, chatd } = options(USAGE, { turns: 300, rounds: 5, chatd: 1 });
const bench = await Bench.start({ chatd, people: 1 });
const [token] = bench.people;
const make = async (model) => (await bench.ask('POST', '/projects', { name: model, model }, token)).id;
const [brief, held] = [await make('n-1'), await make('n-1+delay_ms=30')];
const clock = () => Number(process.hrtime.bigint()) / 1e6; // ms; the provider's clock, too

let seen = 0;
// The provider's calls since the last look.
async function calls(count) {
    const ask = async () => (await request(bench.stack.providerPort, { path: `/_/calls?after=${seen}` })).json.calls;
    await eventually(async () => (await ask()).filter((c) => c.ended !== null).length >= count, { every: 5, what: 'the calls' });
    const list = await ask();
    seen = list.at(-1).id;
    return list;
}

async function talk(body) {
    const stream = new Events(bench.stack.port, { method: 'POST', path: '/chat', body: { stream: true, ...body }, token });
    await stream.opened;
    const acknowledged = clock(); // 200: not before the message is durable
    const { conversation_id } = await stream.seen('accepted');
    return { conversation_id, acknowledged, over: stream.over() };
}

// One message at a time: from the request, and from its acknowledgement.
async function direct() {
    const found = { start: [], acknowledged: [] };
    for (let n = 0; n < turns; n++) {
        const begun = clock();
        const { acknowledged, over } = await talk({ project_id: brief, message: 'hello' });
        await over;
        const [call] = await calls(1);
        found.start.push(call.started - begun);
        found.acknowledged.push(call.started - acknowledged);
    }
    return found;
}

// A message, and one that waits for its answer.
async function behind() {
    const found = [];
    for (let n = 0; n < turns; n++) {
        const first = await talk({ project_id: held, message: 'hello' });
        const second = await talk({ project_id: held, message: 'and on', conversation_id: first.conversation_id });
        await Promise.all([first.over, second.over]);
        const [before, after] = await calls(2);
        found.push(after.started - before.ended);
    }
    return found;
}

const all = [];
for (let round = 1; round <= rounds; round++) {
    console.log(`# round ${round} of ${rounds}, ${machine()}`);
    const figures = {};
    for (const [name, list] of Object.entries({ ...(await direct()), next: await behind() }))
        Object.assign(figures, { [`${name}_p50_ms`]: percentile(list, 0.5), [`${name}_p99_ms`]: percentile(list, 0.99) });
    console.log(say(figures));
    all.push(figures);
}
const middle = Object.fromEntries(Object.keys(all[0]).map((key) => [key, percentile(all.map((f) => f[key]), 0.5)]));
console.log(`# medians of ${rounds} rounds\n${say(middle)}\n${JSON.stringify({ name: 'queue', chatd, turns, ...middle })}`);
await bench.stop();

function say(f) {
    const of = (name) => `p50 ${f[`${name}_p50_ms`].toFixed(2)} ms, p99 ${f[`${name}_p99_ms`].toFixed(2)} ms`;
    return `from the request to the call: ${of('start')}; from the acknowledgement: ${of('acknowledged')}; from an answer's end to the call that waited for it: ${of('next')}`;
}
