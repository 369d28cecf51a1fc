// The account's own pages, and those of admins.
import assert from 'node:assert/strict';
import { sql } from '../harness/database.mjs';
import { sleep } from '../harness/http.mjs';
import { logIn, until, withBrowser } from './parts/browser.mjs';

export default (t) => withBrowser(t, async (b) => {
    const { email, password, id } = await t.as('keeper');
    const context = await b.loggedIn('keeper');
    const page = await b.tab(context, '/settings');
    const named = (name, scope = page) => scope.getByRole('button', { name, exact: true });
    const dialog = page.getByRole('dialog');

    await b.test('profile and theme, in all tabs', async () => {
        await page.locator('.card').getByText(email).waitFor();
        await page.getByLabel('Name').fill('Keeper of keys');
        await named('Save').click();
        await page.locator('.account').getByText('Keeper of keys').waitFor();
        await page.goto('/settings?part=appearance');
        const other = await b.tab(context, '/settings');
        await page.getByLabel('Dark').check();
        await until(other, () => other.evaluate(() => document.documentElement.dataset.theme === 'dark'), 'the other tab is dark');
        await other.reload();
        assert.equal(await other.evaluate(() => document.documentElement.dataset.theme), 'dark');
        await other.close();
    });

    await b.test('a choice that is made while the account is asked what it has stays', async () => {
        let told;
        const held = new Promise((go) => (told = go));
        let asked = false;
        await page.route('**/users/me', async (route) => {
            if (route.request().method() !== 'GET') return route.continue();
            const response = await route.fetch();
            asked = true;
            await held;
            return route.fulfill({ response });
        });
        await page.reload();
        await until(page, () => asked, 'the account is asked');
        await page.getByLabel('Deutsch').click();
        await page.getByRole('heading', { name: 'Aussehen' }).waitFor();
        await until(page, async () => (await t.call('GET', '/users/me')).json.language === 'de', 'the account knows');
        const answered = page.waitForResponse((r) => r.url().endsWith('/users/me') && r.request().method() === 'GET');
        told();
        await (await answered).finished();
        await sleep(200); // for what it would do
        assert.equal(await page.getByRole('heading', { name: 'Aussehen' }).count(), 1);
        await page.unroute('**/users/me');
        await page.getByLabel('Wie der Browser').click();
        await page.getByRole('heading', { name: 'Appearance' }).waitFor();
    });

    await b.test('language and theme follow the account', async () => {
        const me = async () => (await t.call('GET', '/users/me')).json;
        await t.call('PUT', '/users/me', { body: { preferences: { theme: 'dark', other: { kept: 1 } } } });
        await page.reload();
        await page.getByLabel('Deutsch').click();
        await page.getByRole('heading', { name: 'Aussehen' }).waitFor();
        await until(page, async () => (await me()).language === 'de' || me(), 'the account knows');
        await page.getByLabel('Hell', { exact: true }).check();
        await until(page, async () => (await me()).preferences.theme === 'light' || me(), 'the account knows');
        assert.deepEqual((await me()).preferences, { theme: 'light', other: { kept: 1 } });
        const elsewhere = await b.person({ colorScheme: 'dark' });
        const there = await b.tab(elsewhere, '/');
        await there.getByLabel('Keep me logged in on this device').uncheck();
        await logIn(there, email, password);
        await there.getByText('Leg dein erstes Projekt an').waitFor();
        assert.equal(await there.evaluate(() => document.documentElement.dataset.theme), 'light');
        assert.equal(await there.evaluate(() => document.documentElement.lang), 'de');
        await elsewhere.close();
        await page.getByLabel('Wie der Browser').click();
        await page.getByRole('heading', { name: 'Appearance' }).waitFor();
        await page.getByLabel('System').check();
        await until(page, async () => (await me()).preferences.theme === 'system' && (await me()).language === null, 'the account knows');
    });

    await b.test('an API key is shown once, works, and is revoked', async () => {
        await page.goto('/settings?part=keys');
        await named('New key').click();
        await dialog.getByLabel('Name').fill('robot');
        await dialog.getByLabel('chat').uncheck();
        await named('Create key').click();
        const shown = page.getByLabel('Your new key');
        await shown.locator('input').waitFor();
        const key = await shown.locator('input').inputValue();
        t.world.secrets.add(key);
        assert.match(key, /^cbk_/);
        assert.equal((await t.call('GET', '/projects', { token: key })).status, 200);
        assert.equal((await t.call('POST', '/projects', { token: key, body: { name: 'x' } })).status, 403);
        await named('Done').click();
        await named('Revoke robot').click();
        await named('Revoke', dialog).click();
        await page.getByText('You have no API keys.').waitFor();
        await until(page, async () => (await t.call('GET', '/projects', { token: key })).status === 401, 'it is refused');
    });

    await b.test('sessions: another one is ended, and its page asks to log in', async () => {
        const away = await b.person();
        const there = await b.tab(away, '/');
        await logIn(there, email, password);
        await page.goto('/settings?part=sessions');
        await named('End all others').click();
        await named('End them').click();
        await until(page, async () => (await page.locator('.rows li').count()) === 1, 'one is left');
        await there.goto('/chat');
        await there.getByRole('button', { name: 'Log in', exact: true }).waitFor();
        await away.close();
    });

    await b.test('the password', async () => {
        const fresh = `Fresh-${t.client.nonce}-2`;
        t.world.secrets.add(fresh);
        await page.goto('/settings?part=password');
        const change = async (old, next, again = next) => {
            await page.getByLabel('Current password', { exact: true }).fill(old);
            await page.getByLabel('New password', { exact: true }).fill(next);
            await page.getByLabel('New password once more').fill(again);
            await named('Change the password').click();
        };
        await change(password, 'short');
        await page.getByText('The password does not meet all of the rules below.').waitFor();
        await change(password, fresh, `${fresh}x`);
        await page.getByText('The two are not the same.').waitFor();
        await change('Wrong-password-1', fresh);
        await page.locator('.field-error:visible, .form-error:visible').first().waitFor();
        await change(password, fresh);
        await page.getByText('The password is changed.').waitFor();
        t.client.people.get('keeper').password = fresh;
        await t.client.login('keeper');
    });

    await b.test('nobody but admins sees the platform', async () => {
        await page.goto('/settings?part=users');
        await page.locator('.card, .empty').first().waitFor();
        assert.equal(await page.getByText('Registration').count(), 0);
    });

    sql(t.stack, 'postgres', `UPDATE auth.account SET role = 'admin' WHERE id = ${id}`);
    await t.client.login('keeper');

    await b.test('admins: users, a new password for one of them, invitations, registration, services', async () => {
        const other = await t.as('other');
        await t.as('keeper');
        const admin = await b.loggedIn('keeper');
        const tab = await b.tab(admin, '/settings?part=users');
        await tab.getByLabel('Search accounts').fill(`other.${t.client.nonce}`);
        await tab.locator('.rows li', { hasText: other.email }).waitFor();
        await until(tab, async () => (await tab.locator('.rows li').count()) === 1, 'the one that was looked for');
        await tab.getByLabel(`Actions for ${other.email}`).click();
        await tab.getByRole('menuitem', { name: 'Reset the password' }).click();
        await tab.getByRole('button', { name: 'Reset it' }).click();
        const link = await tab.getByLabel('Link for a new password').locator('input').inputValue();
        t.world.secrets.add(link.split('=')[1]);
        await tab.getByRole('button', { name: 'Done' }).click();
        await tab.getByText('needs a password').waitFor();

        const own = await b.person();
        const reset = await b.tab(own, new URL(link).pathname + new URL(link).hash);
        await reset.getByRole('heading', { name: 'Set a new password' }).waitFor();
        const next = `Next-${t.client.nonce}-3`;
        t.world.secrets.add(next);
        await reset.getByLabel('New password', { exact: true }).fill(next);
        await reset.getByRole('button', { name: 'Save the password' }).click();
        await reset.getByText('The password is saved.').waitFor();
        await logIn(reset, other.email, next);
        await own.close();

        await tab.goto('/settings?part=invites');
        await tab.getByRole('button', { name: 'Invite' }).click();
        await tab.getByRole('dialog').getByRole('button', { name: 'Invite' }).click();
        const invite = await tab.getByLabel('The invitation').locator('input').inputValue();
        t.world.secrets.add(invite.split('=')[1]);
        await tab.getByRole('button', { name: 'Done' }).click();
        await tab.getByText('anybody with the link').waitFor();

        await tab.goto('/settings?part=registration');
        const save = (name) => tab.getByRole('region', { name }).getByRole('button', { name: 'Save' }).click();
        const settings = async () => (await t.call('GET', '/admin/settings')).json;
        await tab.getByLabel('With an invitation').check();
        await save('Registration');
        await tab.getByText('Saved.').waitFor();
        await tab.getByRole('group', { name: 'Who needs a second factor' }).getByLabel('Admins').check();
        await save('Second factor');
        await tab.getByText('Turn your own second factor on first.').waitFor();
        const guest = await b.person();
        const door = await b.tab(guest, '/');
        await door.getByRole('button', { name: 'Register here' }).click();
        await door.getByLabel('E-mail').fill(`guest.${t.client.nonce}@example.com`);
        await door.getByLabel('Password', { exact: true }).fill(next);
        await door.getByRole('button', { name: 'Register', exact: true }).click();
        await door.getByLabel('Invitation').fill(invite.split('=')[1]);
        await door.getByRole('button', { name: 'Register', exact: true }).click();
        await door.waitForURL('**/dashboard');
        await guest.close();
        await tab.getByRole('group', { name: 'Who may register' }).getByLabel('Everybody').check();
        await save('Registration');
        await until(tab, async () => (await settings()).registration === 'open', 'it is open again');

        await tab.goto('/settings?part=services');
        await tab.getByText('All is well').waitFor();
        await admin.close();
    });
    await context.close();
});
