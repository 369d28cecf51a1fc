// Whether the time of a log-in tells if an address has an account.
import { options } from '../../chaos/parts/options.mjs';
import { request } from '../../harness/http.mjs';
import { Bench, machine } from './bench.mjs';

const USAGE = `usage: tests/load/enumeration [--tries N] [--rounds N]

Tries wrong passwords with addresses that have an account and with addresses that have none, in turns,
one at a time, each address fewer times than lock it.  Prints for each round (3 of 600 tries each) and
over all: means and medians in ms, how much they differ, and the difference's standard error.`;

const EACH = 8; // tries of one address; ten lock it

const { tries, rounds } = options(USAGE, { tries: 600, rounds: 3 });
const bench = await Bench.start({ chatd: 1, people: 0 });
const mean = (list) => list.reduce((a, b) => a + b, 0) / list.length;
const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
const variance = (list, m) => list.reduce((sum, x) => sum + (x - m) ** 2, 0) / (list.length - 1);

function tell(name, known, unknown) {
    const [a, b] = [mean(known), mean(unknown)];
    const figures = {
        name, tries: known.length, known_ms: a, unknown_ms: b, difference_percent: (100 * Math.abs(a - b)) / b,
        error_percent: (100 * Math.sqrt(variance(known, a) / known.length + variance(unknown, b) / unknown.length)) / b,
        known_p50_ms: median(known), unknown_p50_ms: median(unknown),
        p50_difference_percent: (100 * Math.abs(median(known) - median(unknown))) / median(unknown),
    };
    console.log(
        `${name}: ${known.length} tries each, known ${a.toFixed(2)} ms, unknown ${b.toFixed(2)} ms: means differ ${figures.difference_percent.toFixed(2)} % ` +
            `(standard error ${figures.error_percent.toFixed(2)} %), medians ${figures.p50_difference_percent.toFixed(2)} %\n${JSON.stringify(figures)}`,
    );
}

async function login(email) {
    const begun = process.hrtime.bigint();
    const reply = await request(bench.stack.port, { method: 'POST', path: '/users/login', body: { email, password: 'Wrong4ever' } });
    if (reply.status !== 401) throw new Error(`${reply.status} ${reply.text}`);
    return Number(process.hrtime.bigint() - begun) / 1e6;
}

const all = { known: [], unknown: [] };
for (let round = 1; round <= rounds; round++) {
    console.log(`# round ${round} of ${rounds}, ${machine()}`);
    const known = [];
    for (let n = 0; n < Math.ceil(tries / EACH); n++) {
        known.push(`known${round}x${n}@example.com`);
        while ((await request(bench.stack.port, { method: 'POST', path: '/users/register', body: { email: known[n], password: 'Load4ever' } })).status >= 500);
    }
    const times = { known: [], unknown: [] };
    for (let n = 0; n < tries; n++) {
        const i = n % known.length;
        // who goes first changes, too
        const order = n % 2 ? ['known', 'unknown'] : ['unknown', 'known'];
        for (const kind of order) times[kind].push(await login(kind === 'known' ? known[i] : `${kind}${round}x${i}@example.com`));
    }
    tell('enumeration', times.known, times.unknown);
    all.known.push(...times.known);
    all.unknown.push(...times.unknown);
}
tell('enumeration_all', all.known, all.unknown);
await bench.stop();
