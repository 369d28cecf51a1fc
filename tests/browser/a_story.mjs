// The usage guide's six chapters in a browser: register, log in, a project, prompts, files, a chat.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { answer, logIn, say, until, withBrowser } from './parts/browser.mjs';

export default (t) => withBrowser(t, async (b) => {
    const email = `story.${t.client.nonce}@example.com`;
    const password = `Story-${t.client.nonce}-9`;
    t.world.secrets.add(password);
    const context = await b.person();
    const page = await b.tab(context, '/');
    const button = (name, scope = page) => scope.getByRole('button', { name, exact: true });

    await b.test('registration tells the rules while one types, and what the server says', async () => {
        await button('Register here').click();
        await page.getByLabel('E-mail').fill('nonsense');
        const secret = page.getByLabel('Password', { exact: true });
        const met = () => page.locator('.rule.met').allInnerTexts();
        await secret.fill('abc');
        assert.deepEqual(await met(), ['A letter']);
        await secret.fill('abcdefg1');
        assert.deepEqual(await met(), ['At least 8 characters', 'A letter', 'A digit']);
        await button('Register').click();
        await page.getByText('This is no e-mail address.').waitFor();
        await page.getByLabel('E-mail').fill(email);
        await secret.fill('password1');
        await button('Register').click();
        await page.locator('.field-error', { hasText: /common/ }).waitFor();
        await secret.fill(password);
        await button('Register').click();
        await page.waitForURL('**/dashboard');
        await page.getByText('Create your first project').waitFor();
    });

    await b.test('log out, a wrong password, log in; the page that was asked for comes back', async () => {
        await page.locator('.account').click();
        await page.getByRole('menuitem', { name: 'Log out' }).click();
        await button('Log in').waitFor();
        await page.goto('/settings?part=keys');
        await page.getByLabel('E-mail').fill(email);
        await page.getByLabel('Password', { exact: true }).fill('Wrong-1234567');
        await button('Log in').click();
        await page.getByText('Email or password is wrong.').waitFor();
        await page.getByLabel('Password', { exact: true }).fill(password);
        await button('Log in').click();
        await page.waitForURL('**/settings?part=keys');
        await page.goto('/dashboard');
        await page.reload();
        await page.getByText('Create your first project').waitFor();
    });

    await b.test('a project', async () => {
        await button('New project', page.locator('main')).click();
        const dialog = page.getByRole('dialog');
        assert.equal(await button('Create project', dialog).isDisabled(), true);
        await dialog.getByLabel('Name').fill('Pirates');
        await button('Create project', dialog).click();
        await page.getByRole('heading', { name: 'Pirates' }).waitFor();
        await page.getByLabel('Actions for Pirates').click();
        await page.getByRole('menuitem', { name: 'Rename' }).click();
        await page.getByRole('dialog').getByLabel('Name').fill('Pirate ship');
        await button('Save', page.getByRole('dialog')).click();
        await page.locator('.project-list').getByText('Pirate ship').waitFor();
    });

    const prompts = page.getByRole('region', { name: 'Prompts' });
    const current = async () => (await t.call('GET', '/projects')).json[0].id;
    const names = () => prompts.locator('.row-name').allInnerTexts();
    const write = async (name, content) => {
        await page.getByLabel('Name', { exact: true }).fill(name);
        await page.getByLabel('Instructions', { exact: true }).fill(content);
        await button('Create prompt').click();
        await prompts.getByText(name, { exact: true }).waitFor();
    };

    await b.test('prompts: made, changed in place, put in order by keys, switched off, deleted and brought back', async () => {
        await button('Write a prompt').click();
        await write('System', 'Speak like a pirate.');
        await button('New prompt').click();
        await write('Facts', 'Know the sea.');
        await prompts.getByText('System', { exact: true }).click();
        await page.getByLabel('Instructions', { exact: true }).fill('Speak like a captain.');
        await prompts.getByText('21 characters').waitFor();
        await button('Save', prompts).click();
        await prompts.getByText('v2').waitFor();
        await page.getByLabel('Move Facts: arrow keys').press('ArrowUp');
        await until(page, async () => (await names()).join() === 'Facts,System' || names(), 'the new order');
        const listed = async () => (await t.call('GET', `/projects/${await current()}/prompts`)).json.sort((x, y) => x.position - y.position).map((p) => p.name);
        t.client.people.set('story', { name: 'story', email, password });
        await t.client.login('story');
        await until(page, async () => (await listed()).join() === 'Facts,System' || listed(), 'the new order at the API');
        await page.getByLabel('Move Facts: arrow keys').dragTo(prompts.locator('.prompt', { hasText: 'System' }), { targetPosition: { x: 200, y: 40 } });
        await until(page, async () => (await listed()).join() === 'System,Facts' || listed(), 'the order by dragging');
        await page.getByLabel('Move Facts: arrow keys').dragTo(prompts.locator('.prompt', { hasText: 'System' }), { targetPosition: { x: 200, y: 5 } });
        await until(page, async () => (await listed()).join() === 'Facts,System' || listed(), 'and back');
        await page.getByLabel('Facts is enabled').uncheck();
        await until(page, async () => (await t.call('GET', `/projects/${await current()}/prompts`)).json.some((p) => !p.enabled), 'it is off');
        await page.getByLabel('Actions for System').click();
        await page.getByRole('menuitem', { name: 'Delete' }).click();
        await until(page, async () => (await names()).join() === 'Facts', 'it is gone');
        await button('Undo').click();
        await until(page, async () => (await names()).join() === 'Facts,System', 'it is back');
    });

    await b.test('files: progress, state, download, delete', async () => {
        const files = page.getByRole('region', { name: 'Files' });
        const bytes = Buffer.from('Treasure lies under the old oak.\n'.repeat(60000));
        const network = await context.newCDPSession(page);
        const speed = (upload) => network.send('Network.emulateNetworkConditions', { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: upload });
        await network.send('Network.enable');
        await speed(1500000);
        await files.locator('input[type=file]').setInputFiles([{ name: 'map.txt', mimeType: 'text/plain', buffer: bytes }, { name: 'nothing.txt', mimeType: 'text/plain', buffer: Buffer.alloc(0) }]);
        const bar = files.getByLabel('Upload of map.txt');
        await until(page, async () => { const share = await bar.evaluate((node) => node.value); return (share > 0 && share < 1) || share; }, 'a part of it is sent');
        await files.locator('.file-row', { hasText: 'map.txt' }).getByText(/^\d+ % · 1.9 MiB$/).waitFor();
        await speed(-1);
        await files.getByText('It is empty, or a folder.').waitFor();
        await button('Remove nothing.txt').click();
        await files.locator('.file-row', { hasText: 'map.txt' }).getByText('ready', { exact: true }).waitFor();
        const coming = page.waitForEvent('download');
        await page.getByLabel('Download map.txt').click();
        const saved = await coming;
        assert.equal(saved.suggestedFilename(), 'map.txt');
        assert.ok(fs.readFileSync(await saved.path()).equals(bytes));
        const dropped = await page.evaluateHandle(() => {
            const data = new DataTransfer();
            data.items.add(new File(['dropped'], 'dropped.txt', { type: 'text/plain' }));
            return data;
        });
        await files.dispatchEvent('dragover', { dataTransfer: dropped });
        await files.locator('.drop.over').waitFor();
        await files.dispatchEvent('drop', { dataTransfer: dropped });
        await files.locator('.file-row', { hasText: 'dropped.txt' }).getByText('ready', { exact: true }).waitFor();
        await page.getByLabel('Delete dropped.txt').click();
        await until(page, async () => (await files.locator('.file-row').count()) === 1, 'it is gone');
    });

    await b.test('a chat, with a file, and what it cost', async () => {
        await page.getByRole('link', { name: 'Chat', exact: true }).last().click();
        await page.getByText('What would you like to talk about?').waitFor();
        await page.getByLabel('Add files').click();
        await page.getByRole('menuitem', { name: 'Files of the project' }).click();
        await page.getByRole('dialog').getByText('map.txt').click();
        await button('Add', page.getByRole('dialog')).click();
        await page.locator('.attachments').getByText('map.txt').waitFor();
        await page.locator('.composer input[type=file]').setInputFiles({ name: 'note.txt', mimeType: 'text/plain', buffer: Buffer.from('a note') });
        await page.locator('.attachments').getByText('note.txt').waitFor();
        await say(page, 'Where is the treasure?');
        const last = await answer(page, 'Where is the treasure?');
        for (const name of ['map.txt', 'note.txt']) await page.locator('.from-user').getByText(name).waitFor();
        assert.match(page.url(), /\/chat\?conversation=\d+$/);
        assert.deepEqual(t.stack.upstream.calls.at(-1).system ?? 'Speak like a captain.', 'Speak like a captain.');
        await last.getByLabel('Model and tokens').click();
        await page.getByRole('dialog').getByText('Tokens out').waitFor();
        await button('Close', page.getByRole('dialog')).click();
        await page.goto('/dashboard');
        await page.getByRole('region', { name: 'Usage' }).locator('strong').nth(1).getByText('1', { exact: true }).waitFor();
        await page.locator('svg.chart').waitFor();
    });

    await b.test('a project is deleted by typing its name', async () => {
        await page.getByLabel('Actions for Pirate ship').click();
        await page.getByRole('menuitem', { name: 'Delete' }).click();
        const dialog = page.getByRole('dialog');
        await dialog.getByRole('textbox').fill('Pirate');
        assert.equal(await button('Delete the project', dialog).isDisabled(), true);
        await dialog.getByRole('textbox').fill('Pirate ship');
        await button('Delete the project', dialog).click();
        await page.getByText('Create your first project').waitFor();
        assert.deepEqual((await t.call('GET', '/projects')).json, []);
    });

    await b.test('by the keyboard alone: log in, a project, a chat', async () => {
        const own = await b.person();
        const tab = await b.tab(own, '/');
        const keys = async (...list) => { for (const key of list) await tab.keyboard.press(key); };
        await tab.getByLabel('E-mail').waitFor();
        await tab.keyboard.type(email); // the first field has the focus
        await keys('Tab', 'Tab');
        await tab.keyboard.type(password);
        await keys('Enter');
        await tab.getByText('Create your first project').waitFor();
        await keys('Control+k');
        await tab.locator('.palette-input').waitFor();
        await tab.keyboard.type('new proj');
        await keys('Enter');
        await tab.getByRole('dialog').getByLabel('Name').waitFor();
        await tab.keyboard.type('Keys');
        await keys('Enter');
        await tab.getByRole('heading', { name: 'Keys' }).waitFor();
        await keys('Control+k');
        await tab.locator('.palette-input').waitFor();
        await tab.keyboard.type('new conv');
        await keys('Enter');
        await tab.getByLabel('Message', { exact: true }).waitFor();
        await until(tab, () => tab.evaluate(() => document.activeElement?.classList.contains('composer-box')), 'the box has the focus');
        await tab.keyboard.type('typed');
        await keys('Shift+Enter');
        await tab.keyboard.type('twice');
        await keys('Enter');
        await answer(tab, 'typed\ntwice');
        await keys('Alt+ArrowUp');
        await tab.getByLabel('Edit the message').waitFor();
        await keys('Escape');
        await tab.locator('.composer-box').focus();
        await keys('Escape', 'Tab', 'Tab');
        await own.close();
    });

    await b.test('not to be remembered: a reload asks again', async () => {
        const own = await b.person();
        const tab = await b.tab(own, '/');
        await tab.getByLabel('Keep me logged in on this device').uncheck();
        await logIn(tab, email, password);
        assert.deepEqual(await own.cookies(), []);
        await tab.reload();
        await tab.getByRole('button', { name: 'Log in', exact: true }).waitFor();
        await own.close();
    });
    await context.close();
});
