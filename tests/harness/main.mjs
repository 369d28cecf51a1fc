// Runs the cases of a folder: main.mjs e2e|browser|chaos [--contract].
// TEST_NAME picks files by a part of their name, or a pattern.  --contract sends the cases that say `contract`
// through prism, a judge of replies of its own.
import path from 'node:path';
import { World } from './client.mjs';
import { prism } from './prism.mjs';
import { inMemory, stopAll, top } from './stack.mjs';
import { groupCases, readCases, Suite } from './suite.mjs';

const [folder] = process.argv.slice(2);
const contract = process.argv.includes('--contract');
const name = process.env.TEST_NAME ?? '';

for (const signal of ['SIGINT', 'SIGTERM'])
    process.on(signal, async () => {
        for (const file of suite.playing) console.log(`FAIL ${file}: stopped in the middle (${signal})`);
        await stopAll();
        process.exit(1);
    });

if (folder !== 'chaos') inMemory();
const suite = new Suite(new World());
process.on('unhandledRejection', (e) => suite.fail('a promise that nobody waits for', e));
try {
    const cases = await readCases(path.join(top, 'tests', folder), name);
    if (contract) await suite.play(groupCases(cases.filter((one) => one.contract)), { wrap: prism });
    else await suite.play(groupCases(cases), { atOnce: folder === 'e2e' ? 3 : 2 }); // most of an e2e case is waiting
    if (folder === 'e2e' && !contract && !name) coverage();
} catch (e) {
    suite.fail('the suite itself', e);
}
await stopAll();
console.log(`${suite.passed} passed, ${suite.failed} failed`);
process.exit(suite.failed ? 1 : 0);

// Every operation of the document has to be hit by a case.
function coverage() {
    const operations = suite.world.contract?.operations ?? [];
    const missed = operations.filter((op) => !suite.world.hit.has(op.id)).map((op) => op.id);
    if (missed.length || !operations.length) suite.fail('never hit', missed.join(' ') || 'no operations');
    else suite.ok();
}
