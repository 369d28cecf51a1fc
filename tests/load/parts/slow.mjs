// Clients that are slow on purpose, a thousand of them, and who else is served meanwhile.
import { spawn } from 'node:child_process';
import http from 'node:http';
import https from 'node:https';
import { options } from '../../chaos/parts/options.mjs';
import { sleep } from '../../harness/http.mjs';
import { PROXIES, startProxy } from '../../harness/proxy.mjs';
import { Bench, machine, percentile } from './bench.mjs';

const USAGE = `usage: tests/load/slow [--seconds N] [--connections N] [--only WORDS]

Runs slowhttptest with slow heads (-H), slow bodies (-B), ranges (-R) and slow reading (-X) against the
bare gateway, nginx and haproxy (the files of deploy/), as many connections as said (1000), for so long
each (20 s), and asks GET /health/live and GET /projects every 50 ms, on new connections, before and
meanwhile.  Prints for each: how many probes were answered, and p99 quiet and attacked.
--only gateway,nginx picks some.`;

const MODES = [
    ['heads', ['-H', '-i', '2', '-x', '24', '-p', '3']],
    ['bodies', ['-B', '-i', '2', '-s', '8192', '-x', '10', '-p', '3']],
    ['ranges', ['-R', '-a', '1', '-b', '3000']],
    ['readers', ['-X', '-w', '1', '-y', '1', '-n', '5', '-z', '1', '-k', '3', '-p', '3']],
];
const EVERY_MS = 50;
const LATE_MS = 5000; // then a probe counts as unanswered

const { seconds, connections, only } = options(USAGE, { seconds: 20, connections: 1000, only: '' });
const bench = await Bench.start({ chatd: 1, gateways: 2, people: 1, settings: { HTTP_THREADS: '512', MAX_STREAMS: '256', TRUSTED_PROXIES: '127.0.0.1', ...(process.env.SLOW_SETTINGS ? JSON.parse(process.env.SLOW_SETTINGS) : {}) } });
await bench.ask('POST', '/projects', { name: 'probe' }, bench.people[0]);

// One request on a connection of its own; resolves to its ms, or to 0 when it was not answered 200.
function probe(target, path) {
    const begun = performance.now();
    const headers = { Host: target.tls ? 'chat.example.org' : '127.0.0.1', Authorization: `Bearer ${bench.people[0]}` };
    const make = target.tls ? https.request : http.request;
    return new Promise((done) => {
        const options = { host: '127.0.0.1', port: target.port, path, headers, agent: false, rejectUnauthorized: false, timeout: LATE_MS };
        const req = make(options, (res) => res.resume().on('end', () => done(res.statusCode === 200 ? performance.now() - begun : 0)).on('error', () => done(0)));
        req.on('timeout', () => req.destroy()).on('error', () => done(0)).end();
    });
}

async function probes(target, ms, until = () => false) {
    const all = [];
    const end = Date.now() + ms;
    for (let n = 0; Date.now() < end && !until(); n++) {
        all.push(probe(target, n % 2 ? '/projects' : '/health/live'));
        await sleep(EVERY_MS);
    }
    return Promise.all(all);
}

function attack(target, args) {
    const url = `${target.tls ? 'https' : 'http'}://127.0.0.1:${target.port}/${args[0] === '-B' ? 'users/login' : 'openapi.json'}`;
    const verb = args[0] === '-B' ? ['-t', 'POST', '-f', 'application/json'] : [];
    const child = spawn('setpriv', ['--pdeathsig', 'TERM', '--', 'slowhttptest', ...args, '-c', connections, '-r', Math.ceil(connections / 4), '-l', seconds, '-u', url, ...verb].map(String), { stdio: ['ignore', 'pipe', 'ignore'] });
    let said = '';
    child.stdout.on('data', (c) => (said = (said + c).slice(-8192)));
    const over = new Promise((done) => child.on('exit', done));
    return { over, said: () => said, stop: () => child.kill('SIGINT') };
}

const targets = [{ name: 'gateway', port: bench.stack.port, tls: false }];
const proxies = [];
for (const kind of PROXIES) {
    const proxy = await startProxy(kind, bench.stack.ports);
    proxies.push(proxy);
    targets.push({ name: kind, port: proxy.port, tls: true });
}
for (const target of targets) {
    if (only && !only.split(',').includes(target.name)) continue;
    for (const [mode, args] of MODES) {
        const quiet = await probes(target, 5000);
        const attacker = attack(target, args);
        let ended = false;
        attacker.over.then(() => (ended = true));
        await sleep(500);
        const attacked = await probes(target, seconds * 1000 - 1000, () => ended);
        attacker.stop();
        await attacker.over;
        const good = attacked.filter((ms) => ms > 0);
        const figures = {
            name: 'slow', target: target.name, mode, connections, probes: attacked.length, available_percent: (100 * good.length) / attacked.length,
            quiet_p99_ms: percentile(quiet.filter((ms) => ms > 0), 0.99), attacked_p50_ms: percentile(good, 0.5), attacked_p99_ms: percentile(good, 0.99),
        };
        figures.p99_ratio = figures.attacked_p99_ms / figures.quiet_p99_ms;
        console.log(
            `${target.name}, slow ${mode}: ${good.length} of ${attacked.length} probes answered (${figures.available_percent.toFixed(1)} %), p99 ${figures.attacked_p99_ms.toFixed(1)} ms, ` +
                `quiet ${figures.quiet_p99_ms.toFixed(1)} ms (${figures.p99_ratio.toFixed(2)} times), ${machine()}\n${JSON.stringify(figures)}`,
        );
        await sleep(1000);
    }
}
for (const proxy of proxies) await proxy.stop();
await bench.stop();
