// What protects an account: a second factor in the pages, and what is done by mail.
import assert from 'node:assert/strict';
import { eventually } from '../harness/http.mjs';
import { mailFiles } from '../harness/mail.mjs';
import { App } from '../harness/totp.mjs';
import { logIn, until, withBrowser } from './parts/browser.mjs';

export default (t) => withBrowser(t, async (b) => {
    const { email, password } = await t.as('warden');
    const context = await b.loggedIn('warden');
    const page = await b.tab(context, '/settings?part=second');
    const named = (name, scope = page) => scope.getByRole('button', { name, exact: true });
    const dialog = page.getByRole('dialog');
    const secrets = (...list) => list.forEach((one) => t.world.secrets.add(one));
    const mail = (to, subject) => eventually(() => mailFiles(t.stack).findLast((one) => one.to.includes(to) && one.subject.includes(subject)), { within: 30000, what: `a mail "${subject}"` });
    let app;
    let codes;

    await b.test('a second factor is set up by its picture or its secret', async () => {
        await named('Set it up').click();
        await dialog.getByRole('img', { name: 'QR code for the app' }).waitFor();
        await dialog.getByText('The camera does not work?').click();
        const secret = (await dialog.locator('.secret').innerText()).replace(/\s/g, '');
        secrets(secret);
        app = new App(`otpauth://totp/x?secret=${secret}`);
        await dialog.getByLabel('Code', { exact: true }).fill('000000');
        await named('Turn it on', dialog).click();
        await dialog.locator('.field-error:visible, .form-error:visible').waitFor();
        await dialog.getByLabel('Code', { exact: true }).fill(await app.fresh());
        await named('Turn it on', dialog).click();
        await page.getByRole('dialog', { name: 'Recovery codes' }).waitFor();
        codes = await page.locator('.codes li').allInnerTexts();
        secrets(...codes);
        assert.equal(codes.length, 10);
        await named('I have kept them').click();
        await page.getByText('10 recovery codes are left.').waitFor();
    });

    const step = async (code) => {
        const own = await b.person();
        const door = await b.tab(own, '/');
        await door.getByLabel('E-mail').fill(email);
        await door.getByLabel('Password', { exact: true }).fill(password);
        await named('Log in', door).click();
        await door.getByRole('heading', { name: 'One more step' }).waitFor();
        await door.getByLabel('Code', { exact: true }).fill(code);
        await named('Log in', door).click();
        return { own, door };
    };

    await b.test('a log-in asks for a code', async () => {
        const { own, door } = await step('000000');
        await door.locator('.field-error', { hasText: /wrong/ }).waitFor();
        await door.getByLabel('Code', { exact: true }).fill(await app.fresh());
        await named('Log in', door).click();
        await door.waitForURL('**/dashboard');
        await own.close();
    });

    await b.test('a recovery code does as well, once', async () => {
        const { own, door } = await step(codes[0]);
        await door.waitForURL('**/dashboard');
        await own.close();
        await page.reload();
        await page.getByText('9 recovery codes are left.').waitFor();
    });

    await b.test('new recovery codes, and off again, with the password', async () => {
        await named('New recovery codes').click();
        await dialog.getByLabel('Password').fill('Wrong-password-1');
        await named('Make new ones', dialog).click();
        await dialog.locator('.field-error:visible, .form-error:visible').waitFor();
        await dialog.getByLabel('Password').fill(password);
        await named('Make new ones', dialog).click();
        await page.locator('.codes li').first().waitFor();
        secrets(...await page.locator('.codes li').allInnerTexts());
        await named('I have kept them').click();
        await named('Turn it off').click();
        await dialog.getByLabel('Password').fill(password);
        await named('Turn it off', dialog).click();
        await named('Set it up').waitFor();
    });

    await b.test('another address: a mail goes there, its link makes it so', async () => {
        const other = `moved.${t.client.nonce}@example.com`;
        await page.goto('/settings');
        await named('Change').click();
        await dialog.getByLabel('New address').fill(other);
        await dialog.getByLabel('Password').fill(password);
        await named('Send the mail', dialog).click();
        await page.getByText(`${other} takes its place`).waitFor();
        const { link } = await mail(other, '');
        secrets(new URL(link).hash.split('=')[1]);
        await page.goto(link);
        await named('It is my address').click();
        await until(page, async () => (await page.locator('.facts').innerText()).includes(other), 'the new address');
        t.client.people.get('warden').email = other;
    });

    await b.test('a forgotten password: a mail, its link, a new one', async () => {
        const { email: address } = t.client.people.get('warden');
        const own = await b.person();
        const door = await b.tab(own, '/');
        await named('Forgot your password?', door).click();
        await door.getByLabel('E-mail').fill(address);
        await named('Send the mail', door).click();
        await door.getByText('a mail is on its way').waitFor();
        const { link } = await mail(address, 'Set a new password');
        const next = `Found-${t.client.nonce}-7`;
        secrets(next, new URL(link).hash.split('=')[1]);
        await door.goto('about:blank');
        await door.goto(link);
        await door.getByLabel('New password', { exact: true }).fill(next);
        await named('Save the password', door).click();
        await door.getByText('The password is saved.').waitFor();
        await logIn(door, address, next);
        await own.close();
        t.client.people.get('warden').password = next;
    });
    await context.close();
});
