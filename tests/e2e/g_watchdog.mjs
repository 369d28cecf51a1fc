// The watchdog is fed only while every thread goes on: one that hangs is named and stops the pings.
// Processes with a systemd of ours beside those of the stack; see common/pulse.h and common/hang.h.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { eventually, sleep } from '../harness/http.mjs';
import { begin, build, freePorts } from '../harness/stack.mjs';

const WATCHDOG_US = 1500000; // a piece of work may take three times as long

export const stack = { own: true };

export default async function (t) {
    const dir = path.join(t.stack.dir, 'watchdog');
    fs.mkdirSync(dir);
    fs.chmodSync(dir, 0o755);
    const messages = [];
    const started = [];
    const socket = path.join(dir, 'notify');
    const notified = spawnNotify(socket, messages);
    await notified.bound;

    // One more process like NAME, which tells our systemd how it is, and where a file in its own directory
    // makes a thread hang.
    const start = (name, more = {}) => {
        const hang = fs.mkdtempSync(path.join(dir, 'hang-'));
        fs.chmodSync(hang, 0o755);
        const pid = t.stack.pid(name);
        const proc = (what) => fs.readFileSync(`/proc/${pid}/${what}`, 'utf8');
        const [, uid, gid] = proc('status').match(/^Uid:\t(\d+)[^]*^Gid:\t(\d+)/m);
        const env = Object.fromEntries(proc('environ').split('\0').filter(Boolean).map((e) => [e.slice(0, e.indexOf('=')), e.slice(e.indexOf('=') + 1)]));
        Object.assign(env, { NOTIFY_SOCKET: socket, WATCHDOG_USEC: String(WATCHDOG_US), HANG_DIR: hang }, more);
        const drop = process.getuid() === 0 ? ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups', '--'] : [];
        const kind = name.replace(/-\d+$/, '');
        const [program, ...args] = [...drop, path.join(build, kind)];
        const child = begin(program, args, { env, stdio: ['ignore', 'ignore', 'pipe'] });
        child.said = '';
        child.stderr.on('data', (text) => (child.said += text));
        child.file = (thread) => path.join(hang, `${kind}.${thread}`);
        started.push(child);
        return child;
    };
    const pings = (child) => messages.filter((m) => m === `${child.pid} WATCHDOG=1`).length;
    const fed = (child) => {
        const before = pings(child);
        return eventually(() => pings(child) > before + 1, { within: 30000, what: `pings: ${child.said}` });
    };
    // It pings; with THREAD (or STOPPED) hanging it says so and pings no more; then it goes on.
    const hangs = async (child, thread, { provoke = async () => {}, stopped = thread } = {}) => {
        await fed(child);
        fs.writeFileSync(child.file(stopped), '');
        const named = new RegExp(`event=hung thread=${thread} `);
        await eventually(async () => (await provoke(), named.test(child.said)), { within: 30000, what: `${thread} is named: ${child.said}` });
        const before = pings(child);
        await sleep(1000);
        assert.ok(pings(child) <= before + 1, `${thread}: ${pings(child) - before} pings`);
        fs.unlinkSync(child.file(stopped));
        await fed(child);
        assert.match(child.said, new RegExp(`event=hung_no_more thread=${thread} `));
    };
    const write = async () => {
        for (let i = 0; i < 8; i++) t.call('POST', '/projects', { body: { name: 'waits' } }).catch(() => {});
        await sleep(300);
    };
    const ports = await freePorts(2);
    const gateway = (n) => start('gateway-1', { PORT: String(ports[n]), GATEWAY_NUMBER: '1', GATEWAY_NAME: `gateway-${8 + n}` });

    await t.as('alice');
    await t.stack.reload('gateway-1', { REQUEST_WAIT: 2 }); // nobody waits for what hangs
    await t.test('a thread that hangs is named and stops the pings', () =>
        Promise.all([
            hangs(start('projectd'), 'write-1', { provoke: write }),
            hangs(start('projectd'), 'bus'),
            hangs(start('chatd-1'), 'upstream'),
            hangs(start('chatd-1'), 'beater'),
            hangs(gateway(0), 'broker'),
            hangs(gateway(1), 'http', { stopped: 'requests' }), // it answers nobody, itself included
        ]));

    for (const child of started) {
        child.kill('SIGTERM');
        await new Promise((done) => (child.exitCode === null && !child.signalCode ? child.on('exit', done) : done()));
    }
    notified.child.kill('SIGTERM');
}

function spawnNotify(socket, messages) {
    const child = spawn(path.join(build, 'tests/notify'), [socket], { stdio: ['ignore', 'pipe', 'ignore'] });
    let rest = '';
    const bound = new Promise((done) => {
        child.stdout.on('data', (text) => {
            const lines = (rest + text).split('\n');
            rest = lines.pop();
            messages.push(...lines);
            done();
        });
    });
    return { child, bound };
}
