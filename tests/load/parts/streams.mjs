// Many event streams at once: whether every token comes once and in order, and how late.
import { options } from '../../chaos/parts/options.mjs';
import { sleep } from '../../harness/http.mjs';
import { Bench, machine } from './bench.mjs';

const USAGE = `usage: tests/load/streams [--seconds N] [--rounds N] [--chatd N] [--streams N] [--rate N] [--ramp MS]

Opens 128, 512 and 1,000 streams (or N) of 50 frames a second for some seconds (10), of the provider
alone and through the platform, in turns; they begin one after the other within 1,000 ms (--ramp).
Every byte of every stream is checked.  Prints each measurement, CPU and memory (PSS) of every
process, and medians over the rounds (1).`;

const given = options(USAGE, { seconds: 10, rounds: 1, chatd: 1, streams: 0, rate: 50, ramp: 1000 });
const { seconds, rounds, chatd, rate, ramp } = given;
const counts = given.streams ? [given.streams] : [128, 512, 1000];
const deltas = seconds * rate;
const model = `n-${deltas}x${Math.round(1000 / rate)}`;
const bench = await Bench.start({ chatd, people: Math.ceil(Math.max(...counts) / 16) }); // 16 streams each
const users = await bench.users(model);
const key = bench.stack.key;

const arguments_ = (name, c) => ['-n', name, '-c', c, '-r', ramp, '-k', deltas, '-w', seconds * 2 + 30];
const alone = (c) => bench.client('stream', ...arguments_('streams_provider', c), '-t', key, '-b', JSON.stringify({ model, input: 'hello', stream: true }), bench.provider, '/v1/responses');
const through = (c) => bench.client('stream', ...arguments_('streams', c), '-u', users, '-b', '{"project_id":@,"message":"hello","stream":true}', bench.platform, '/chat');

// The same with CPU and memory while all streams are open.
async function watched(c) {
    const running = through(c);
    await sleep(ramp + 500);
    const before = bench.processes();
    const begun = process.hrtime.bigint();
    await sleep((seconds * 1000 - ramp) * 0.7);
    const after = bench.processes();
    const took = Number(process.hrtime.bigint() - begun) / 1e9;
    await running;
    for (const [name, { cpu, pss }] of Object.entries(after)) {
        const used = { name: 'process', process: name, c, cpu_percent: Math.round(((cpu - before[name].cpu) / took) * 1000) / 10, pss_kib: pss };
        console.log(`  ${name.padEnd(12)} ${String(used.cpu_percent).padStart(6)} % CPU ${String(pss).padStart(8)} KiB\n${JSON.stringify(used)}`);
    }
    const suite = Object.entries(after).filter(([name]) => name !== 'postgres' && name !== 'provider');
    const total = suite.reduce((sum, [, { pss }]) => sum + pss, 0);
    console.log(`  all daemons ${String(total).padStart(24)} KiB\n${JSON.stringify({ name: 'process', process: 'all', c, pss_kib: total })}`);
}

for (let round = 1; round <= rounds; round++) {
    console.log(`# round ${round} of ${rounds}, ${machine()}`);
    for (const c of counts) {
        await alone(c);
        await watched(c);
    }
}
console.log(`# medians of ${rounds} rounds`);
for (const c of counts) {
    const [one, other] = [bench.median('streams_provider', c), bench.median('streams', c)];
    const added = {
        name: 'streams_added',
        c,
        whole: other.whole,
        wrong: other.wrong,
        share: other.rate / one.rate,
        first_p50_ms: other.first_p50_ms - one.first_p50_ms,
        first_p99_ms: other.first_p99_ms - one.first_p99_ms,
        gap_p99_ms: other.gap_p99_ms - one.gap_p99_ms,
        provider_gap_p99_ms: one.gap_p99_ms,
    };
    const ms = (n) => `${n.toFixed(2)} ms`;
    console.log(
        `${c} streams: ${other.whole} whole, ${other.wrong} wrong, ${(added.share * 100).toFixed(1)} % of the provider's own rate; first token later by p50 ${ms(added.first_p50_ms)}, p99 ${ms(added.first_p99_ms)}; gap p99 ${ms(other.gap_p99_ms)} (the provider's own ${ms(one.gap_p99_ms)})\n${JSON.stringify(added)}`,
    );
}
await bench.stop();
