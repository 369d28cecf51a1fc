// Stops chatds in the middle of their turns and lets them go on when others have taken these over:
// zombies, some of whom do not hear of it and try to write what they have.
import fs from 'node:fs';
import path from 'node:path';
import { select } from '../../harness/database.mjs';
import { sleep } from '../../harness/http.mjs';
import { signal } from '../../harness/stack.mjs';
import { figures } from './figures.mjs';
import { now } from './records.mjs';

export class Stopper {
    // writes: of zombies, that the fence has to have refused before this ends; long: ms that each tenth
    // stop lasts, 0: no longer than the others
    constructor(stack, records, { writes, long = 0 }) {
        Object.assign(this, { stack, records, writes, long, over: false, cycles: 0 });
    }

    // Goes on until enough zombies have tried to write, or over is set.
    async rage() {
        for (; !this.over && refused(this.stack) < this.writes; this.cycles++) {
            const name = `chatd-${(this.cycles % this.stack.chatd) + 1}`;
            await sleep(700 + Math.random() * 1000);
            this.stack.signal(name, 'SIGSTOP');
            this.records.add({ at: now(), what: 'stop', name });
            // a beat that stands still for 3 s is dead: often it wakes up while others run its turns
            await sleep(this.long && this.cycles % 10 === 0 ? this.long : 3100 + Math.random() * 1500);
            await this.#wake(name, this.cycles % 2 === 0);
        }
    }

    // Lets a process go on.  Its next beat tells it that it is a zombie, mostly before it writes a word;
    // an unaware one does not hear that for a while, as the server's end of its beats stands still.
    async #wake(name, unaware) {
        const deaf = unaware ? await beatsOfTheStopped(this.stack) : [];
        for (const { pid } of deaf) signal(pid, 'SIGSTOP');
        this.stack.signal(name, 'SIGCONT');
        this.records.add({ at: now(), what: 'go', name });
        if (unaware) await sleep(500);
        for (const { pid } of deaf) signal(pid, 'SIGCONT');
    }
}

// The server's processes that serve the beats of a chatd which says nothing; others beat each second.
const beatsOfTheStopped = (stack) =>
    select(stack, "SELECT pid FROM pg_stat_activity WHERE usename = 'chatd' AND query ~ '\\mowner\\M' AND state = 'idle' AND state_change < now() - interval '2 seconds'");

const lines = (stack, pattern) => {
    const dir = path.join(stack.data, 'log');
    const logs = fs.readdirSync(dir).filter((f) => f.startsWith('chatd-'));
    return logs.flatMap((f) => fs.readFileSync(path.join(dir, f), 'utf8').match(pattern) ?? []);
};

// Writes of zombies that the fence refused.
export const refused = (stack) => lines(stack, /event=fence_refused/g).length;

// What a run came to: {figures, lines}.
export function outcome(stack, facts) {
    const { turns, takeovers } = figures(facts);
    const stops = facts.seen.filter((r) => r.what === 'stop').length;
    const found = { turns, stops, takeovers, refused: refused(stack), noticed: noticed(stack) };
    return { figures: found, lines: `turns ${turns}, stops ${stops}, takeovers ${takeovers}; turns of zombies: ${found.refused} refused at their writing, ${found.noticed} given up before` };
}

// Turns that zombies gave up before they wrote, because they noticed.
const noticed = (stack) => lines(stack, /event=ownership_lost turns=\d+/g).reduce((sum, line) => sum + Number(line.split('=').pop()), 0);
