// What the programs beside the stage share: a stack of their own, records that stay, a verdict.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Stack, stopAll } from '../../harness/stack.mjs';
import { check } from './checker.mjs';
import { verdict } from './kill.mjs';

// Runs go(stack, directory of records), which returns {facts, figures, lines}; prints and judges them.
export async function byHand(name, config, dir, go) {
    const to = path.join(dir ?? fs.mkdtempSync(path.join(os.tmpdir(), 'chatbot-chaos-')), 'records');
    for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => stopAll().finally(() => process.exit(1)));
    const stack = await Stack.start(config);
    let problems = [{ kind: 'broken', what: 'the run broke off' }];
    try {
        const { facts, figures, lines } = await go(stack, to);
        problems = check(facts);
        const { kinds, text } = verdict(problems);
        console.log([lines, text, problems.length ? JSON.stringify(kinds) : 'nothing lost, doubled or swapped'].filter(Boolean).join('\n'));
        console.log(`${JSON.stringify({ name, ...figures, problems: kinds })}\nrecords: ${to}`);
    } finally {
        await stack.stop();
        if (problems.length) console.log(`the stack's files: ${stack.dir}`);
        else stack.remove();
    }
    process.exit(problems.length ? 1 : 0);
}
