// A gateway that does not get the threads or the descriptors it needs must not half-serve.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { build } from '../harness/stack.mjs';

export default async function (t) {
    const root = process.getuid() === 0;
    const uid = root ? 65533 : process.getuid();
    const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'chatbot-threads-'));
    fs.mkdirSync(path.join(dir, 'bus'));
    fs.copyFileSync(path.join(build, 'gateway'), path.join(dir, 'gateway'));
    for (const name of ['.', 'bus', 'gateway']) fs.chmodSync(path.join(dir, name), 0o755);
    if (root) fs.chownSync(path.join(dir, 'bus'), uid, uid);

    const start = (limit) => {
        const drop = root ? ['setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups'] : [];
        const settings = [`BUS_DIR=${dir}/bus`, 'PORT=39217', 'HTTP_THREADS=512'].flatMap((s) => ['--set', s]);
        return spawnSync('prlimit', [limit, '--', ...drop, path.join(dir, 'gateway'), ...settings], {
            encoding: 'utf8',
            timeout: 30000,
            env: { PATH: '/usr/bin', ASAN_OPTIONS: 'detect_leaks=0' },
        });
    };
    // what the limit counts: every thread of this user
    const threads = () =>
        root ? 0 : Number(spawnSync('sh', ['-c', `ps -L -u ${uid} --no-headers | wc -l`], { encoding: 'utf8' }).stdout);

    await t.test('too few threads end the start with a reason', () => {
        const run = start(`--nproc=${threads() + 100}`);
        assert.equal(run.status, 1, run.stderr);
        assert.match(run.stderr, /thread/);
    });

    await t.test('too few descriptors end the start with a reason', () => {
        const run = start('--nofile=64:64');
        assert.equal(run.status, 1, run.stderr);
        assert.match(run.stderr, /descriptor/);
    });

    fs.rmSync(dir, { recursive: true });
}
