// A gateway that runs out of threads or descriptors sheds, and is well again afterwards.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { eventually, Raw, sleep } from '../harness/http.mjs';

export const stack = { settings: { HTTP_THREADS: '32' }, own: true };

export default async function (t) {
    await t.as('alice');
    t.expectLog(/descriptor|EMFILE|shed|accept|busy|full/i);
    const alive = async () => {
        try {
            return (await t.call('GET', '/health/live', { token: null, timeout: 3000 })).status === 200;
        } catch {
            return false;
        }
    };
    // Opens connections, half of them with a request begun, and holds them for a while.
    const crowd = async (n, ms) => {
        const raws = Array.from({ length: n }, () => new Raw(t.stack.port));
        for (const [i, raw] of raws.entries()) raw.opened.then(() => i % 2 && raw.socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n'), () => {});
        await sleep(ms);
        return () => raws.forEach((raw) => raw.close());
    };
    const ticks = () => {
        const fields = fs.readFileSync(`/proc/${t.stack.pid('gateway-1')}/stat`, 'utf8').split(') ').pop().split(' ');
        return Number(fields[11]) + Number(fields[12]);
    };

    await t.test('more connections than threads', async () => {
        const leave = await crowd(200, 1500);
        leave();
        await eventually(alive, { within: 30000, what: 'served again' });
    });

    await t.test('no descriptors left', async () => {
        const pid = t.stack.pid('gateway-1');
        const open = fs.readdirSync(`/proc/${pid}/fd`).length;
        const own = fs.readFileSync(`/proc/${pid}/status`, 'utf8'); // nobody else may
        const [uid, gid] = ['Uid', 'Gid'].map((name) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(own)[1]));
        const limit = (n) => {
            const run = spawnSync('prlimit', ['--pid', String(pid), `--nofile=${n}`], { uid, gid, encoding: 'utf8' });
            assert.equal(run.status, 0, run.stderr);
        };
        const before = /Max open files\s+(\d+)\s+(\d+)/.exec(fs.readFileSync(`/proc/${pid}/limits`, 'utf8'));
        limit(`${open + 4}:${before[2]}`);
        const used = ticks();
        const leave = await crowd(60, 2500);
        assert.ok(ticks() - used < 150, `the gateway spins: ${ticks() - used} ticks of CPU in 2.5 s`);
        leave();
        limit(`${before[1]}:${before[2]}`);
        await eventually(alive, { within: 30000, what: 'served again' });
        assert.equal(t.stack.pid('gateway-1'), pid, 'the same process');
        assert.equal((await t.call('GET', '/projects')).status, 200);
    });
}
