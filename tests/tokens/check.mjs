// Holds chatd's estimate of tokens against the ranks of OpenAI's tokenizers: check.mjs PROGRAM [--table].
import { spawnSync } from 'node:child_process';
import { Tiktoken } from 'js-tiktoken/lite';
import cl100k from 'js-tiktoken/ranks/cl100k_base';
import o200k from 'js-tiktoken/ranks/o200k_base';
import { runs, samples } from './samples.mjs';

const [program, table] = process.argv.slice(2);
const tokenizers = [o200k, cl100k].map((ranks) => new Tiktoken(ranks));
const texts = Object.entries({ ...samples, ...runs });
const input = texts.map(([, text]) => `${text}\0`).join('');
const run = spawnSync(program, { input, encoding: 'utf8' });
if (run.status !== 0) throw new Error(`${program}: ${run.stderr}`);
const estimates = run.stdout.trim().split('\n').map(Number);
if (estimates.length !== texts.length) throw new Error(`${estimates.length} estimates of ${texts.length} texts`);

// What a text may be reckoned at most, of what the dearer tokenizer takes.
const MOST = 3;
const wrong = [];
for (const [i, [name, text]] of texts.entries()) {
    const [o, c] = tokenizers.map((one) => one.encode(text, [], []).length);
    const dearer = Math.max(o, c);
    if (table) console.log(`${name.padEnd(24)} o200k ${String(o).padStart(5)}  cl100k ${String(c).padStart(5)}  estimate ${String(estimates[i]).padStart(5)}  ${(estimates[i] / o).toFixed(2)} ${(estimates[i] / c).toFixed(2)}`);
    if (estimates[i] < dearer) wrong.push(`${name}: estimated ${estimates[i]}, but o200k takes ${o}, cl100k ${c}`);
    if (estimates[i] > MOST * dearer && !(name in runs)) wrong.push(`${name}: estimated ${estimates[i]}, far more than ${dearer}`);
}
for (const line of wrong) console.log(line);
const checks = texts.length;
console.log(`${Math.floor((100 * (checks - wrong.length)) / checks)}%: Checks: ${checks}, Failures: ${wrong.length}, Errors: 0`);
process.exitCode = wrong.length ? 1 : 0;
