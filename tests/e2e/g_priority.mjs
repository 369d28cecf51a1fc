// What hashes passwords or moves files steps behind what people wait for.
import assert from 'node:assert/strict';
import fs from 'node:fs';

const SCHED_BATCH = 3;

export default async function (t) {
    // The threads of a process whose names begin so: [{nice, policy}].
    const threads = (process, name) =>
        fs.readdirSync(`/proc/${t.stack.pid(process)}/task`).flatMap((task) => {
            const [head, tail] = fs.readFileSync(`/proc/${t.stack.pid(process)}/task/${task}/stat`, 'utf8').split(') ');
            const fields = tail.split(' ');
            return head.split('(')[1].startsWith(name) ? [{ nice: Number(fields[16]), policy: Number(fields[38]) }] : [];
        });

    await t.test('threads that hash and threads that move files are of lower priority, others are not', () => {
        const hashing = threads('authd', 'hash');
        const moving = threads('filed', 'bulk');
        assert.ok(hashing.length && moving.length);
        for (const thread of hashing) assert.deepEqual(thread, { nice: 10, policy: SCHED_BATCH });
        for (const thread of moving) assert.deepEqual(thread, { nice: 5, policy: SCHED_BATCH });
        for (const thread of threads('authd', 'write')) assert.deepEqual(thread, { nice: 0, policy: 0 });
    });

    if (fs.existsSync('/proc/self/autogroup'))
        await t.test('authd steps behind the other processes', () => {
            const nice = (process) => fs.readFileSync(`/proc/${t.stack.pid(process)}/autogroup`, 'utf8').split('nice ')[1].trim();
            assert.equal(nice('authd'), '7');
            assert.equal(nice('chatd-1'), '0');
        });
}
