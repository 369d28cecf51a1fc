// The platform over several hosts: see ./run.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { select } from '../harness/database.mjs';
import { eventually, request } from '../harness/http.mjs';
import { PROXIES } from '../harness/proxy.mjs';
import { stopAll } from '../harness/stack.mjs';
import { check } from '../chaos/parts/checker.mjs';
import { figures, told } from '../chaos/parts/figures.mjs';
import { run, SHORT, verdict } from '../chaos/parts/kill.mjs';
import { options } from '../chaos/parts/options.mjs';
import { Platform } from './platform.mjs';
import { Storm } from './storm.mjs';

const USAGE = `usage: tests/multihost/run [--rounds N] [--pause MS] [--users N] [--seconds N] [--edge nginx|haproxy] [--dir DIR]

Nine hosts (network namespaces) with a proxy (haproxy), two gateways, daemons twice, PostgreSQL and its
synchronous replica, over TCP with keys.  Tries who is refused, then lets users talk while each host is
killed and cut off once in each round (1) and the database fails over.  As root; some five minutes.`;

const given = options(USAGE, { rounds: 1, pause: 4000, users: 16, seconds: 400, edge: 'haproxy' });
if (!PROXIES.includes(given.edge)) {
    console.log(USAGE);
    process.exit(2);
}
const dir = given.dir ?? fs.mkdtempSync(path.join(os.tmpdir(), 'chatbot-multihost-'));
let passed = 0, failed = 0, platform;

async function test(name, fn) {
    const begun = Date.now();
    try {
        await fn();
        passed++;
        console.log(`ok   ${name} (${Date.now() - begun} ms)`);
    } catch (e) {
        failed++;
        console.log(`FAIL ${name} (${Date.now() - begun} ms)\n${String(e.stack).replace(/^/gm, '     ')}`);
    }
}

async function end(code) {
    await platform?.stop();
    await stopAll();
    if (!code) platform?.remove();
    process.exit(code);
}
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => end(1));

// A daemon with some key, as HOST runs it, and what both gateways say of it in the end.
async function intruder(name, { program, key, host }) {
    const credentials = { bus_key: platform.processes.key(key).secret, passfile: `*:*:*:*:${platform.password}\n`, secret_key: platform.secret };
    const settings = { BUS_DIR: platform.dir, ...platform.daemonSettings(name, program) };
    platform.processes.start(name, { program, credentials, settings, enter: platform.network.enter(host) });
    try {
        for (const n of [1, 2]) await platform.processes.logged(`gateway-${n}`, new RegExp(`event=bus_key_refused address="${platform.network.address(host)}"`));
    } finally {
        await platform.processes.stop([name]);
    }
}

const instances = async (service) => (await platform.health()).services?.[service]?.instances;

try {
    await test('nine hosts get ready', async () => {
        platform = await Platform.start({ edge: given.edge });
    });
    if (!platform) await end(1);
    await test('everybody serves from another host', async () => {
        const expected = { auth: 2, project: 2, chat: 2, file: 1 };
        for (const [service, n] of Object.entries(expected)) await eventually(async () => (await instances(service)) === n, { what: `${n} ${service}` });
    });
    await test('an unknown key, and a key of another service, are refused at both gateways', async () => {
        await intruder('stranger', { program: 'projectd', key: 'stranger', host: 'edge' });
        await intruder('thief', { program: 'authd', key: 'chatd-1', host: 'db2' });
        assert.deepEqual([await instances('project'), await instances('auth')], [2, 2]);
    });
    await test('gateways tell nobody but their proxy and this host of their metrics', async () => {
        const reply = await request(8000, { host: platform.network.address('gateway1'), path: '/metrics' });
        assert.ok([401, 403].includes(reply.status), `${reply.status}`);
    });
    let facts, storm;
    await test('nothing is lost, doubled or swapped while hosts die, cables are pulled and the database fails over', async () => {
        class Rage extends Storm {
            constructor(...args) {
                super(...args);
                storm = this;
            }
        }
        facts = await run(platform, path.join(dir, 'records'), { ...SHORT, ...given }, Rage);
        const problems = check(facts);
        const { kinds, text } = verdict(problems);
        assert.ok(!problems.length, `${JSON.stringify(kinds)}\n${text}`);
    });
    if (facts) {
        const numbers = figures(facts);
        console.log(`     ${storm.done.join(', ')}`);
        console.log(told(numbers));
        console.log(JSON.stringify({ name: 'multihost', ...numbers }));
        await test('the storm came over all of them, and the database failed over', async () => {
            assert.equal(storm.done.length, 12 * given.rounds + 2);
            const [{ timeline }] = await select(platform, "SELECT ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int AS timeline");
            assert.ok(timeline > 1, `timeline ${timeline}`);
            assert.ok(numbers.turns > 200, `${numbers.turns} turns`);
        });
        await test('everything is healthy again', () => eventually(async () => (await platform.health()).status === 'healthy' && (await instances('chat')) === 2, { within: 20000, what: 'healthy' }));
    }
} catch (e) {
    failed++;
    console.log(`FAIL the run itself\n${e.stack}`);
}
if (failed) console.log(`     records: ${dir}/records; the hosts' files: ${platform?.dir}`);
else if (!given.dir) fs.rmSync(dir, { recursive: true, force: true });
console.log(`${passed} passed, ${failed} failed`);
await end(failed ? 1 : 0);
