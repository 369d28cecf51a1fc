// Mixed load for long, with restarts between: whether memory, descriptors, tables and indexes stay flat.
import fs from 'node:fs';
import path from 'node:path';
import { options } from '../../chaos/parts/options.mjs';
import { select } from '../../harness/database.mjs';
import { eventually, request, sleep } from '../../harness/http.mjs';
import { build } from '../../harness/stack.mjs';
import { Bench, machine, percentile } from './bench.mjs';
import { Mixed } from './mixed.mjs';

const USAGE = `usage: tests/load/soak [--minutes N] [--people N]

Turns, streams, uploads, lists, log-ins, projects, accounts and deletions by N (6) people for so many
minutes (30), at two gateways and two chatd.  In each tenth of the time one of the second gateway, the
second chatd, authd, projectd and filed ends (SIGTERM, each other time SIGKILL) and comes back; the first
gateway and chatd live through all of it, and are judged.  Memory (PSS) and descriptors of every process, and size, rows
and dead rows of every table with its indexes, 60 times.  All but the first quarter is judged: see the
tables that it prints (a table may grow with its rows).  Exit 1 when something grows or was answered wrongly.`;

const { minutes, people } = options(USAGE, { minutes: 30, people: 6 });
const SAMPLES = 60;
const SLACK = { pss: [1.15, 2048], fds: [1.1, 8] }; // times, and more (KiB, descriptors)
const TABLE = { times: 1.6, more: 1 << 20 }; // of what a row takes, and in all
const LASTING = ['gateway-1', 'chatd-1']; // the others are still filling their buffers
const total = minutes * 60000;
const bench = await Bench.start({ people, chatd: 2, gateways: 2, settings: { HTTP_THREADS: '512', MAX_STREAMS: '256', MAX_TURNS: '64', MAX_TURNS_PER_USER: '16', REQUEST_WAIT: '10' } });
const stack = bench.stack;
const mixed = new Mixed(bench, { kept: total / 15 });
const samples = [];
const tables = [];
const records = path.join(build, 'soak.jsonl'); // every sample
fs.rmSync(records, { force: true });
const keep = (list, one) => (list.push(one), fs.appendFileSync(records, `${JSON.stringify(one)}\n`));
const begun = Date.now();
const age = () => (Date.now() - begun) / total;
console.log(`# ${machine()}; ${minutes} minutes, ${people} people`);

const restarted = ['chatd-2', 'gateway-2', 'projectd', 'filed', 'authd'];

async function restarts() {
    for (let n = 0; n < 10; n++) {
        const due = begun + ((n + 0.9) * total) / 10;
        while (Date.now() < due && !mixed.over) await sleep(200);
        if (n === 9 || mixed.over) return;
        const name = restarted[n % restarted.length];
        const old = stack.pid(name);
        stack.signal(name, n % 2 ? 'SIGKILL' : 'SIGTERM');
        await eventually(() => stack.pid(name) && stack.pid(name) !== old, { within: 60000, what: `${name} is back` });
        console.log(`# ${Math.round((Date.now() - begun) / 1000)} s: ${name} restarted`);
    }
}

function descriptors(pid) {
    try {
        return fs.readdirSync(`/proc/${pid}/fd`).length;
    } catch {
        return 0;
    }
}

const TABLES = `SELECT schemaname || '.' || relname AS name, pg_table_size(relid) AS bytes, pg_indexes_size(relid) AS index_bytes,
    n_live_tup AS rows, n_dead_tup AS dead FROM pg_stat_user_tables ORDER BY 1`;

async function sample() {
    const pids = stack.pids();
    for (const [name, { pss }] of Object.entries(bench.processes())) if (pids[name]) keep(samples, { age: age(), name, pid: pids[name], pss, fds: name === 'postgres' ? 0 : descriptors(pids[name]) });
    for (const row of await select(stack, TABLES).catch(() => [])) keep(tables, { age: age(), ...row });
}

async function watch() {
    for (let n = 1; n <= SAMPLES; n++) {
        while (Date.now() < begun + (n * total) / SAMPLES) await sleep(100);
        await sample();
        if (n % 6 === 0) console.log(`# ${Math.round((Date.now() - begun) / 1000)} s, ${JSON.stringify(mixed.counts)}, asked again ${mixed.again}, wrong ${mixed.wrong.length}; load ${fs.readFileSync('/proc/loadavg', 'utf8').slice(0, 14)}`);
    }
    mixed.over = true;
}

const work = mixed.go();
await Promise.all([watch(), restarts()]);
await work;

// ---- judgement ----

const findings = mixed.wrong.slice(0, 10);
const middle = (list) => percentile(list, 0.5);
const print = (figures) => console.log(JSON.stringify(figures));

// A life of a process that is long enough to say something: its first and last third.
function lives() {
    const found = new Map();
    for (const s of samples) found.set(`${s.name} ${s.pid}`, [...(found.get(`${s.name} ${s.pid}`) ?? []), s]);
    return [...found.values()].map((list) => list.filter((s) => s.age >= Math.max(0.25, list[0].age + 0.08))).filter((list) => list.length >= 9);
}

console.log(`\n${'process'.padEnd(12)} ${'of the time'.padStart(11)} ${'PSS, KiB'.padStart(20)} ${'descriptors'.padStart(16)}`);
for (const list of lives()) {
    const third = Math.floor(list.length / 3);
    const of = (key, part) => middle(part.map((s) => s[key]));
    const figures = { name: 'life', process: list[0].name, share: list.at(-1).age - list[0].age };
    for (const key of ['pss', 'fds']) {
        const [first, last] = [of(key, list.slice(0, third)), of(key, list.slice(-third))];
        Object.assign(figures, { [`${key}_first`]: first, [`${key}_last`]: last });
        const [times, more] = SLACK[key];
        if (LASTING.includes(list[0].name) && last > first * times + more) findings.push(`${list[0].name}: ${key} grew from ${first} to ${last}`);
    }
    console.log(`${figures.process.padEnd(12)} ${`${Math.round(figures.share * 100)} %`.padStart(11)} ${`${figures.pss_first} -> ${figures.pss_last}`.padStart(20)} ${`${figures.fds_first} -> ${figures.fds_last}`.padStart(16)}`);
    print(figures);
}

console.log(`\n${'table'.padEnd(34)} ${'rows'.padStart(18)} ${'dead'.padStart(7)} ${'table, KiB'.padStart(18)} ${'indexes, KiB'.padStart(18)}`);
for (const name of new Set(tables.map((t) => t.name))) {
    const list = tables.filter((t) => t.name === name && t.age >= 0.25);
    const third = Math.floor(list.length / 3);
    const of = (key, part) => middle(part.map((t) => t[key]));
    const [first, last] = [list.slice(0, third), list.slice(-third)].map((part) => Object.fromEntries(['rows', 'dead', 'bytes', 'index_bytes'].map((key) => [key, of(key, part)])));
    const grew = Math.max(1, last.rows / Math.max(1, first.rows)); // what is kept by design may
    for (const key of ['bytes', 'index_bytes'])
        if (last[key] > first[key] * grew * TABLE.times + TABLE.more) findings.push(`${name}: ${key} grew from ${first[key]} to ${last[key]}, rows from ${first.rows} to ${last.rows}`);
    const kib = (key) => `${Math.round(first[key] / 1024)} -> ${Math.round(last[key] / 1024)}`;
    if (Math.max(last.bytes, last.index_bytes) >= 1 << 18) console.log(`${name.padEnd(34)} ${`${first.rows} -> ${last.rows}`.padStart(18)} ${String(last.dead).padStart(7)} ${kib('bytes').padStart(18)} ${kib('index_bytes').padStart(18)}`);
    print({ name: 'table', table: name, first, last });
}
const blobs = (await select(stack, 'SELECT count(*) AS n FROM file.blob'))[0].n;
const lasting = await request(stack.port, { path: '/health' });
if (lasting.json?.status !== 'healthy') findings.push(`in the end: ${lasting.text}`);
console.log(`\n${JSON.stringify(mixed.counts)}; asked again ${mixed.again} times, answered wrongly ${mixed.wrong.length} times; ${blobs} blobs are left`);
console.log(findings.length ? findings.join('\n') : 'flat');
print({ name: 'soak', minutes, people, counts: mixed.counts, again: mixed.again, wrong: mixed.wrong.length, blobs, findings });
await bench.stop();
process.exit(findings.length ? 1 : 0);
