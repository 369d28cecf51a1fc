// chaos/faults --suite by hand: calls fail while the end-to-end cases are played.
import fs from 'node:fs';
import path from 'node:path';
import { build, inMemory, stopAll, top } from '../../harness/stack.mjs';
import { readCases } from '../../harness/suite.mjs';
import { options } from './options.mjs';
import { SuiteFaults } from './suite_faults.mjs';

const USAGE = `usage: tests/chaos/faults --suite [--minutes N] [--plays N] [--files PART] [--seed N] [--dir DIR]

Plays each end-to-end case (those with PART in their names) while the n-th call of one kind in one program
fails, then the n-th after that, and so on: every program and kind that the case makes calls of, with an n
that --seed picks.  Judged is what holds whatever fails: honest replies, no crash, no hang, no leak, no
half-written row, and a platform that works again.  A stack sees N plays (--plays, 12), then it is the next
file's turn; after N minutes (60) it ends.  What was played is in DIR/plays.jsonl (build/asan/tests/faults) and
is not played again: the same command goes on where the last one ended.
BUILD_DIR names the build.  Exit 0: nothing to complain of; 1: there is; 2: wrong usage.`;

const MOST = 60; // n: a third of the calls of the case at most, so that some fail

const given = options(USAGE, { minutes: 60, plays: 12, files: '', seed: 1 });
const dir = given.dir ?? path.join(build, 'tests/faults');
fs.mkdirSync(dir, { recursive: true });
const records = path.join(dir, 'plays.jsonl');
const plays = fs.existsSync(records) ? fs.readFileSync(records, 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line)) : [];
const done = new Map(); // file: [play]
for (const play of plays) done.set(play.file, [...(done.get(play.file) ?? []), play]);
for (const name of ['SIGINT', 'SIGTERM']) process.on(name, () => stopAll().finally(() => process.exit(1)));
process.on('unhandledRejection', () => {}); // of a case that did not wait for it
const end = Date.now() + given.minutes * 60000;
const begun = Date.now();
const fresh = [];

// The same number for the same text: what --seed picks.
function picked(text, most) {
    let h = 2166136261 ^ given.seed;
    for (const c of text) h = Math.imul(h ^ c.charCodeAt(0), 16777619);
    return 1 + (((h ^ (h >>> 15)) >>> 0) % most);
}

function note(file, play) {
    const one = { file, seed: given.seed, ...play };
    fs.appendFileSync(records, `${JSON.stringify(one)}\n`);
    done.set(file, [...(done.get(file) ?? []), one]);
    fresh.push(one);
    const where = play.program ? `${file} ${play.program} ${play.kind} ${play.n}: ${play.met} failed` : `${file}: stopped`;
    console.log(`${play.findings.length ? 'FAIL' : 'ok  '} ${where} ${JSON.stringify(play.refused ?? {})}`);
    for (const finding of play.findings) console.log(`     ${finding.split('\n').slice(0, 4).join('\n     ').slice(0, 600)}`);
}

// Up to --plays plays of a file that were not yet; whether there was one.
async function some(one) {
    const suite = await SuiteFaults.start(one);
    let count = 0;
    try {
        const points = (await suite.survey()).map((p) => ({ ...p, n: picked(`${one.file} ${p.program} ${p.kind}`, Math.min(Math.ceil(p.calls / 3), MOST)) }));
        const played = (p) => (done.get(one.file) ?? []).some((d) => d.seed === given.seed && d.program === p.program && d.kind === p.kind);
        const left = points.filter((p) => !played(p)).sort((a, b) => picked(a.program + a.kind, 1e6) - picked(b.program + b.kind, 1e6));
        for (const point of left.slice(0, given.plays)) {
            if (Date.now() > end || suite.well === false) break;
            const from = Date.now();
            let result = await suite.play(point);
            for (; result && !result.met && !result.findings.length && point.n > 1; result = await suite.play(point)) point.n = Math.ceil(point.n / 5);
            if (!result) console.log(`     ${one.file} ${point.program} ${point.kind}: the machine stood still; again`);
            if (!result) return true;
            note(one.file, { ...point, ...result, seconds: Math.round((Date.now() - from) / 1000) });
            count++;
        }
    } finally {
        const findings = await suite.stop();
        if (count || findings.length) note(one.file, { findings });
        if (fresh.some((p) => p.file === one.file && p.findings.length)) console.log(`     the stack's files: ${suite.stack.dir}`);
        else suite.stack.remove();
    }
    return count > 0;
}

inMemory();
const cases = await readCases(path.join(top, 'tests/e2e'), given.files);
for (let left = cases; left.length && Date.now() < end; ) {
    const next = [];
    for (const one of left) {
        if (Date.now() > end) break;
        const more = await some(one).catch((e) => console.log(`     ${one.file}: no stack: ${e.message.slice(0, 300)}`));
        if (more) next.push(one);
    }
    left = next;
}
await stopAll();
const findings = fresh.filter((p) => p.findings.length).length;
const sum = (of) => fresh.reduce((all, p) => all + (p[of] ?? 0), 0);
const kinds = {};
for (const p of fresh) if (p.kind) kinds[`${p.program} ${p.kind}`] = (kinds[`${p.program} ${p.kind}`] ?? 0) + p.met;
console.log(JSON.stringify({ name: 'faults_suite', files: new Set(fresh.map((p) => p.file)).size, plays: fresh.filter((p) => p.program).length, failed: sum('met'), findings, kinds, seconds: Math.round((Date.now() - begun) / 1000) }));
process.exit(findings ? 1 : 0);
