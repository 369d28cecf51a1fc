// chaos/flush by hand: any number of immediate shutdowns.
import { Client, World } from '../../harness/client.mjs';
import { Stack, stopAll } from '../../harness/stack.mjs';
import { Flush } from './flush.mjs';
import { options } from './options.mjs';

const USAGE = `usage: tests/chaos/flush [--rounds N]

Shuts PostgreSQL down immediately in the moment of an acknowledgement, again and again (20 times), and
looks whether everything that was acknowledged is there after recovery.  deploy/up waits longer before
each start: up to 5 s.  BUILD_DIR names the build (build/asan).  Exit 0: nothing was lost.`;

const { rounds } = options(USAGE, { rounds: 20 });
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => stopAll().finally(() => process.exit(1)));
const stack = await Stack.start({ chatd: 2, direct: true, settings: { MAX_TURNS_PER_USER: '16' } });
const client = new Client(new World(), stack);
await client.as('alice');
const flush = new Flush(stack, client);
await flush.prepare();
while (flush.rounds < rounds) await flush.round();
await stack.stop();
stack.remove();
console.log(`${flush.rounds} immediate shutdowns, ${flush.acknowledged} acknowledged changes, ${flush.lost.length} lost`);
console.log(JSON.stringify({ name: 'flush', rounds: flush.rounds, acknowledged: flush.acknowledged, lost: flush.lost.length }));
for (const what of flush.lost.slice(0, 20)) console.log(`lost: ${what}`);
process.exit(flush.lost.length ? 1 : 0);
