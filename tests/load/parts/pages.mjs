// Lighthouse's view of every page: how fast it stands, accessibility, best practices.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';
import { options } from '../../chaos/parts/options.mjs';
import { top } from '../../harness/stack.mjs';
import { Bench, machine } from './bench.mjs';

const USAGE = `usage: tests/load/pages [--rounds N] [--screen desk|phone]

Shows each page to Lighthouse so many times (3), as at a desk, or as on a slow phone (its own simulation):
a log-in, a project, a conversation with code, settings, the API. Prints medians and what was marked down,
then lines of JSON. The first time Lighthouse is fetched from npm into build/lighthouse.`;

const LIGHTHOUSE = '12.8.2'; // later ones want a newer node than Debian has
const CATEGORIES = ['performance', 'accessibility', 'best-practices'];
const TIMES = { 'first-contentful-paint': 'first paint', 'largest-contentful-paint': 'largest paint', 'total-blocking-time': 'blocked', 'cumulative-layout-shift': 'shift' };
const ARGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];

const { rounds, screen } = options(USAGE, { rounds: 3, screen: 'desk' });

// It is large, and nobody else needs it: kept beside the builds.
async function lighthouseGet() {
    const prefix = path.join(top, 'build/lighthouse');
    const home = path.join(prefix, 'node_modules/lighthouse');
    const has = () => { try { return JSON.parse(fs.readFileSync(path.join(home, 'package.json'))).version; } catch { return ''; } };
    if (has() !== LIGHTHOUSE) execFileSync('npm', ['install', '--no-save', '--no-fund', '--no-audit', '--prefix', prefix, `lighthouse@${LIGHTHOUSE}`], { stdio: ['ignore', 'ignore', 'inherit'] });
    const load = (file) => import(pathToFileURL(path.join(home, file)));
    return { lighthouse: (await load('core/index.js')).default, desktop: (await load('core/config/desktop-config.js')).default };
}

const freePort = () => new Promise((resolve) => {
    const server = net.createServer().listen(0, '127.0.0.1', () => { const { port } = server.address(); server.close(() => resolve(port)); });
});

const middle = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];

async function belongings(bench) {
    const [token] = bench.people;
    const { id } = await bench.ask('POST', '/projects', { name: 'Support', model: 'echo' }, token);
    for (const name of ['Tone', 'Facts', 'Limits']) await bench.ask('POST', `/projects/${id}/prompts`, { name, content: `${name}: be brief and right. `.repeat(20) }, token);
    let conversation;
    for (let n = 0; n < 6; n++) {
        const body = { project_id: id, message: `Question ${n}\n\n${'Some **text** with \`code\`. '.repeat(12)}\n\n\`\`\`js\nconst x = ${n}\n\`\`\`\n\n| a | b |\n|---|---|\n| 1 | 2 |` };
        if (conversation) body.conversation_id = conversation;
        conversation = (await bench.ask('POST', '/chat', body, token)).conversation_id;
    }
    return { id, conversation };
}

const { lighthouse, desktop } = await lighthouseGet();
const bench = await Bench.start({ chatd: 1, people: 1, settings: { RATE_LIMIT: 'off' } });
const port = await freePort();
const profile = fs.mkdtempSync('/tmp/chatbot-lighthouse-');
const context = await chromium.launchPersistentContext(profile, { executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: [...ARGS, `--remote-debugging-port=${port}`] });
try {
    const base = `http://127.0.0.1:${bench.stack.port}`;
    const { id, conversation } = await belongings(bench);
    const pages = { login: '/', dashboard: `/dashboard?project=${id}`, chat: `/chat?conversation=${conversation}`, settings: '/settings?part=sessions', docs: '/docs' };
    const figures = [];
    for (const [name, where] of Object.entries(pages)) {
        if (name === 'dashboard') await logIn(context, base);
        const runs = [];
        const marked = new Set();
        for (let round = 0; round < rounds; round++) {
            const { lhr } = await lighthouse(base + where, { port, logLevel: 'error', onlyCategories: CATEGORIES, disableStorageReset: true }, screen === 'phone' ? undefined : desktop);
            if (lhr.runtimeError) throw new Error(`${name}: ${lhr.runtimeError.message}`);
            runs.push(lhr);
            for (const category of CATEGORIES)
                for (const { id: audit, weight } of lhr.categories[category].auditRefs)
                    if (weight && lhr.audits[audit].score !== null && lhr.audits[audit].score < 0.9) marked.add(audit);
        }
        const scores = Object.fromEntries(CATEGORIES.map((category) => [category, Math.round(100 * middle(runs.map((run) => run.categories[category].score)))]));
        const times = Object.fromEntries(Object.keys(TIMES).map((audit) => [audit, Math.round(1000 * middle(runs.map((run) => run.audits[audit].numericValue))) / 1000]));
        figures.push({ name: `pages-${name}`, screen, ...scores, ...times, marked: [...marked] });
        console.log(`${name.padEnd(10)} ${CATEGORIES.map((category) => `${category} ${scores[category]}`).join('  ')}  ${Object.entries(TIMES).map(([audit, text]) => `${text} ${audit === 'cumulative-layout-shift' ? times[audit] : `${Math.round(times[audit])} ms`}`).join(', ')}${marked.size ? `  [${[...marked].join(', ')}]` : ''}`);
    }
    console.log(machine());
    for (const one of figures) console.log(JSON.stringify(one));
} finally {
    await context.close();
    fs.rmSync(profile, { recursive: true, force: true });
    await bench.stop();
}

async function logIn(into, base) {
    const page = await into.newPage();
    await page.goto(base);
    await page.getByLabel('E-mail').fill('load0@example.com');
    await page.getByLabel('Password', { exact: true }).fill('Load4ever');
    await page.getByRole('button', { name: 'Log in', exact: true }).click();
    await page.waitForURL('**/dashboard');
    await page.close();
}
