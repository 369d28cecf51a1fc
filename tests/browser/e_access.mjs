// For everybody: no serious finding of axe on any page, in both themes and narrow, too, and nothing that is
// wider than its place. Pictures of all of them lie below the build. How much the first page loads.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import zlib from 'node:zlib';
import { sql } from '../harness/database.mjs';
import { eventually, request } from '../harness/http.mjs';
import { answer, follow, project, say, withBrowser } from './parts/browser.mjs';

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const FIRST_LOAD = 150 * 1000; // bytes, compressed

export const stack = { own: true }; // it takes as long as the others together

// What axe calls serious or critical.
const judge = (page) =>
    page.evaluate(async () => {
        const { violations } = await window.axe.run(document, { resultTypes: ['violations'] });
        return violations.filter((v) => ['serious', 'critical'].includes(v.impact)).map((v) => `${v.id}: ${v.nodes.slice(0, 3).map((n) => `${n.html.slice(0, 160)} ${n.any[0]?.message ?? ''}`).join(' | ')}`);
    });

async function look(b, page, name, judged) {
    await page.waitForTimeout(60); // what was begun is painted
    await b.picture(page, name);
    const found = judged ? await judge(page) : [];
    assert.deepEqual(found, [], `${name}\n${found.join('\n')}`);
    const wide = await page.evaluate(() => [document.documentElement, ...document.querySelectorAll('.page, .thread, .main, .sidebar, .dialog-body, .auth-card')]
        .filter((node) => node.scrollWidth > node.clientWidth).map((node) => `${node.className || 'the page'} ${node.scrollWidth - node.clientWidth} px`));
    assert.deepEqual(wide, [], `${name} is too wide`);
}

export default (t) => withBrowser(t, async (b) => {
    const { email, password, id: me } = await t.as('seer');
    sql(t.stack, 'postgres', `UPDATE auth.account SET role = 'admin' WHERE id = ${me}`); // whoever sees all pages
    const id = await project(t, 'A project with quite a long name that has to find its place', { model: 'echo' });
    await t.call('POST', `/projects/${id}/prompts`, { body: { name: 'System', content: 'Be brief.' } });
    await t.call('POST', `/projects/${id}/prompts`, { body: { name: 'Off', content: 'Not sent.', enabled: false } });
    await t.upload(`/projects/${id}/files`, 'text', { filename: 'a file with a name that is rather long, for a file.txt' });
    await t.call('POST', '/users/me/keys', { body: { name: 'robot', scopes: 'read chat' } });
    const text = '## Head\n\nSome **text** with `code` and a [link](https://example.com).\n\n```js\nconst x = "string" // note\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n> quote\n\n$x^2$';
    const { conversation_id: talk } = (await t.call('POST', '/chat', { body: { project_id: id, message: text } })).json;
    await t.call('PUT', `/conversations/${talk}`, { body: { title: 'A conversation about this and that and some more' } });

    const receipt = await gone(t);

    // the last has the colours of the second and the shapes of the third
    const looks = [['light', 1280, true], ['dark', 1280, true], ['light', 360, true], ['dark', 360, false]];
    for (const [colorScheme, width, judged] of looks)
        await b.test(`every page, ${colorScheme}, ${width} px`, async () => {
            const context = await b.person({ colorScheme, reducedMotion: 'reduce', viewport: { width, height: width < 500 ? 740 : 800 }, hasTouch: width < 500, isMobile: width < 500 });
            await context.addInitScript({ path: AXE });
            const page = await b.tab(context, '/');
            const see = (name) => look(b, page, `${name}-${colorScheme}-${width}`, judged);
            await page.getByRole('heading', { name: 'Log in' }).waitFor();
            await see('login');
            await page.getByRole('button', { name: 'Register here' }).click();
            await see('register');
            await page.goto('/');
            await page.getByLabel('E-mail').fill(email);
            await page.getByLabel('Password', { exact: true }).fill(password);
            await page.getByRole('button', { name: 'Log in', exact: true }).click();
            await page.locator('.file-row').waitFor();
            await page.locator('svg.chart, .figures').first().waitFor();
            await see('dashboard');
            await page.locator('.prompt-open').first().click();
            await see('prompt');
            await page.goto(`/chat?conversation=${talk}`);
            await page.locator('.hljs-keyword').waitFor();
            await page.locator('.math-done').waitFor();
            await see('chat');
            if (width < 500) {
                await page.getByLabel('Open the sidebar').click();
                await page.locator('.conversation').first().waitFor();
                await see('sidebar');
                await page.getByLabel('Close the sidebar').click();
            }
            await page.getByLabel('Actions for this conversation').click();
            await see('menu');
            await page.keyboard.press('Escape');
            await page.keyboard.press('Control+k');
            await page.locator('.palette-list li').nth(3).waitFor();
            await see('palette');
            await page.keyboard.press('Escape');
            await page.goto(`/chat?project=${id}&new=1`);
            await page.getByText('What would you like to talk about?').waitFor();
            await see('new');
            for (const part of ['profile', 'appearance', 'password', 'second', 'sessions', 'keys', 'activity', 'data', 'delete', 'users', 'invites', 'registration', 'audit', 'services']) {
                await follow(page, `/settings?part=${part}`);
                await page.locator('.card').first().waitFor();
                await see(`settings-${part}`);
            }
            await follow(page, '/settings?part=delete');
            await page.getByRole('button', { name: 'Delete the account' }).click();
            await page.getByRole('dialog').waitFor();
            await see('delete');
            await page.goto('/docs');
            await page.locator('details').first().waitFor();
            await see('docs');
            await page.goto(`/#erasure=${receipt}`);
            await page.getByRole('heading', { name: 'Everything is erased' }).waitFor();
            await see('receipt');
            await context.close();
        });

    await b.test('the first load is small, the next one is none', async () => {
        const context = await b.loggedIn('seer');
        const sizes = async (where, ready) => {
            b.requests.length = 0;
            const page = await b.tab(context, where);
            await page.locator(ready).first().waitFor();
            const seen = b.requests.filter((r) => r.url.startsWith('/ui/') || r.url === where);
            await page.close();
            return seen;
        };
        const fresh = await b.person();
        const first = await b.tab(fresh, null);
        b.requests.length = 0;
        await first.goto('/');
        await first.getByRole('heading', { name: 'Log in' }).waitFor();
        const login = await weigh(t, b.requests);
        await fresh.close();
        b.requests.length = 0;
        const seen = await sizes(`/chat?project=${id}&new=1`, '.welcome-name');
        const chat = await weigh(t, seen);
        console.log(`     first load, compressed: login ${login} bytes, chat ${chat} bytes`);
        assert.ok(login > 10000 && login <= FIRST_LOAD, `login ${login}`);
        assert.ok(chat > login && chat <= FIRST_LOAD, `chat ${chat}`);
        assert.ok(!seen.some((r) => /katex|highlight/.test(r.url)), 'formulas and colours come when they are needed');
        for (const { url, headers } of seen.filter((r) => r.url.startsWith('/ui/'))) assert.match(headers['cache-control'], /immutable/, url);
    });

    await b.test('files are sent as they are asked for', async () => {
        const page = await request(t.stack.port, { path: '/chat' });
        const [, path] = /src="(\/ui\/[0-9a-f]{16}\/js\/main\.js)"/.exec(page.text);
        const plain = await request(t.stack.port, { path });
        const packed = await request(t.stack.port, { path, headers: { 'Accept-Encoding': 'br, gzip' } });
        assert.equal(packed.headers['content-encoding'], 'gzip');
        assert.match(packed.headers.vary, /Accept-Encoding/);
        assert.ok(zlib.gunzipSync(packed.bytes).equals(plain.bytes));
        assert.notEqual(packed.headers.etag, plain.headers.etag);
        assert.equal(plain.headers['content-type'], 'text/javascript; charset=utf-8');
        const refused = await request(t.stack.port, { path, headers: { 'Accept-Encoding': 'gzip;q=0' } });
        assert.equal(refused.headers['content-encoding'], undefined);
        const known = await request(t.stack.port, { path, headers: { 'Accept-Encoding': 'gzip', 'If-None-Match': packed.headers.etag } });
        assert.equal(known.status, 304);
        assert.equal(known.bytes.length, 0);
        const now = await request(t.stack.port, { path: '/ui/js/main.js' });
        assert.equal(now.headers['cache-control'], 'no-cache');
        const other = await request(t.stack.port, { path: path.replace(/[0-9a-f]{16}/, '0123456789abcdef') });
        assert.equal(other.status, 200, 'a page of another version');
        assert.equal(other.headers['cache-control'], 'no-store');
        for (const wrong of ['/ui/', '/ui/app.html', '/ui/js', '/ui/js/none.js', '/ui/0123456789abcdef/', '/ui/js/../app.html', '/ui/embed.cmake', '/ui/vendor/SHA256SUMS'])
            assert.equal((await request(t.stack.port, { path: wrong })).status, 404, wrong);
    });

    await b.test('in German, where that is the browser’s language', async () => {
        const german = await b.person({ locale: 'de-DE' });
        const page = await b.tab(german, '/');
        await page.getByLabel('E-Mail').fill(email);
        await page.getByLabel('Passwort', { exact: true }).fill(password);
        await page.getByRole('button', { name: 'Anmelden', exact: true }).click();
        await page.getByRole('heading', { name: 'Dateien' }).waitFor();
        assert.equal(await page.evaluate(() => document.documentElement.lang), 'de');
        await page.goto(`/chat?project=${id}&new=1`);
        await page.getByLabel('Nachricht', { exact: true }).fill('Hallo');
        await page.keyboard.press('Enter');
        await answer(page, 'Hallo');
        await german.close();
    });

    await b.test('no motion for those who want none', async () => {
        const context = await b.loggedIn('seer', { reducedMotion: 'reduce' });
        const page = await b.tab(context, `/chat?project=${id}&new=1`);
        await say(page, 'calm');
        await answer(page, 'calm');
        const moving = await page.evaluate(() => document.getAnimations().filter((a) => a.playState === 'running' && a.effect.getTiming().duration > 50).length);
        assert.equal(moving, 0);
        await context.close();
    });
});

// The receipt of an account that is deleted, by whoever it was.
async function gone(t) {
    const { password } = await t.as('gone');
    const { receipt } = (await t.call('DELETE', '/users/me', { body: { password } })).json;
    await eventually(async () => (await t.call('GET', `/users/erasures/${receipt}`, { token: null })).json.state === 'erased', { within: 60000, what: 'it is erased' });
    await t.as('seer');
    return receipt;
}

// Bytes of the bodies that these replies have when they are compressed.
async function weigh(t, seen) {
    let sum = 0;
    for (const url of new Set(seen.filter((r) => r.status === 200 && (r.url.startsWith('/ui/') || /^\/($|chat|dashboard|settings)/.test(r.url))).map((r) => r.url)))
        sum += (await request(t.stack.port, { path: url, headers: { 'Accept-Encoding': 'gzip' } })).bytes.length;
    return sum;
}
