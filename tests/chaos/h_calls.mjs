// Single calls of the database, the bus, files, the provider, memory and threads that fail: those of a
// table, and with --long all kinds under load, at random.  `tests/chaos/faults` lets each of a tour fail, one
// after the other, and `tests/chaos/faults --suite` those of the end-to-end cases.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { collected } from '../harness/blobs.mjs';
import { build } from '../harness/stack.mjs';
import { check } from './parts/checker.mjs';
import { Faulter, Faults, STACK } from './parts/faults.mjs';
import { figures } from './parts/figures.mjs';
import { run, SHORT, verdict } from './parts/kill.mjs';
import { KINDS, Plans, PROGRAMS } from './parts/plans.mjs';
import { blind, halfWritten, watchEnds } from './parts/states.mjs';

const LEAST = 10; // calls that fail under load
const CROWD = { ...SHORT, seconds: 12, kills: 0, faults: 1000, every: 250 };

// Step of the tour, program, kind, the function or statement whose next call fails there (named, as the
// n-th call of a kind is another one each time), and what somebody is told of it: '' for nothing, as it is
// mended inside; undefined where a process ends, which meets whoever asks then.
const POINTS = [
    ['accounts', 'authd', 'statement', 'account_insert', '500 internal'],
    ['sessions', 'authd', 'answered', 'session_rotate', '503 unavailable'],
    ['projects', 'projectd', 'asked', 'project_get', ''],
    ['projects', 'projectd', 'asked', 'commit', ''],
    ['projects', 'projectd', 'answered', 'project_insert', ''],
    ['projects', 'projectd', 'answered', 'outbox_add', ''],
    ['projects', 'projectd', 'statement', 'idempotency_store', '500 internal'],
    ['projects', 'projectd', 'sent', 'zmq_send', ''],
    ['projects', 'projectd', 'received', 'zmq_msg_recv', ''],
    ['projects', 'projectd', 'received', 'zmq_poll', ''],
    ['projects', 'projectd', 'memory', 'realloc'],
    ['projects', 'gateway', 'sent', 'zmq_msg_send', ''],
    ['projects', 'gateway', 'received', 'zmq_msg_recv', ''],
    ['projects', 'gateway', 'memory', 'calloc'],
    ['chat', 'chatd', 'statement', 'turn_accept', '500 internal'],
    ['chat', 'chatd', 'answered', 'turn_accept', ''],
    ['chat', 'chatd', 'asked', 'idempotency_store', ''],
    ['chat', 'chatd', 'answered', 'turn_finish', ''],
    ['chat', 'chatd', 'called', 'curl_multi_add_handle', ''],
    ['chat', 'chatd', 'told', 'curl_multi_info_read', ''],
    ['chat', 'chatd', 'memory', 'realloc'],
    ['chat', 'chatd', 'system', 'epoll_ctl'],
    ['files', 'filed', 'files', 'openat', '500 internal'],
    ['files', 'filed', 'files', 'write', '507 storage_full'],
    ['files', 'filed', 'files', 'fsync', '500 internal'],
    ['files', 'filed', 'files', 'renameat', '507 storage_full'],
    ['files', 'filed', 'statement', 'file_insert', '500 internal'],
    ['files', 'filed', 'asked', 'commit', ''],
    ['files', 'filed', 'called', 'curl_multi_add_handle', ''],
    ['files', 'filed', 'told', 'curl_multi_info_read', ''],
];

// A busy machine may take long for a password; what fails is not told by waiting.
export const stack = { ...STACK, settings: { ...STACK.settings, REQUEST_WAIT: '30' }, chatd: 2, own: true, late: [/./] };

export default async function (t) {
    t.expectLog(/./); // each fault is told
    await watchEnds(t.stack);
    await t.as('alice');
    const found = [];
    const faults = new Faults(t.client, ({ where, what }) => found.push(`${where}: ${what}`));
    for (const [step, program, kind, only, told] of POINTS)
        await t.test(`${step}: ${program} ${kind} ${only} fails, and all is well again`, async () => {
            found.length = 0;
            const { met, refused } = await faults.point({ step, program, kind, only });
            assert.equal(found.join('\n'), '');
            assert.ok(met, 'the call was made');
            if (told !== undefined) assert.equal(refused.join(', '), told);
        });
    await t.test('nothing is half written', async () => {
        assert.deepEqual(await halfWritten(t.stack), []);
        await collected(t.stack);
        assert.deepEqual(blind(t.stack), [], 'each rule sees what breaks it');
    });
    console.log(faults.told().replace(/^/gm, '     '));
    if (process.env.TEST_LONG === '1') await crowd(t);
}

async function crowd(t) {
    await t.test('nothing is lost or doubled where calls fail under load', async () => {
        const records = path.join(build, 'tests/log/faults');
        fs.rmSync(records, { recursive: true, force: true });
        const facts = await run(t.stack, records, CROWD, Faulter);
        assert.equal(verdict(check(facts)).text, '');
        const plans = new Plans(t.stack);
        const failed = PROGRAMS.flatMap((program) => KINDS.map((kind) => plans.failed(program, kind))).reduce((a, b) => a + b);
        console.log(`     ${failed} calls failed beside ${figures(facts).turns} turns`);
        assert.ok(failed >= LEAST, `${failed} calls failed`);
    });
}
