// What a durable, blocking turn costs beside calling the provider directly.
import { options } from '../../chaos/parts/options.mjs';
import { Bench, machine } from './bench.mjs';

const USAGE = `usage: tests/load/turn [--seconds N] [--rounds N] [--chatd N] [--delay MS]

Asks the provider directly and through the platform (POST /chat, both messages durable), in turns, with
1 and 32 clients and no delay, and with 256 clients and a provider that waits (200 ms).  Prints each
measurement, then medians over the rounds (5 of 3 s), and each of them as JSON.`;

const { seconds, rounds, chatd, delay } = options(USAGE, { seconds: 3, rounds: 5, chatd: 1, delay: 200 });
const bench = await Bench.start({ chatd, people: 32 });
const models = { fast: 'echo', late: `echo+delay_ms=${delay}` };
const users = { fast: await bench.users(models.fast), late: await bench.users(models.late) };
const key = `Authorization: Bearer ${bench.stack.key}`;
const provider = (name, c, model) => bench.client('http', '-n', name, '-d', seconds, '-c', c, '-m', 'POST', '-H', key, '-b', JSON.stringify({ model, input: 'hello' }), bench.provider, '/v1/responses');
const turn = (name, c, file) => bench.client('http', '-n', name, '-d', seconds, '-c', c, '-m', 'POST', '-u', file, '-b', '{"project_id":@,"message":"hello"}', bench.platform, '/chat');

for (let round = 1; round <= rounds; round++) {
    console.log(`# round ${round} of ${rounds}, ${machine()}`);
    for (const c of [1, 32]) {
        await provider('provider', c, models.fast);
        await turn('turn', c, users.fast);
    }
    await provider('provider_late', 256, models.late);
    await turn('turn_late', 256, users.late);
}
console.log(`# medians of ${rounds} rounds`);
const print = (text, figures) => console.log(`${text}\n${JSON.stringify(figures)}`);
for (const c of [1, 32]) {
    const direct = bench.median('provider', c);
    const through = bench.median('turn', c);
    const added = { name: 'turn_added', c, p50_ms: through.p50_ms - direct.p50_ms, p99_ms: through.p99_ms - direct.p99_ms, rate: through.rate, provider_rate: direct.rate, errors: through.errors };
    print(`c=${c}: a turn adds p50 ${added.p50_ms.toFixed(2)} ms, p99 ${added.p99_ms.toFixed(2)} ms; ${Math.round(through.rate)} durable turns/s (the provider alone: ${Math.round(direct.rate)}/s), p99 - p50 ${(through.p99_ms - through.p50_ms).toFixed(2)} ms`, added);
}
const direct = bench.median('provider_late', 256);
const through = bench.median('turn_late', 256);
const ideal = 256 / (delay / 1000);
const late = { name: 'turn_late', c: 256, rate: through.rate, ideal, share: through.rate / ideal, provider_rate: direct.rate, p50_ms: through.p50_ms, p99_ms: through.p99_ms, errors: through.errors };
print(`c=256, the provider waits ${delay} ms: ${Math.round(through.rate)} turns/s, ${(late.share * 100).toFixed(0)} % of the ideal ${ideal}/s (directly: ${Math.round(direct.rate)}/s)`, late);
await bench.stop();
