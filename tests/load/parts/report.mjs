// All measurements one after the other, held against the goals, as one report.
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { build, top } from '../../harness/stack.mjs';
import { machine } from './bench.mjs';
import { chart } from './chart.mjs';
import { Figures, GOALS, PROGRAMS } from './goals.mjs';

const USAGE = `usage: tests/load/run [--quick] [--only NAME,...]

Runs the programs that the goals of performance need (${Object.keys(PROGRAMS).join(', ')}), some
25 minutes; --quick: a few, to see that all works, not to believe the figures.  Writes into
build/load/report: report.md with machine, commit, settings, every goal with its figure and whether it
is met; figures.jsonl with every measurement; NAME.log; streams.svg.  A missed goal is no failure:
exit 1 only when a program breaks off.`;

const words = process.argv.slice(2);
const quick = words.includes('--quick');
const only = words.includes('--only') ? (words[words.indexOf('--only') + 1] ?? '').split(',') : Object.keys(PROGRAMS);
if (words.some((word) => !['--quick', '--only', only.join(',')].includes(word)) || only.some((name) => !PROGRAMS[name])) {
    console.log(USAGE);
    process.exit(words.includes('--help') ? 0 : 2);
}

const to = path.join(build, 'report');
fs.rmSync(to, { recursive: true, force: true });
fs.mkdirSync(to, { recursive: true });
const run = (program, ...args) => spawnSync(program, args, { cwd: top, encoding: 'utf8' }).stdout?.trim() ?? '';
const load = () => fs.readFileSync('/proc/loadavg', 'utf8').split(' ').slice(0, 3).join(' ');
const ran = [];

// What a program prints; of each line of JSON its figures.
async function measure(name) {
    const args = quick ? PROGRAMS[name].quick : PROGRAMS[name].args;
    const [program, ...all] = name === 'bus' ? [path.join(build, 'tests/load/bus'), ...args] : [process.execPath, path.join(top, 'tests/load/parts', `${name}.mjs`), ...args];
    const before = load();
    const begun = Date.now();
    const child = spawn(program, all, { cwd: top, stdio: ['ignore', 'pipe', 'inherit'] });
    let out = '';
    child.stdout.on('data', (data) => (out += data));
    const code = await new Promise((done) => child.on('close', done));
    fs.writeFileSync(path.join(to, `${name}.log`), out);
    const found = out.split('\n').filter((line) => line.startsWith('{')).map((line) => JSON.parse(line));
    for (const one of found) fs.appendFileSync(path.join(to, 'figures.jsonl'), `${JSON.stringify({ program: name, ...one })}\n`);
    ran.push({ name, args, code, seconds: Math.round((Date.now() - begun) / 1000), before, after: load(), figures: new Figures(found) });
    console.log(`${name}: ${ran.at(-1).seconds} s, exit ${code}, load ${before} -> ${ran.at(-1).after}`);
}

for (const name of Object.keys(PROGRAMS).filter((one) => only.includes(one))) await measure(name);

const results = GOALS.map(([number, asks, program, judge]) => {
    const of = ran.find((one) => one.name === program);
    return of ? { number, asks, program, ...judge(of.figures) } : undefined;
}).filter(Boolean);
const cpu = /^model name\s*: (.*)$/m.exec(fs.readFileSync('/proc/cpuinfo', 'utf8'))?.[1] ?? 'unknown';
const memory = Math.round(Number(/^MemTotal:\s+(\d+)/m.exec(fs.readFileSync('/proc/meminfo', 'utf8'))[1]) / (1 << 20));
const streams = ran.find((one) => one.name === 'streams')?.figures;
if (streams) fs.writeFileSync(path.join(to, 'streams.svg'), chart(streams));
const lines = [
    '# Performance',
    '',
    `| | |\n|---|---|`,
    `| commit | \`${run('git', 'rev-parse', '--short', 'HEAD')}\`${run('git', 'status', '--porcelain') ? ', changed' : ''} |`,
    `| when | ${new Date().toISOString().slice(0, 16)}Z${quick ? '; a quick run: the figures mean little' : ''} |`,
    `| machine | ${cpu}, ${machine().split(',')[0]}, ${memory} GiB, Linux ${run('uname', '-r')} |`,
    `| programs | ${run('psql', '--version')}, ${run('cc', '--version').split('\n')[0]}, build with -O2, asserts on |`,
    `| how | client, provider, PostgreSQL (fsync on) and daemons on these cores, over loopback; RATE_LIMIT=off, LOG_LEVEL=notice; else defaults but for limits of turns and threads (\`tests/load/parts/bench.mjs\`) |`,
    '',
    `${results.filter((r) => r.met).length} of ${results.length} goals met.`,
    '',
    '| goal | | measured | met |\n|---|---|---|---|',
    ...results.map((r) => `| ${r.number} | ${r.asks} | ${r.said} | ${r.met ? 'yes' : '**no**'} |`),
    '',
    ...(streams ? ['Streams of 50 frames/s: what the platform adds, p99.', '', '![streams](streams.svg)', ''] : []),
    '| program | took | load average before and after | exit |\n|---|---|---|---|',
    ...ran.map((r) => `| \`load/${r.name} ${r.args.join(' ')}\` | ${r.seconds} s | ${r.before}; ${r.after} | ${r.code} |`),
    '',
    'The load averages are of the whole machine: where others worked, latencies say little.',
];
fs.writeFileSync(path.join(to, 'report.md'), `${lines.join('\n')}\n`);
fs.appendFileSync(path.join(to, 'figures.jsonl'), results.map(({ number, asks, said, met }) => `${JSON.stringify({ program: 'goal', number, asks, said, met })}\n`).join(''));
console.log(`${lines.slice(9).join('\n')}\n${path.join(to, 'report.md')}`);
process.exit(ran.some((r) => r.code !== 0) ? 1 : 0);
