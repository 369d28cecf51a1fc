// What is one's own goes out and comes in: conversations as files, the account as an archive.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import { project, until, withBrowser } from './parts/browser.mjs';

const CONVERSATION = {
    format: 'chatbot-conversation', version: 1, title: 'From elsewhere', created_at: '2026-01-02T03:04:05Z',
    messages: [{ parent: null, role: 'user', content: 'a question <b>of</b> old' }, { parent: 0, role: 'assistant', content: 'an **answer** of old' }],
};
const file = (name, what) => ({ name, mimeType: 'application/json', buffer: Buffer.from(typeof what === 'string' ? what : JSON.stringify(what)) });

export default (t) => withBrowser(t, async (b) => {
    const context = await b.loggedIn('mover');
    const id = await project(t, 'Moved');
    const page = await b.tab(context, `/chat?project=${id}`);
    const named = (name, scope = page) => scope.getByRole('button', { name, exact: true });
    const dialog = page.getByRole('dialog');
    const choose = (...files) => dialog.locator('input[type=file]').setInputFiles(files);

    await b.test('an exported conversation is imported, and shown', async () => {
        await named('Import conversations').click();
        await choose(file('talk.json', CONVERSATION));
        await page.waitForURL('**/chat?conversation=*');
        await page.locator('.from-model strong', { hasText: 'answer' }).waitFor();
        await page.getByText('a question <b>of</b> old', { exact: true }).waitFor();
        await page.locator('.conversations').getByText('From elsewhere').waitFor();
        assert.equal(await dialog.count(), 0);
    });

    await b.test('of several files each says what became of it', async () => {
        await page.goto(`/dashboard?project=${id}`);
        await page.getByLabel('Actions for Moved').click();
        await page.getByRole('menuitem', { name: 'Import conversations' }).click();
        const wrong = { ...CONVERSATION, messages: [{ parent: 5, role: 'user', content: 'x' }] };
        await choose(file('a.json', wrong), file('b.json', { ...CONVERSATION, title: 'Second' }), file('c.json', 'no JSON'), file('d.json', ''));
        const row = (name) => dialog.locator('.file-row', { hasText: name });
        await row('a.json').getByText(/messages\[0\]\.parent|parent/).waitFor();
        await row('c.json').locator('.field-error').waitFor();
        await row('d.json').getByText('It is empty, or a folder.').waitFor();
        await named('Open', row('b.json')).click();
        await page.waitForURL('**/chat?conversation=*');
        await page.getByRole('heading', { name: 'Second' }).waitFor();
        const titles = (await t.call('GET', `/projects/${id}/conversations`)).json.map((one) => one.title).sort();
        assert.deepEqual(titles, ['From elsewhere', 'Second']);
    });

    await b.test('an archive of the account: made, saved, deleted', async () => {
        await page.goto('/settings?part=data');
        await page.getByText('There is no archive now.').waitFor();
        await named('Make an archive').click();
        await named('Download').waitFor();
        await page.getByText(/1 project · 2 conversations · 0 files/).waitFor();
        const coming = page.waitForEvent('download');
        await named('Download').click();
        const saved = await coming;
        assert.match(saved.suggestedFilename(), /^chatbot-\d{4}-\d\d-\d\d\.tar$/);
        const bytes = fs.readFileSync(await saved.path());
        const [{ bytes: size, sha256 }] = (await t.call('GET', '/users/me/exports')).json;
        assert.equal(bytes.length, size);
        assert.equal(crypto.createHash('sha256').update(bytes).digest('hex'), sha256);
        await named('Delete the archive').click();
        await named('Delete', dialog).click();
        await page.getByText('There is no archive now.').waitFor();
        await until(page, async () => (await t.call('GET', '/users/me/exports')).json.length === 0, 'it is gone');
    });

    await b.test('no more archives than an account may have', async () => {
        for (let n = 1; n <= 3; n++) {
            await named('Make an archive').click();
            await until(page, async () => (await named('Download').count()) === n || named('Download').count(), `archive ${n}`);
        }
        await page.getByText('There are 3 archives, as many as one may have.').waitFor();
        assert.equal(await named('Make an archive').isDisabled(), true);
    });
    await context.close();
});
