// The fuzzers for as long as one wants: what they ran, found and reached, for each target.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { begin } from '../harness/stack.mjs';

const USAGE = `usage: tests/fuzz/long [--minutes N] [--jobs N] [--report] [TARGET...]

Runs each target (all, or fuzz_json ...) for its share of N minutes (60), --jobs (2) at a time.  What they learn
stays in build/fuzz/corpus, so that the next run goes on there, findings in build/fuzz/found.  Then each corpus
is read once more, and counted which lines of the parsers of parsers.txt that runs.
Prints a table; the same as JSON and Markdown is in build/fuzz/report.  --report: of the corpora that are there.
Exit 0: nothing was found; 1: something was; 2: wrong usage.`;

const GOAL = 90; // percent of a file's lines: below that it is named
const top = path.resolve(path.dirname(new URL(import.meta.url).pathname), '../..');
const here = (...names) => path.join(top, ...names);
const given = arguments_of(process.argv.slice(2));

const fuzzers = build('build/fuzz');
const parsers = Object.fromEntries(
    fs.readFileSync(here('tests/fuzz/parsers.txt'), 'utf8').split('\n').filter((l) => /^fuzz_/.test(l)).map((l) => l.split(/ +/)).map(([t, ...files]) => [t, files]),
);
const all = fs.readdirSync(fuzzers).filter((name) => /^fuzz_\w+$/.test(name));
const targets = given.targets.length ? given.targets : all;
for (const target of targets) if (!all.includes(target) || !parsers[target]?.length) end(`${target}: no such target, or none of parsers.txt`, 2);

const rows = new Map(targets.map((name) => [name, { target: name, runs: 0, seconds: 0, edges: 0, features: 0, found: 0 }]));
if (!given.report) await fuzz();
for (const row of rows.values()) Object.assign(row, lines(row.target));
tell();
process.exit([...rows.values()].some((r) => r.found) ? 1 : 0);

function arguments_of(words) {
    const found = { minutes: 60, jobs: 2, report: false, targets: [] };
    while (words.length) {
        const word = words.shift();
        if (word === '--help') end(USAGE, 0);
        else if (word === '--report') found.report = true;
        else if (/^--(minutes|jobs)$/.test(word) && /^[1-9]\d*$/.test(words[0] ?? '')) found[word.slice(2)] = Number(words.shift());
        else if (/^fuzz_\w+$/.test(word)) found.targets.push(word);
        else end(USAGE, 2);
    }
    return found;
}

function end(text, code) {
    console.log(text);
    process.exit(code);
}

// Builds the fuzzers; returns where they are.
function build(to) {
    const env = { ...process.env, CC: 'clang' };
    const options = { cwd: top, env, stdio: ['ignore', 'pipe', 'inherit'], maxBuffer: 1 << 26 };
    try {
        execFileSync('cmake', ['-S', '.', '-B', to, '-G', 'Ninja', '-DCMAKE_BUILD_TYPE=Debug', '-DCMAKE_C_FLAGS=-O1', '-DFUZZ=ON'], options);
        execFileSync('ninja', ['-C', to, '-k', '0', 'fuzzers'], options);
    } catch (e) {
        end(`${e.stdout?.toString().slice(-4000)}\n${to} cannot be built`, 1);
    }
    return here(to, 'fuzzers');
}

function corpus(target) {
    return here('build/fuzz/corpus', target);
}

// All targets, some at a time, each for its share of the time.
async function fuzz() {
    const seconds = Math.max(5, Math.floor((given.minutes * 60 * given.jobs) / targets.length));
    const left = [...targets];
    const worker = async () => {
        for (let target = left.shift(); target; target = left.shift()) await one(target, seconds);
    };
    await Promise.all(Array.from({ length: given.jobs }, worker));
}

async function one(target, seconds) {
    const row = rows.get(target);
    const found = here('build/fuzz/found');
    for (const dir of [corpus(target), found]) fs.mkdirSync(dir, { recursive: true });
    const dict = here('tests/fuzz', `${target}.dict`);
    const args = [`-max_total_time=${seconds}`, '-timeout=10', '-rss_limit_mb=1024', '-print_final_stats=1', `-artifact_prefix=${found}/${target}-`];
    if (fs.existsSync(dict)) args.push(`-dict=${dict}`);
    const env = { ...process.env, LLVM_PROFILE_FILE: '/dev/null' };
    const child = begin(path.join(fuzzers, target), [...args, corpus(target), here('tests/fuzz/corpus', target)], { cwd: top, env, stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.on('data', (chunk) => (said = (said + chunk).slice(-200000)));
    const begun = Date.now();
    const code = await new Promise((done) => child.on('close', done));
    row.seconds = Math.round((Date.now() - begun) / 1000);
    row.runs = Number(/stat::number_of_executed_units: *(\d+)/.exec(said)?.[1] ?? 0);
    row.edges = Number([...said.matchAll(/ cov: (\d+)/g)].pop()?.[1] ?? 0);
    row.features = Number([...said.matchAll(/ ft: (\d+)/g)].pop()?.[1] ?? 0);
    row.found = code === 0 ? 0 : 1;
    console.log(`${code === 0 ? 'ok  ' : 'FAIL'} ${target}: ${row.runs} runs, ${row.edges} edges, ${row.features} features, ${row.seconds} s`);
    if (code !== 0) console.log(said.slice(-3000).replace(/^/gm, '     '));
}

// How many lines of a target's parsers its inputs run.
function lines(target) {
    const dir = here('build/fuzz/report');
    fs.mkdirSync(dir, { recursive: true });
    const raw = path.join(dir, `${target}.raw`), data = path.join(dir, `${target}.data`);
    const program = path.join(fuzzers, target);
    const inputs = [corpus(target), here('tests/fuzz/corpus', target)].filter((d) => fs.existsSync(d));
    const env = { ...process.env, LLVM_PROFILE_FILE: raw };
    execFileSync(program, ['-runs=0', '-timeout=20', ...inputs], { cwd: top, env, stdio: 'ignore' });
    execFileSync('llvm-profdata-14', ['merge', '-sparse', '-o', data, raw]);
    const said = execFileSync('llvm-cov-14', ['export', '-summary-only', `-instr-profile=${data}`, program], { maxBuffer: 1 << 26 });
    for (const name of [raw, data]) fs.rmSync(name);
    const files = JSON.parse(said)
        .data[0].files.map((f) => ({ name: path.relative(top, f.filename), covered: f.summary.lines.covered, all: f.summary.lines.count }))
        .filter((f) => parsers[target].includes(f.name));
    const sum = (of) => files.reduce((n, f) => n + f[of], 0);
    return { files, covered: sum('covered'), lines: sum('all'), percent: sum('all') ? Math.round((1000 * sum('covered')) / sum('all')) / 10 : 0, inputs: inputs.reduce((n, d) => n + fs.readdirSync(d).length, 0) };
}

function tell() {
    const list = [...rows.values()];
    const head = ['target', 'runs', 'seconds', 'edges', 'features', 'inputs', 'found', 'lines of its parsers'];
    const cells = list.map((r) => [r.target, r.runs, r.seconds, r.edges, r.features, r.inputs, r.found, `${r.percent} % of ${r.lines}`].map(String));
    const widths = head.map((h, i) => Math.max(h.length, ...cells.map((c) => c[i].length)));
    const line = (row) => `| ${row.map((c, i) => (i ? c.padStart(widths[i]) : c.padEnd(widths[i]))).join(' | ')} |`;
    const table = [line(head), `|${widths.map((w) => '-'.repeat(w + 2)).join('|')}|`, ...cells.map(line)].join('\n');
    const low = list.flatMap((r) => r.files.filter((f) => f.covered < (f.all * GOAL) / 100).map((f) => `${r.target}: ${f.name}: ${f.covered} of ${f.all} lines`));
    const total = list.reduce((n, r) => n + r.runs, 0);
    fs.writeFileSync(here('build/fuzz/report/report.md'), `${table}\n\n${low.join('\n')}\n`);
    fs.writeFileSync(here('build/fuzz/report/report.json'), `${JSON.stringify(list, null, 1)}\n`);
    console.log(`${table}\n${low.length ? `below ${GOAL} %:\n${low.join('\n')}\n` : ''}`);
    const failed = list.filter((r) => r.found).length;
    console.log(JSON.stringify({ name: 'fuzz', targets: list.length, runs: total, found: failed, below: low.length }));
    console.log(`${list.length - failed} passed, ${failed} failed`);
}
