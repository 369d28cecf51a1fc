// What uploads and downloads do to everybody else: reads and turns, quiet and beside transfers.
import { options } from '../../chaos/parts/options.mjs';
import { sleep } from '../../harness/http.mjs';
import { Bench, machine } from './bench.mjs';

const USAGE = `usage: tests/load/transfer [--seconds N] [--rounds N] [--size MIB]

Measures GET /projects (1 client), blocking turns (1 client) and the gaps of 16 streams of 50 frames a
second, in turns: quiet, beside 1 and 4 uploads, and beside 1 and 4 downloads of 100 MiB as fast as
they go, all on this machine.  Then memory (PSS) of the gateway and filed with 16 slow uploads.  Prints each measurement, then medians over the
rounds (5 of 3 s) and how many times the quiet figure they are, and each as JSON.`;

const { seconds, rounds, size } = options(USAGE, { seconds: 3, rounds: 5, size: 100 });
const STREAMS = 16;
const SETTINGS = { MIN_FREE_BYTES: '0', STORAGE_PER_USER: '9000000000000', TIMEOUT_FILES: '10' };
const bench = await Bench.start({ chatd: 1, people: 3, settings: SETTINGS });
const users = await bench.users('echo');
const streamers = await bench.users(`n-${seconds * 50}x20`);
const [reader, sender] = bench.people;
const project = (await bench.ask('POST', '/projects', { name: 'files' }, sender)).id;
const target = `/projects/${project}/files`;
await bench.stack.tell('script', { models: { 'files.create': { status: 401 } } }); // copies are not what is measured

const transfer = (name, mode, c, time, path, ...more) => bench.client('transfer', '-n', name, '-m', mode, '-c', c, '-d', time, '-s', size, '-t', sender, ...more, bench.platform, path);
const probes = {
    project_list: (name) => bench.client('http', '-n', name, '-d', seconds, '-c', 1, '-H', `Authorization: Bearer ${reader}`, bench.platform, '/projects'),
    stream_gap: (name) => bench.client('stream', '-n', name, '-c', STREAMS, '-r', 100, '-k', seconds * 50, '-w', seconds + 30, '-u', streamers, '-b', '{"project_id":@,"message":"hello","stream":true}', bench.platform, '/chat'),
    chat_create: (name) => bench.client('http', '-n', name, '-d', seconds, '-c', 1, '-m', 'POST', '-u', users, '-b', '{"project_id":@,"message":"hello"}', bench.platform, '/chat'),
};
await transfer('first', 'upload', 1, 4, target);
const file = (await bench.ask('GET', `${target}?limit=1`, undefined, sender))[0].id;
const content = `/projects/files/${file}/content`;
const beside = {
    quiet: undefined,
    upload_1: (time) => transfer('upload_1', 'upload', 1, time, target),
    upload_4: (time) => transfer('upload_4', 'upload', 4, time, target),
    download_1: (time) => transfer('download_1', 'download', 1, time, content),
    download_4: (time) => transfer('download_4', 'download', 4, time, content),
};

for (let round = 1; round <= rounds; round++) {
    console.log(`# round ${round} of ${rounds}, ${machine()}`);
    for (const [what, begin] of Object.entries(beside))
        for (const [probe, run] of Object.entries(probes)) {
            const under = begin?.(seconds + 1);
            if (under) await sleep(500);
            await run(`${probe}.${what}`);
            await under;
        }
}

// PSS of a process now, in KiB.
const memory = () => Object.fromEntries(['gateway-1', 'filed'].map((name) => [name, bench.processes()[name].pss]));
const before = memory();
const slow = transfer('upload_16_slow', 'upload', 16, 8, target, '-l', 4);
await sleep(6000);
const during = memory();
await slow;

console.log(`# medians of ${rounds} rounds`);
for (const probe of Object.keys(probes)) {
    const middle = (what) => {
        const found = bench.median(`${probe}.${what}`, probe === 'stream_gap' ? STREAMS : 1);
        return probe === 'stream_gap' ? { p50_ms: found.gap_p50_ms, p99_ms: found.gap_p99_ms, errors: found.wrong } : found;
    };
    const quiet = middle('quiet');
    for (const what of Object.keys(beside)) {
        const got = middle(what);
        const figures = { name: 'beside', probe, what, p50_ms: got.p50_ms, p99_ms: got.p99_ms, p50_times: got.p50_ms / quiet.p50_ms, p99_times: got.p99_ms / quiet.p99_ms, errors: got.errors };
        console.log(`${probe.padEnd(14)} ${what.padEnd(12)} p50 ${got.p50_ms.toFixed(2)} ms (${figures.p50_times.toFixed(2)} x)  p99 ${got.p99_ms.toFixed(2)} ms (${figures.p99_times.toFixed(2)} x)\n${JSON.stringify(figures)}`);
    }
}
for (const what of Object.keys(beside).filter((name) => beside[name])) {
    const { mib_per_s: rate } = bench.median(what, Number(what.split('_')[1]));
    console.log(`${what}: ${rate.toFixed(0)} MiB/s\n${JSON.stringify({ name: 'rate', what, mib_per_s: rate })}`);
}
for (const [name, pss] of Object.entries(during)) {
    const each = (pss - before[name]) / 16;
    console.log(`${name}: ${before[name]} KiB, with 16 uploads ${pss} KiB, ${each.toFixed(0)} KiB each\n${JSON.stringify({ name: 'upload_pss', process: name, before_kib: before[name], kib: pss, each_kib: each })}`);
}
await bench.stop();
