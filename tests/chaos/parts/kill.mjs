// One run of chaos/kill: people talk, processes die, everything is written down and then checked.
import { eventually, sleep } from '../../harness/http.mjs';
import { select } from '../../harness/database.mjs';
import { Calls } from './calls.mjs';
import { Crowd, script } from './crowd.mjs';
import { dump, readFacts } from './facts.mjs';
import { Killer } from './killer.mjs';
import { now, Records } from './records.mjs';

export const STACK = {
    settings: { MAX_TURNS: '128', MAX_TURNS_PER_USER: '16', CHAT_WAIT: '30', UPSTREAM_TRIES: '3', ACCESS_TOKEN_MINUTES: '1440' },
    gateways: 2,
    chatd: 2,
    direct: true,
};

export const SHORT = { users: 16, turns: 100000, kills: 34, every: 1200, seconds: 75, gap: 30, deltas: 12, mix: { n: 0.05, f: 0.25, s: 0.3, c: 0.1, x: 0.02, y: 0.02 } };

// For b_zombie: answers long enough to be met in the middle.
export const ZOMBIE = { users: 40, turns: 100000, writes: 20, seconds: 30, gap: 60, deltas: 12, mix: { n: 0, f: 0.2, s: 0.4, c: 0.05, x: 0, y: 0 } };

// For f_cut: streams through a Cutter, some of them stopped.
export const CUT = { users: 16, turns: 100000, seconds: 25, gap: 15, deltas: 40, words: 60, mix: { n: 0, f: 0, s: 0.85, c: 0.15, x: 0.02, y: 0.02 } };

// Runs against a stack that serves already.  options: users, turns (messages at most), kills, every
// (mean ms between two), seconds (of talk), gap (ms between two pieces of an answer), mix.
// Rage is who disturbs it: Killer, or Stopper.  Returns the facts; everything stays in dir.
export async function run(stack, dir, options, Rage = Killer) {
    const seen = new Records(dir, 'seen');
    const crowd = new Crowd(stack, seen, options);
    const killer = new Rage(stack, seen, options);
    await stack.tell('script', script(options));
    await crowd.prepare();
    const calls = new Calls(stack.providerPort, dir);
    const talk = crowd.talk();
    const rage = killer.rage();
    await Promise.race([talk, sleep(options.seconds * 1000), ...(options.kills === 0 ? [] : [rage]), ...(options.enough ? [options.enough] : [])]);
    // whichever ended first ends the other: nobody talks to the healthy for long, nor kills the idle
    killer.over = true;
    await rage;
    crowd.over = true;
    await talk;
    await settled(stack);
    await calls.finish();
    seen.add({ at: now(), what: 'end' });
    seen.close();
    await dump(stack, dir);
    return readFacts(dir);
}

// Waits until no turn runs or waits.
async function settled(stack) {
    const quiet = async () => (await select(stack, "SELECT count(*) AS n FROM chat.turn WHERE state IN ('queued', 'running')"))[0].n === 0;
    await eventually(quiet, { within: 60000, every: 250, what: 'all turns have ended' }).catch(() => {}); // the checker will say which
}

// {kind: count} and the first few problems as text.
export function verdict(problems) {
    const kinds = {};
    for (const { kind } of problems) kinds[kind] = (kinds[kind] ?? 0) + 1;
    const text = problems.slice(0, 20).map(({ kind, what }) => `${kind}: ${what}`).join('\n');
    return { kinds, text };
}

