// Reads the counters of build/coverage with gcovr and tells the share of lines that ran, for each folder
// and for the parsers of foreign bytes, into report/: figures.txt, files.json, index.html.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

const OVERALL = 85, PARSERS = 90; // goals, in percent of lines

const FOLDERS = ['proto', 'common', 'gateway', 'authd', 'projectd', 'chatd', 'filed', 'traced', 'deploy/admin'];

// What reads bytes of others; the fuzzers have the same (tests/README.md).
const FOREIGN = {
    'HTTP and its parameters': /^gateway\/(http\/(head|strict|target|body|addresses)|hosts|proxies|cors|media|stream\/cursor)\.c$|^proto\/route\.c$|^common\/(range|trace)\.c$/,
    'JSON bodies': /^common\/(json|json_check|utf8)\.c$|^proto\/decode\.c$/,
    'uploads (multipart)': /^gateway\/(multipart|part_head)\.c$/,
    'answers of the provider': /^chatd\/upstream\/(sse_reader|responses|completions|dialect|mend|retry|models)\.c$|^chatd\/title_clean\.c$|^filed\/provider_answer\.c$/,
    'tokens and secrets': /^common\/token\.c$|^authd\/(refresh_token|one_time_token|recovery_code|phc|sealing|language|address|email)\.c$/,
    'frames of the bus': /^proto\/envelope\.c$|^common\/(events|bus_intake|transfer)\.c$|^gateway\/broker\/(intake|gatekeeper|bus_socket)\.c$/,
    settings: /^common\/(conf|conf_sources|conf_table|env_file|args)\.c$/,
    'imports and archives': /^chatd\/import_(check|scan|files)\.c$|^projectd\/import_check\.c$|^deploy\/admin\/seed_file\.c$/,
};

const top = path.resolve(path.dirname(new URL(import.meta.url).pathname), '../..');
const build = path.resolve(top, process.env.BUILD_DIR ?? 'build/coverage');
const report = path.join(build, 'report');

const files = counts();
const sum = (list) => list.reduce((a, f) => ({ covered: a.covered + f.covered, all: a.all + f.all }), { covered: 0, all: 0 });
const share = ({ covered, all }) => (all ? (100 * covered) / all : 0);
const row = (name, list) => `${name.padEnd(26)} ${`${share(sum(list)).toFixed(1)} %`.padStart(8)} ${String(sum(list).covered).padStart(7)} of ${String(sum(list).all).padStart(6)} lines`;

let passed = 0;
const failures = [];
const judge = (name, list, goal) => (share(sum(list)) >= goal ? passed++ : failures.push(`${row(name, list).trim()}, goal ${goal} %`));

const said = ['Lines that ran'];
for (const folder of FOLDERS) said.push(row(folder, files.filter((f) => f.name.startsWith(`${folder}/`))));
said.push(row('all', files), '', 'Parsers of foreign bytes');
judge('all', files, OVERALL);
for (const [what, pattern] of Object.entries(FOREIGN)) {
    const list = files.filter((f) => pattern.test(f.name));
    said.push(row(what, list));
    judge(what, list, PARSERS);
    for (const f of list) if (share(f) < PARSERS) said.push(row(`  ${f.name}`, [f]));
}
said.push('', 'Most lines that did not run');
const missed = (f) => f.all - f.covered;
for (const f of [...files].sort((a, b) => missed(b) - missed(a)).slice(0, 20))
    said.push(`${f.name.padEnd(40)} ${String(missed(f)).padStart(4)} of ${f.all}`);
fs.writeFileSync(path.join(report, 'figures.txt'), said.join('\n') + '\n');
for (const failure of failures) console.log(`FAIL ${failure}`);
console.log(`${passed} passed, ${failures.length} failed`);
process.exit(failures.length ? 1 : 0);

// [{name, covered, all}] of every source file.
function counts() {
    fs.mkdirSync(report, { recursive: true });
    const json = path.join(report, 'files.json');
    const args = ['--root', top, '--object-directory', build, '-j', '2', '--exclude-throw-branches'];
    for (const folder of FOLDERS) args.push('--filter', `${folder}/.*\\.[ch]$`);
    args.push('--exclude', '.*_main\\.c$', '--exclude-directories', '.*/(unit|handlers|load)_.*');
    args.push('--json-summary', json, '--html-details', path.join(report, 'index.html'), path.join(build, 'CMakeFiles'));
    execFileSync('gcovr', args, { cwd: top, stdio: ['ignore', 'ignore', 'inherit'] });
    const { files: found } = JSON.parse(fs.readFileSync(json, 'utf8'));
    return found.map((f) => ({ name: f.filename, covered: f.line_covered, all: f.line_total }));
}
