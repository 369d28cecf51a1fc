// What a flood of log-ins does to chats, to those that it keeps out, and to memory.
import http from 'node:http';
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
const agent = new http.Agent({ keepAlive: true, maxSockets: 400 });
let number = 0;

// One log-in; resolves to [status, ms].
function login() {
    const begun = performance.now();
    const body = JSON.stringify({ email: `flood${number++}@example.com`, password: 'Wrong4ever' });
    return new Promise((done) => {
        const headers = { 'Content-Type': 'application/json', 'Content-Length': body.length };
        const req = http.request({ host: '127.0.0.1', port: bench.stack.port, path: '/users/login', method: 'POST', agent, headers }, (res) => {
            res.resume().on('end', () => done([res.statusCode, performance.now() - begun]));
        });
        req.on('error', (e) => done([e.code, performance.now() - begun])).end(body);
    });
}

async function capacity() {
    const end = Date.now() + 4000;
    let checked = 0;
    const worker = async () => {
        while (Date.now() < end) {
            const [status] = await login();
            checked += status === 401;
        }
    };
    await Promise.all(Array.from({ length: 8 }, worker));
    return checked / 4;
}

// Starts them at that rate, whatever becomes of them.
function flood(rate) {
    const seen = [];
    const waiting = new Set();
    let owed = 0;
    let last = performance.now();
    const timer = setInterval(() => {
        const now = performance.now();
        owed += ((now - last) * rate) / 1000;
        last = now;
        for (; owed >= 1; owed--) {
            const one = login().then((result) => (seen.push(result), waiting.delete(one)));
            waiting.add(one);
        }
    }, 5);
    return async () => {
        clearInterval(timer);
        await Promise.all(waiting);
        return seen;
    };
}

const chats = (name) => bench.client('http', '-n', name, '-d', seconds, '-c', 1, '-m', 'POST', '-u', users, '-b', '{"project_id":@,"message":"hello"}', bench.platform, '/chat');
const rate = await capacity();
console.log(`${Math.round(rate)} log-ins/s are checked; the flood sends ${Math.round(times * rate)}/s`);
const found = [];

for (let round = 1; round <= rounds; round++) {
    console.log(`# round ${round} of ${rounds}, ${machine()}`);
    const quiet = await chats('chat_quiet');
    const stop = flood(times * rate);
    const beside = await chats('chat_flooded');
    const { pss } = bench.processes().authd;
    const seen = await stop();
    const refused = seen.filter(([status]) => status === 429 || status === 503).map(([, ms]) => ms);
    const checked = seen.filter(([status]) => status === 401).length;
    const figures = {
        name: 'flood', p99_ratio: beside.p99_ms / quiet.p99_ms, p50_ratio: beside.p50_ms / quiet.p50_ms, sent: seen.length, checked, refused: refused.length,
        other: seen.length - checked - refused.length, refused_p50_ms: percentile(refused, 0.5), refused_p99_ms: percentile(refused, 0.99), refused_max_ms: percentile(refused, 1), authd_mb: pss / 1024,
    };
    found.push(figures);
    console.log(
        `chat p99 ${figures.p99_ratio.toFixed(2)} times quiet; of ${seen.length} log-ins ${checked} checked, ${refused.length} refused within p50 ${figures.refused_p50_ms.toFixed(1)} ms, ` +
            `p99 ${figures.refused_p99_ms.toFixed(1)} ms, at most ${figures.refused_max_ms.toFixed(1)} ms; authd ${figures.authd_mb.toFixed(0)} MB\n${JSON.stringify(figures)}`,
    );
}
const middle = (key) => percentile(found.map((f) => f[key]), 0.5);
const medians = Object.fromEntries(Object.keys(found[0]).map((key) => [key, key === 'name' ? 'flood_median' : middle(key)]));
console.log(`# medians: chat p99 ${medians.p99_ratio.toFixed(2)} times quiet, refused p99 ${medians.refused_p99_ms.toFixed(1)} ms, authd ${medians.authd_mb.toFixed(0)} MB\n${JSON.stringify(medians)}`);
agent.destroy();
await bench.stop();
