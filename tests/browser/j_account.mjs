// What happened to accounts, for their owners and for admins; and their end: one's own, with password and
// code, and another one's by an admin, with receipts.
import assert from 'node:assert/strict';
import { sql } from '../harness/database.mjs';
import { eventually } from '../harness/http.mjs';
import { App } from '../harness/totp.mjs';
import { logIn, project, until, withBrowser } from './parts/browser.mjs';

export default (t) => withBrowser(t, async (b) => {
    const { email, password } = await t.as('leaver');
    const context = await b.loggedIn('leaver');
    const page = await b.tab(context, '/settings?part=activity');
    const named = (name, scope = page) => scope.getByRole('button', { name, exact: true });
    const dialog = page.getByRole('dialog');

    await b.test('what happened to the account, newest first', async () => {
        const login = (secret) => t.call('POST', '/users/login', { body: { email, password: secret }, token: null });
        await login('Wrong-password-1');
        for (let i = 0; i < 25; i++) await t.call('DELETE', `/users/me/keys/${(await t.call('POST', '/users/me/keys', { body: { name: 'x', scopes: 'read' } })).json.id}`);
        const left = await project(t, 'Deleted at once');
        await t.call('DELETE', `/projects/${left}`);
        await eventually(async () => (await t.call('GET', '/users/me/audit?newest=true&limit=1')).json[0]?.action === 'project_deleted', { within: 30000, what: 'it is noted' });
        await page.reload();
        const rows = page.locator('.audit-row');
        await rows.first().getByText('Project deleted').waitFor();
        await rows.first().getByText(`project ${left} · from 127.0.0.1`).waitFor();
        assert.equal(await rows.count(), 50);
        await named('More').click();
        await rows.last().getByText('Account made').waitFor();
        assert.equal(await page.locator('.audit-row.warns').getByText('Log-in failed').count(), 1);
        assert.equal(await rows.count(), (await t.call('GET', '/users/me/audit?limit=200')).json.length);
    });

    await b.test('an account is deleted: typed, with the password and a code; its receipt says when all is gone', async () => {
        await project(t, 'Left behind');
        const { json } = await t.call('POST', '/users/me/totp');
        const app = new App(json.otpauth_uri);
        t.world.secrets.add(json.secret);
        const on = await t.call('POST', '/users/me/totp/confirm', { body: { code: await app.fresh() } });
        assert.equal(on.status, 200, on.text);
        on.json.recovery_codes.forEach((code) => t.world.secrets.add(code));
        const other = await b.tab(context, '/chat');
        await other.locator('.account').waitFor();

        await page.goto('/settings?part=delete');
        await page.getByText('all projects with their prompts and files').waitFor();
        await named('Delete the account').click();
        const remove = named('Delete the account', dialog);
        await dialog.getByLabel(`Type “${email}” to go on`).fill(email.slice(1));
        await dialog.getByLabel('Password').fill('Wrong-password-1');
        await dialog.getByLabel('Code').fill(on.json.recovery_codes[0]);
        assert.equal(await remove.isDisabled(), true);
        await dialog.getByLabel(`Type “${email}” to go on`).fill(email.toUpperCase());
        await remove.click();
        await dialog.locator('.field-error:visible').waitFor();
        await dialog.getByLabel('Password').fill(password);
        await dialog.getByLabel('Code').fill('000000');
        await remove.click();
        await dialog.locator('.field-error', { hasText: /wrong/ }).waitFor();
        await dialog.getByLabel('Code').fill(on.json.recovery_codes[1]);
        await remove.click();
        await page.waitForURL('**/#erasure=*');
        await page.getByRole('heading', { name: 'Everything is erased' }).waitFor();
        assert.equal(await page.locator('.chip.good').count(), 5);
        await other.getByRole('button', { name: 'Log in', exact: true }).waitFor();
        assert.deepEqual(await context.cookies(), []);
    });

    await b.test('the receipt is there without an account, and nobody logs in any more', async () => {
        const own = await b.person();
        const tab = await b.tab(own, page.url().replace(b.base, ''));
        await tab.getByRole('heading', { name: 'Everything is erased' }).waitFor();
        await named('Copy the receipt', tab).click();
        assert.equal(await tab.evaluate(() => navigator.clipboard.readText()), page.url());
        await named('Back to the login', tab).click();
        await tab.getByLabel('E-mail').fill(email);
        await tab.getByLabel('Password', { exact: true }).fill(password);
        await named('Log in', tab).click();
        await tab.getByText('Email or password is wrong.').waitFor();
        await tab.goto(`/#erasure=${'x'.repeat(43)}`);
        await tab.reload();
        await tab.getByRole('heading', { name: 'There is no such receipt' }).waitFor();
        await own.close();
    });
    await context.close();

    await b.test('an admin deletes somebody, typed, and gets a receipt; the audit knows of it', async () => {
        const gone = await t.as('gone');
        const { id } = await t.as('chief');
        sql(t.stack, 'postgres', `UPDATE auth.account SET role = 'admin' WHERE id = ${id}`);
        await t.client.login('chief');
        const admin = await b.person();
        const tab = await b.tab(admin, '/');
        await logIn(tab, t.client.people.get('chief').email, t.client.people.get('chief').password);
        await tab.goto('/settings?part=users');
        await tab.getByLabel('Search accounts').fill(gone.email);
        await until(tab, async () => (await tab.locator('.rows li').count()) === 1, 'the one that was looked for');
        await tab.getByLabel(`Actions for ${gone.email}`).click();
        await tab.getByRole('menuitem', { name: 'Delete', exact: true }).click();
        await tab.getByRole('dialog').getByRole('textbox').fill(gone.email);
        await tab.getByRole('dialog').getByRole('button', { name: 'Delete the account' }).click();
        const link = await tab.getByLabel('Receipt of the deletion').locator('input').inputValue();
        assert.match(link, /#erasure=[\w-]{43}$/);
        await named('Done', tab).click();
        await tab.goto(link);
        await tab.getByRole('heading', { name: 'Everything is erased' }).waitFor();
        assert.equal((await t.call('GET', `/admin/users/${gone.id}`)).status, 404);

        const other = await t.as('looked');
        await t.as('chief');
        await tab.goto(`/settings?part=audit&user=${gone.id}`);
        const rows = tab.locator('.audit-row');
        await rows.filter({ hasText: 'Account erased' }).waitFor();
        await rows.filter({ hasText: 'Account deleted' }).getByText(t.client.people.get('chief').email).waitFor();
        await tab.getByLabel('Account', { exact: true }).fill(other.email);
        await until(tab, async () => (await rows.allInnerTexts()).every((text) => text.includes(other.email)) || rows.allInnerTexts(), 'the entries of that account');
        await tab.getByLabel('Action').selectOption('registered');
        await until(tab, async () => (await rows.count()) === 1 || rows.count(), 'one of them');
        await tab.getByLabel('Account', { exact: true }).fill('nobody-of-that-name');
        await tab.getByText('Nothing of that kind').waitFor();
        await tab.getByLabel('Account', { exact: true }).fill('');
        await until(tab, async () => (await rows.count()) > 3 || rows.count(), 'all that registered');
        await admin.close();
    });
});
