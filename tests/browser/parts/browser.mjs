// A real browser before a stack. Whatever a page complains of (a script that fails, a rule of the content
// security policy that something breaks, a request to somebody else) fails the test that it happens in.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { chromium } from 'playwright-core';
import { build } from '../../harness/stack.mjs';

const ARGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];
const WAIT = Number(process.env.BROWSER_WAIT ?? 30000); // ms for anything to appear, on a machine that stalls
export const PICTURES = path.join(build, 'tests/browser');

// Runs fn(browser) with a browser of its own, which is closed whatever happens.
export async function withBrowser(t, fn) {
    const chrome = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ARGS });
    const browser = new Browser(t, chrome);
    try {
        await fn(browser);
    } finally {
        await chrome.close();
    }
}

class Browser {
    constructor(t, chrome) {
        this.t = t;
        this.chrome = chrome;
        this.base = `http://127.0.0.1:${t.stack.port}`;
        this.problems = [];
        this.allowed = [];
        this.requests = []; // {url, status, bytes} of all pages
    }

    // A person's own browser: nothing of another one's storage or cookies. options as newContext().
    async person(options = {}) {
        const context = await this.chrome.newContext({ viewport: { width: 1280, height: 800 }, baseURL: this.base, acceptDownloads: true, ...options });
        context.setDefaultTimeout(WAIT);
        await context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: this.base });
        await context.addInitScript(() => {
            window.violations = [];
            document.addEventListener('securitypolicyviolation', (e) => console.error(`CSP: ${e.violatedDirective} ${e.blockedURI} ${e.sample}`));
        });
        return context;
    }

    // A new tab, watched.
    async tab(context, where = '/') {
        const page = await context.newPage();
        page.on('pageerror', (e) => this.#problem(`${page.url()}: ${e.stack ?? e.message}`));
        page.on('dialog', (d) => { this.#problem(`${page.url()}: a dialog: ${d.message()}`); d.dismiss().catch(() => {}); });
        page.on('console', (m) => {
            if (m.type() === 'error' && !/^Failed to load resource/.test(m.text())) this.#problem(`${page.url()}: ${m.text()}`);
        });
        page.on('request', (r) => {
            if (!r.url().startsWith(`${this.base}/`) && !r.url().startsWith('blob:')) this.#problem(`${page.url()} asks for ${r.url()}`);
        });
        page.on('response', (r) => this.requests.push({ url: r.url().slice(this.base.length), status: r.status(), headers: r.headers() }));
        if (where) await page.goto(where);
        return page;
    }

    #problem(text) {
        if (!this.allowed.some((pattern) => pattern.test(text))) this.problems.push(text);
    }

    // A test, at whose end no page has complained.
    async test(name, fn) {
        await this.t.test(name, async () => {
            await fn();
            const problems = this.problems.splice(0);
            assert.deepEqual(problems, [], problems.join('\n'));
        });
    }

    // Makes an account over the API, for pages that log in as somebody. Returns {email, password, token, id}.
    async account(name) {
        return this.t.as(name);
    }

    // A browser in which that person is logged in. Returns its context.
    async loggedIn(name, options) {
        const { email, password } = await this.account(name);
        const context = await this.person(options);
        const page = await this.tab(context, '/');
        await logIn(page, email, password);
        await page.close();
        return context;
    }

    async picture(page, name) {
        fs.mkdirSync(PICTURES, { recursive: true });
        await page.screenshot({ path: path.join(PICTURES, `${name}.png`) });
    }
}

export async function logIn(page, email, password) {
    await page.getByLabel('E-mail').fill(email);
    await page.getByLabel('Password', { exact: true }).fill(password);
    await page.getByRole('button', { name: 'Log in', exact: true }).click();
    await page.waitForURL('**/dashboard');
}

// To another page as a link leads there: nothing is loaded anew.
export const follow = (page, address) => page.evaluate((href) => {
    const link = document.body.appendChild(Object.assign(document.createElement('a'), { href }));
    link.click();
    link.remove();
}, address);

// Sends a message in the chat that is open.
export async function say(page, text) {
    await page.getByLabel('Message', { exact: true }).fill(text);
    await page.getByRole('button', { name: 'Send', exact: true }).click();
}

// The last answer, once it is complete and ends as was expected.
export async function answer(page, expected) {
    const last = page.locator('.thread-list .from-model').last();
    await page.locator('.from-model.is-complete').last().waitFor();
    await until(page, async () => {
        const text = (await last.locator('.message-content').innerText()).trim();
        return text.endsWith(expected) || text;
    }, `the answer ${JSON.stringify(expected)}`);
    return last;
}

// Waits until fn() is true; what else it says is told when that takes too long.
export async function until(page, fn, what, within = WAIT) {
    const end = Date.now() + within;
    let seen;
    while (Date.now() < end) {
        try {
            seen = await fn();
        } catch (e) {
            seen = e.message;
        }
        if (seen === true) return;
        await page.waitForTimeout(100);
    }
    throw new Error(`${what} did not come in time; last: ${JSON.stringify(seen)?.slice(0, 600)}`);
}

// A project by the API: its id.
export async function project(t, name, settings = {}) {
    const made = await t.call('POST', '/projects', { body: { name, ...settings } });
    assert.equal(made.status, 201, made.text);
    return made.json.id;
}
