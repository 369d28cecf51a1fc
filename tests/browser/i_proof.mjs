// Where addresses have to be proved: from the registration to the first log-in.
import { eventually } from '../harness/http.mjs';
import { mailFiles } from '../harness/mail.mjs';
import { logIn, withBrowser } from './parts/browser.mjs';

export const stack = { settings: { EMAIL_VERIFICATION: 'required' } };

export default (t) => withBrowser(t, async (b) => {
    await b.test('an account is good once its address is proved', async () => {
        const email = `proof.${t.client.nonce}@example.com`;
        const password = `Proof-${t.client.nonce}-1`;
        const context = await b.person();
        const page = await b.tab(context, '/');
        const named = (name) => page.getByRole('button', { name, exact: true });
        const mails = () => mailFiles(t.stack).filter((one) => one.to.includes(email));
        t.world.secrets.add(password);
        await named('Register here').click();
        await page.getByLabel('E-mail').fill(email);
        await page.getByLabel('Password', { exact: true }).fill(password);
        await named('Register').click();
        await page.getByText(`A mail is on its way to ${email}.`).waitFor();
        await eventually(() => mails().length === 1, { within: 30000, what: 'a mail' });
        await named('Back to the login').click();
        await page.getByLabel('E-mail').fill(email);
        await page.getByLabel('Password', { exact: true }).fill(password);
        await named('Log in').click();
        await page.getByText('Follow the link in the mail').waitFor();
        await named('Send another mail').click();
        await page.getByText('Another mail is on its way.').waitFor();
        await eventually(() => mails().length === 2, { within: 30000, what: 'another mail' });
        const { link } = mails().at(-1);
        t.world.secrets.add(new URL(link).hash.split('=')[1]);
        await page.goto('about:blank');
        await page.goto(link);
        await named('It is my address').click();
        await page.getByText('The address is proved. You can log in.').waitFor();
        await logIn(page, email, password);
        await context.close();
    });
});
