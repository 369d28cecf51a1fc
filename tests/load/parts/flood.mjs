// What a flood of log-ins does to chats, to those that it keeps out, and to memory.
import { options } from '../../chaos/parts/options.mjs';
import { Bench, machine, percentile } from './bench.mjs';

const USAGE = `usage: tests/load/flood [--seconds N] [--rounds N] [--times N]

Measures how many log-ins a second can be checked, then chats (one after another) alone and beside a
flood of 10 times so many log-ins, in turns.  Every log-in is of another address, so that neither the
lock of an account nor a network address' rate keeps it from the queue of hashes.  Prints the chats'
latencies, what became of the flood, and authd's memory; medians over the rounds (5 of 5 s).`;

const { seconds, rounds, times } = options(USAGE, { seconds: 5, rounds: 5, times: 10 });
const bench = await Bench.start({ chatd: 1, people: 4 });
const users = await bench.users('echo');
const CHECKED = 401;
const REFUSED = [429, 503];
let floods = 0;

// Log-ins of addresses that nobody has, each another; resolves to the client's figures.
const logins = (name, ...args) =>
    bench.client('http', '-n', name, '-m', 'POST', ...[CHECKED, ...REFUSED].flatMap((s) => ['-s', s]), ...args, '-b', `{"email":"flood${floods++}-#@example.com","password":"Wrong4ever"}`, bench.platform, '/users/login');
const chats = (name) => bench.client('http', '-n', name, '-d', seconds, '-c', 1, '-m', 'POST', '-u', users, '-b', '{"project_id":@,"message":"hello"}', bench.platform, '/chat');
const few = await logins('capacity', '-d', 4, '-c', 400, '-r', 200);
const rate = few.answers[CHECKED].count / 4;
console.log(`${Math.round(rate)} log-ins/s are checked; the flood sends ${Math.round(times * rate)}/s`);
const found = [];

for (let round = 1; round <= rounds; round++) {
    console.log(`# round ${round} of ${rounds}, ${machine()}`);
    const quiet = await chats('chat_quiet');
    const flood = logins('flood', '-d', seconds + 1, '-c', 1000, '-r', Math.round(times * rate));
    const beside = await chats('chat_flooded');
    const { pss } = bench.processes().authd;
    const { answers, unsent, errors } = await flood;
    const refused = REFUSED.map((s) => answers[s]).filter(Boolean);
    const worst = (key) => Math.max(...refused.map((a) => a[key]));
    const figures = {
        name: 'flood', p99_ratio: beside.p99_ms / quiet.p99_ms, p50_ratio: beside.p50_ms / quiet.p50_ms, checked: answers[CHECKED]?.count ?? 0, refused: refused.reduce((n, a) => n + a.count, 0),
        unsent, other: errors, refused_p50_ms: worst('p50_ms'), refused_p99_ms: worst('p99_ms'), refused_max_ms: worst('max_ms'), authd_mb: pss / 1024,
    };
    found.push(figures);
    console.log(
        `chat p99 ${figures.p99_ratio.toFixed(2)} times quiet; ${figures.checked} log-ins checked, ${figures.refused} refused within p50 ${figures.refused_p50_ms.toFixed(1)} ms, ` +
            `p99 ${figures.refused_p99_ms.toFixed(1)} ms, at most ${figures.refused_max_ms.toFixed(1)} ms; authd ${figures.authd_mb.toFixed(0)} MB\n${JSON.stringify(figures)}`,
    );
}
const middle = (key) => percentile(found.map((f) => f[key]), 0.5);
const medians = Object.fromEntries(Object.keys(found[0]).map((key) => [key, key === 'name' ? 'flood_median' : middle(key)]));
console.log(`# medians: chat p99 ${medians.p99_ratio.toFixed(2)} times quiet, refused p99 ${medians.refused_p99_ms.toFixed(1)} ms, authd ${medians.authd_mb.toFixed(0)} MB\n${JSON.stringify(medians)}`);
await bench.stop();
