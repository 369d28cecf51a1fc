// The end of accounts: one's own, with password and code, and another one's by an admin; the receipts.
import assert from 'node:assert/strict';
import { sql } from '../harness/database.mjs';
import { App } from '../harness/totp.mjs';
import { logIn, project, until, withBrowser } from './parts/browser.mjs';

export default (t) => withBrowser(t, async (b) => {
    const { email, password } = await t.as('leaver');
    const context = await b.loggedIn('leaver');
    const page = await b.tab(context, '/settings?part=delete');
    const named = (name, scope = page) => scope.getByRole('button', { name, exact: true });
    const dialog = page.getByRole('dialog');

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

        await page.reload();
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

    await b.test('an admin deletes somebody, typed, and gets a receipt; nobody the last admin', async () => {
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
        await admin.close();
    });
});
