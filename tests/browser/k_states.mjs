// What pages say while they wait, when something fails, and when a session ends; and that the demo model
// says what it is.
import assert from 'node:assert/strict';
import { sql } from '../harness/database.mjs';
import { follow, logIn, project, say, until, withBrowser } from './parts/browser.mjs';

export const stack = { demo: true, own: true };

const problem = (status, code, detail) => ({ status, contentType: 'application/problem+json', body: JSON.stringify({ type: 'about:blank', title: 'x', status, code, detail, request_id: 'x' }) });

export default (t) => withBrowser(t, async (b) => {
    const { id: me, email, password } = await t.as('patient');
    sql(t.stack, 'postgres', `UPDATE auth.account SET role = 'admin' WHERE id = ${me}`); // whoever sees all pages
    await t.client.login('patient');
    const id = await project(t, 'Patience');
    await t.upload(`/projects/${id}/files`, 'text');
    const { conversation_id: talk } = (await t.call('POST', '/chat', { body: { project_id: id, message: 'hello' } })).json;
    const context = await b.person();
    const page = await b.tab(context, '/');
    const again = (scope = page) => scope.getByRole('button', { name: 'Try again', exact: true });
    const failing = (path) => page.route((url) => url.pathname === path, (route) => route.fulfill(problem(500, 'internal', 'broken on purpose')));

    const aside = async () => { // where nothing is asked for
        await follow(page, '/settings?part=appearance');
        await page.locator('.choices').first().waitFor();
    };

    await b.test('the demo model announces itself, and answers', async () => {
        await page.getByText('A demo model answers here: it shows what it was sent.').waitFor();
        await logIn(page, email, password);
        await page.locator('.chip', { hasText: 'Demo model' }).waitFor();
        await page.goto(`/chat?project=${id}&new=1`);
        await say(page, 'who are you?');
        await page.locator('.from-model.is-complete').getByText(/demo model/).first().waitFor();
    });

    // [address, what fails there, what stands there when all is well, whether to load the page anew]
    const views = [
        ['/dashboard', '/projects', '.project-list a'],
        ['/dashboard', `/projects/${id}/prompts`, '.card:has(#prompts-head) .empty button:has-text("Write a prompt")'],
        ['/dashboard', `/projects/${id}/files`, '.card:has(#files-head) .file-row'],
        ['/dashboard', `/projects/${id}/usage`, '.card:has(#usage-head) .figures'],
        ['/chat', '/projects', '.conversations, .welcome'],
        ['/chat', `/projects/${id}/conversations`, '.conversation'],
        [`/chat?conversation=${talk}`, `/conversations/${talk}`, '.from-model.is-complete'],
        [`/chat?conversation=${talk}`, `/conversations/${talk}/messages`, '.from-model.is-complete'],
        ['/settings', '/users/me', '.facts', true],
        ['/settings?part=second', '/users/me/security', '.card'],
        ['/settings?part=sessions', '/users/me/sessions', '.rows li'],
        ['/settings?part=keys', '/users/me/keys', '.card'],
        ['/settings?part=activity', '/users/me/audit', '.audit-row'],
        ['/settings?part=data', '/users/me/exports', '.card'],
        ['/settings?part=users', '/admin/users', '.rows li'],
        ['/settings?part=invites', '/admin/invites', '.card'],
        ['/settings?part=registration', '/admin/settings', '.choices'],
        ['/settings?part=audit', '/admin/audit', '.audit-row'],
        ['/settings?part=services', '/metrics', '.figures'],
    ];

    await b.test('what could not be loaded says so, and can be tried again', async () => {
        const missing = [];
        for (const [address, path, ready, anew] of views) {
            await aside();
            await failing(path);
            await (anew ? page.goto(address) : follow(page, address));
            try {
                await again().first().waitFor({ timeout: 20000 });
                await page.getByText(/broken on purpose/i).first().waitFor({ timeout: 5000 });
                await page.unrouteAll();
                await again().first().click();
                await page.locator(ready).first().waitFor({ timeout: 20000 });
            } catch (e) {
                missing.push(`${address} without ${path}: ${e.message.split('\n')[0]}`);
            }
            await page.unrouteAll();
        }
        assert.deepEqual(missing, [], missing.join('\n'));
    });

    await b.test('what takes its time says that it is loading', async () => {
        for (const [address, path, ready] of [views[0], views[4], views[7], views[9]]) {
            let go;
            const held = new Promise((resolve) => { go = resolve; });
            await aside();
            await page.route((url) => url.pathname === path, async (route) => { await held; await route.continue(); });
            await follow(page, address);
            await page.locator('.loading').first().waitFor();
            go();
            await page.locator(ready).first().waitFor();
            await page.unrouteAll();
        }
    });

    await b.test('a refused token is renewed once, and nobody notices', async () => {
        let refused = 0;
        const renewed = [];
        const listen = (r) => { if (r.url().endsWith('/users/refresh')) renewed.push(r.status()); };
        await page.goto('/dashboard');
        await page.locator('.project-list a').waitFor();
        page.on('response', listen);
        await page.route('**/users/me/sessions*', (route) => refused++ ? route.continue() : route.fulfill(problem(401, 'unauthorized', 'expired')));
        await page.getByRole('link', { name: 'Settings' }).click();
        await page.getByRole('link', { name: 'Sessions' }).click();
        await page.locator('.chip', { hasText: 'this one' }).waitFor();
        page.off('response', listen);
        await page.unrouteAll();
        assert.deepEqual([refused, renewed], [2, [200]]);
    });

    await b.test('tabs renew one after the other, and all stay logged in', async () => {
        const tabs = [page];
        for (let i = 0; i < 3; i++) tabs.push(await b.tab(context, null));
        await Promise.all(tabs.map((tab) => tab.goto('/settings?part=profile')));
        await Promise.all(tabs.map((tab) => tab.locator('.facts').waitFor()));
        for (const tab of tabs.slice(1)) await tab.close();
        assert.equal((await t.call('GET', '/users/me/sessions')).json.filter((one) => /Chrome/.test(one.device)).length, 1);
    });

    await b.test('an ended session leads to the log-in, and back to where one was', async () => {
        await page.goto(`/chat?conversation=${talk}`);
        await page.locator('.from-model.is-complete').waitFor();
        await page.getByLabel('Message', { exact: true }).fill('not lost');
        await page.waitForTimeout(400); // the draft is kept
        await t.call('DELETE', '/users/me/sessions');
        await page.getByRole('button', { name: 'Log in', exact: true }).waitFor(); // the stream of events ends with it
        await page.getByLabel('E-mail').fill(email);
        await page.getByLabel('Password', { exact: true }).fill(password);
        await page.getByRole('button', { name: 'Log in', exact: true }).click();
        await page.waitForURL(`**/chat?conversation=${talk}`);
        await until(page, async () => (await page.getByLabel('Message', { exact: true }).inputValue()) === 'not lost', 'the draft');
        await page.getByRole('button', { name: 'Send', exact: true }).click();
        await page.locator('.from-model.is-complete').nth(1).waitFor();
    });
    await context.close();
});
