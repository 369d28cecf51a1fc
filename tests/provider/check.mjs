// Checks the scripted provider with the official openai client and with raw sockets.
// usage: node check.mjs PROVIDER
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import clientCases from './check_client.mjs';
import rawCases from './check_raw.mjs';

const program = process.argv[2];
if (!program) {
    console.error('usage: node check.mjs PROVIDER');
    process.exit(2);
}

const directory = mkdtempSync(join(tmpdir(), 'provider-'));
const running = [];

// Starts a provider on a free port; resolves when it listens.
async function start(...flags) {
    const file = join(directory, `port-${running.length}`);
    const child = spawn(program, ['--port', '0', '--port-file', file, ...flags], {
        stdio: ['ignore', 'ignore', 'inherit'],
    });
    running.push(child);
    for (let i = 0; i < 200 && !existsSync(file); i++) await sleep(25);
    const port = Number(readFileSync(file, 'utf8'));
    const root = `http://127.0.0.1:${port}`;
    const control = async (path, body) => {
        const options = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) };
        const answer = await fetch(`${root}/_/${path}`, options);
        const result = await answer.json();
        if (!answer.ok) throw new Error(`${path}: ${JSON.stringify(result)}`);
        return result;
    };
    return { child, port, root, control };
}

let passed = 0;
let failed = 0;
const context = { program, start, server: await start() };
const deadline = 20000;

for (const [name, run] of [...clientCases, ...rawCases]) {
    try {
        await context.server.control('reset', {});
        const late = sleep(deadline, null, { ref: false }).then(() => {
            throw new Error(`not done after ${deadline} ms`);
        });
        await Promise.race([run(context), late]);
        passed++;
        console.log(`ok ${name}`);
    } catch (error) {
        failed++;
        console.log(`FAILED ${name}: ${error.stack}`);
    }
}

for (const child of running) {
    if (child.exitCode === null) {
        child.kill('SIGTERM');
        await once(child, 'exit');
    }
    if (child.exitCode !== 0) {
        failed++;
        console.log(`FAILED provider ended with ${child.exitCode ?? child.signalCode}`);
    }
}
rmSync(directory, { recursive: true });
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
