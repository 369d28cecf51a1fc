// Answers that stream, and what one does with them, in one tab and in two.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { eventually } from '../harness/http.mjs';
import { sql } from '../harness/database.mjs';
import { answer, project, say, until, withBrowser } from './parts/browser.mjs';

export default (t) => withBrowser(t, async (b) => {
    const context = await b.loggedIn('talker');
    const echo = await project(t, 'Echo', { model: 'echo' });
    const slow = await project(t, 'Slow', { model: 'hold-3+deltas=40' });
    const old = await project(t, 'Old', { model: 'echo' });
    const page = await b.tab(context, `/chat?project=${echo}`);
    const named = (name, scope = page) => scope.getByRole('button', { name, exact: true });
    const menu = (name) => page.getByRole('menuitem', { name, exact: true });
    const answers = page.locator('.thread-list .from-model');
    const turnsOf = (id) => sql(t.stack, 'postgres', `SELECT count(*) FROM chat.turn WHERE project_id = ${id}`)[0];
    const listed = () => page.locator('.conversations .conversation-title').allInnerTexts();

    await b.test('markdown, code and formulas, rendered', async () => {
        await say(page, '# Head\n\n**bold** `code` [x](https://example.com)\n\n```python\ndef f():\n    return 1\n```\n\n| a | b |\n|---|--:|\n| 1 | 2 |\n\n$e^{i\\pi}+1=0$\n\n- [x] done');
        await page.locator('.from-model.is-complete').waitFor();
        for (const what of ['h3', 'strong', 'p > code', 'a[rel~=noopener][target=_blank]', '.code-block .hljs-keyword', 'table td[align=right]', '.katex', 'li'])
            await answers.locator(what).first().waitFor();
        await answers.getByRole('button', { name: 'Copy' }).first().click();
        assert.equal(await page.evaluate(() => navigator.clipboard.readText()), 'def f():\n    return 1');
    });

    await b.test('regenerate: another version beside the old one, and between them', async () => {
        await named('Regenerate').last().click();
        await page.locator('.from-model.is-complete .branch-count', { hasText: '2/2' }).waitFor();
        await named('Version before').click();
        await page.locator('.from-model .branch-count', { hasText: '1/2' }).waitFor();
    });

    await b.test('edit: a new branch, and the old one is kept', async () => {
        await page.goto(`/chat?project=${echo}&new=1`);
        await say(page, 'one');
        await answer(page, 'one');
        await say(page, 'two');
        await answer(page, 'two');
        await page.locator('.from-user').last().hover();
        await named('Edit').last().click();
        await page.getByLabel('Edit the message').fill('three');
        await page.keyboard.press('Enter');
        await answer(page, 'three');
        assert.equal(await answers.count(), 2);
        await page.locator('.from-user .branch-count', { hasText: '2/2' }).waitFor();
        await named('Version before').click();
        await answer(page, 'two');
        await page.locator('.from-user').first().hover();
        await named('Edit').first().click();
        await page.getByLabel('Edit the message').fill('zero');
        await page.keyboard.press('Enter');
        await answer(page, 'zero');
        assert.equal(await answers.count(), 1);
    });

    await b.test('export: the branch that is shown, or all of it', async () => {
        for (const [what, ending, check] of [['Export as Markdown', '.md', (s) => s.includes('zero')], ['Export as JSON', '.json', (s) => JSON.parse(s) && s.includes('three')]]) {
            await page.getByLabel('Actions for this conversation').click();
            const coming = page.waitForEvent('download');
            await menu(what).click();
            const saved = await coming;
            assert.ok(saved.suggestedFilename().endsWith(ending));
            assert.ok(check(fs.readFileSync(await saved.path(), 'utf8')), what);
        }
    });

    await b.test('feedback stays', async () => {
        await named('Good answer').click();
        await page.locator('[aria-label="Good answer"][aria-pressed=true]').waitFor();
        await page.reload();
        await page.locator('[aria-label="Good answer"][aria-pressed=true]').waitFor();
        await named('Bad answer').click();
        await page.getByRole('dialog').getByLabel('Note').fill('not so');
        await named('Send', page.getByRole('dialog')).click();
        await page.locator('[aria-label="Bad answer"][aria-pressed=true]').waitFor();
    });

    await b.test('a draft is kept for its conversation', async () => {
        const here = page.url();
        await page.getByLabel('Message', { exact: true }).fill('half a thought');
        await page.locator('.side-tools a', { has: page.locator('.icon-plus') }).click();
        await until(page, async () => (await page.getByLabel('Message', { exact: true }).inputValue()) === '', 'an empty box');
        await page.goto(here);
        await until(page, async () => (await page.getByLabel('Message', { exact: true }).inputValue()) === 'half a thought', 'the draft');
        await page.getByLabel('Message', { exact: true }).fill('');
    });

    await b.test('rename, pin, archive, delete with a way back', async () => {
        const act = async (title, what) => {
            await page.locator('.conversation', { hasText: title }).hover();
            await page.getByLabel(`Actions for ${title}`).click();
            await menu(what).click();
        };
        await page.getByLabel('Actions for this conversation').click();
        await menu('Rename').click();
        await page.getByRole('dialog').getByLabel('Title').fill('Numbers');
        await named('Save', page.getByRole('dialog')).click();
        await page.locator('.conversations').getByText('Numbers').waitFor();
        await act('Numbers', 'Pin');
        await page.getByRole('heading', { name: 'Pinned' }).waitFor();
        await act('Numbers', 'Archive');
        await until(page, async () => !(await listed()).includes('Numbers'), 'it is put away');
        await named('Archived conversations').click();
        await act('Numbers', 'Unarchive');
        await named('Archived conversations').click();
        await until(page, async () => (await listed()).includes('Numbers'), 'it is back');
        await act('Numbers', 'Delete');
        await until(page, async () => !(await listed()).includes('Numbers'), 'it is gone');
        await named('Undo').click();
        await until(page, async () => (await listed()).includes('Numbers'), 'it came back');
        const id = await page.locator('.conversation a', { hasText: 'Numbers' }).getAttribute('data-conversation');
        await act('Numbers', 'Delete');
        await until(page, async () => (await t.call('GET', `/conversations/${id}`)).status === 404, 'it is deleted');
    });

    await b.test('another device hears of a name, a pin, an archive and a deletion', async () => {
        const { conversation_id: id } = (await t.call('POST', '/chat', { body: { project_id: echo, message: 'far away' } })).json;
        const elsewhere = await b.loggedIn('talker');
        const there = await b.tab(elsewhere, `/chat?conversation=${id}`);
        await answer(there, 'far away');
        const list = there.locator('.conversations');
        await t.call('PUT', `/conversations/${id}`, { body: { title: 'Named elsewhere', pinned: true } });
        await there.getByRole('heading', { name: 'Named elsewhere' }).waitFor();
        await list.locator('section', { has: there.getByRole('heading', { name: 'Pinned' }) }).getByText('Named elsewhere').waitFor();
        const { conversation_id: other } = (await t.call('POST', '/chat', { body: { project_id: echo, message: 'from elsewhere' } })).json;
        await list.locator(`[data-conversation="${other}"]`).waitFor();
        await t.call('PUT', `/conversations/${other}`, { body: { archived: true } });
        await list.locator(`[data-conversation="${other}"]`).waitFor({ state: 'detached' });
        await t.call('DELETE', `/conversations/${id}`);
        await there.getByText('There is no such conversation').waitFor();
        assert.equal(await list.getByText('Named elsewhere').count(), 0);
        await elsewhere.close();
    });

    await b.test('conversations by day; another project; both by the palette', async () => {
        const days = [[0, 'Today'], [1, 'Yesterday'], [4, 'Last 7 days'], [20, 'Last 30 days'], [400, null]];
        for (const [n] of days) await t.call('POST', '/chat', { body: { project_id: old, message: `of ${n} days` } });
        for (const [n] of days) sql(t.stack, 'postgres', `UPDATE chat.conversation SET title = 'of ${n} days', updated_at = now() - interval '${n} days' WHERE id = (SELECT conversation_id FROM chat.message WHERE content = 'of ${n} days' AND role = 'user')`);
        await page.getByLabel('Project', { exact: true }).selectOption({ label: 'Old' });
        await page.locator('.conversations section').nth(4).waitFor();
        const groups = await page.locator('.conversations section').evaluateAll((list) => list.map((one) => [one.querySelector('h2, h3').textContent, one.querySelector('.conversation-title').textContent]));
        assert.deepEqual(groups.slice(0, 4), days.slice(0, 4).map(([n, name]) => [name, `of ${n} days`]));
        assert.match(groups[4][0], /^[A-Z][a-z]+ 20\d\d$/);
        const find = async (text, kind) => {
            await page.keyboard.press('Control+k');
            await page.locator('.palette-input').fill(text);
            await page.locator('.palette-list .active', { hasText: kind }).waitFor();
            await page.keyboard.press('Enter');
        };
        await find('of 20', 'of 20 days');
        await page.getByRole('heading', { name: 'of 20 days', level: 1 }).waitFor();
        await find('ech', 'Echo');
        await until(page, async () => (await page.getByLabel('Project', { exact: true }).locator('option:checked').innerText()) === 'Echo', 'the other project');
    });

    await b.test('the box grows with what is written in it, to a limit; a message is copied whole', async () => {
        await page.goto(`/chat?project=${echo}&new=1`);
        const box = page.getByLabel('Message', { exact: true });
        const high = async () => (await box.boundingBox()).height;
        await box.fill('one');
        const low = await high();
        await box.fill('line\n'.repeat(6));
        const grown = await high();
        assert.ok(grown > low + 80, `${low} to ${grown}`);
        await box.fill('line\n'.repeat(200));
        assert.ok(await high() <= 330, 'no more than a part of the window');
        await say(page, '**copied** as it was');
        const last = await answer(page, 'copied as it was');
        await last.getByLabel('Copy', { exact: true }).click();
        assert.equal(await page.evaluate(() => navigator.clipboard.readText()), '**copied** as it was');
    });

    await b.test('what waits for a free place says which one it has', async () => {
        await t.stack.tell('reset');
        await t.call('PUT', `/projects/${slow}`, { body: { model: 'hold-1' } });
        const others = Array.from({ length: 5 }, (_, i) => t.call('POST', '/chat', { body: { project_id: slow, message: `ahead ${i}` } }));
        await t.stack.held(4); // as many as one may have at once
        await page.goto(`/chat?project=${slow}&new=1`);
        await say(page, 'behind');
        await page.locator('.is-pending').getByText('Waiting: place 2 in the queue').waitFor();
        for (let i = 0; i < 6; i++) await t.stack.tell('release');
        await until(page, async () => { await t.stack.tell('release'); return (await page.locator('.from-model.is-complete').count()) === 1; }, 'it is answered');
        await Promise.all(others);
        await t.call('PUT', `/projects/${slow}`, { body: { model: 'hold-3+deltas=40' } });
    });

    await b.test('search finds a message and goes to it', async () => {
        await page.goto(`/chat?project=${echo}&new=1`);
        await say(page, 'the quetzalcoatlus flies');
        await answer(page, 'the quetzalcoatlus flies');
        await page.locator('.side-tools a', { has: page.locator('.icon-plus') }).click();
        const box = page.getByLabel('Search conversations');
        await until(page, async () => {
            await box.fill('');
            await box.fill('quetzalco');
            await page.waitForTimeout(600);
            return (await page.locator('.hit mark').count()) > 0;
        }, 'a hit');
        await page.locator('.hit a').first().click();
        await page.locator('.message.found').waitFor();
    });

    await b.test('a reload in the middle of an answer, and a second tab, miss nothing', async () => {
        await t.stack.tell('reset');
        await page.goto(`/chat?project=${slow}`);
        await say(page, 'go');
        await t.stack.held(1);
        await page.locator('.from-model.is-pending .message-content').getByText(/\w/).waitFor();
        const part = await answers.last().locator('.message-content').innerText();
        assert.ok(part.length > 0);
        const second = await b.tab(context, page.url());
        await second.locator('.from-model.is-pending .message-content').getByText(part.trim()).waitFor();
        await page.reload();
        await page.locator('.from-model.is-pending .message-content').getByText(part.trim()).waitFor();
        await t.stack.tell('release');
        const [turn] = sql(t.stack, 'postgres', `SELECT max(id) FROM chat.turn WHERE project_id = ${slow}`);
        await eventually(async () => (await t.call('GET', `/chat/turns/${turn}`)).json.state === 'completed', { within: 30000, what: 'the turn ends' });
        const { text } = (await t.call('GET', `/chat/turns/${turn}`)).json;
        for (const tab of [page, second]) {
            await tab.locator('.from-model.is-complete').waitFor();
            const words = (s) => s.split(/\s+/).filter(Boolean).join(' ');
            assert.equal(words(await tab.locator('.from-model .message-content').innerText()), words(text));
        }
        await say(second, 'from the other tab');
        await t.stack.held(1);
        await page.getByText('from the other tab').waitFor();
        await page.locator('.from-model.is-pending').waitFor();
        await second.close();
    });

    await b.test('stop keeps what is there; continue goes on below it', async () => {
        await page.locator('.from-model.is-pending .message-content').getByText(/\w/).waitFor();
        await named('Stop').click();
        await page.locator('.from-model.is-cancelled').getByText('Stopped.').waitFor();
        await until(page, () => named('Stop').isHidden(), 'nothing runs');
        await t.call('PUT', `/projects/${slow}`, { body: { model: 'n-3' } });
        const before = await answers.count();
        await named('Continue').click();
        await until(page, async () => (await answers.count()) === before + 1 || answers.count(), 'one more answer');
        await page.locator('.from-model.is-complete').last().waitFor();
    });

    await b.test('a message sent while an answer runs waits in sight', async () => {
        await t.call('PUT', `/projects/${slow}`, { body: { model: 'hold-1' } });
        await say(page, 'first');
        await t.stack.held(1);
        await say(page, 'second');
        await page.locator('.from-model.is-pending').nth(1).getByText(/Waiting/).waitFor();
        await t.stack.tell('release');
        await t.stack.held(1);
        await t.stack.tell('release');
        await until(page, async () => (await page.locator('.is-pending').count()) === 0, 'both are answered');
        await page.locator('.from-user').getByText('second', { exact: true }).waitFor();
    });

    await b.test('without a connection a message is kept, and sent once', async () => {
        await page.goto(`/chat?project=${echo}&new=1`);
        await page.getByText('What would you like to talk about?').waitFor();
        const before = Number(turnsOf(echo));
        await context.setOffline(true);
        await page.getByText(/No connection/).waitFor();
        await say(page, 'kept for later');
        await page.getByText('Waiting for the connection…').waitFor();
        await page.waitForTimeout(1500); // some tries
        await context.setOffline(false);
        await answer(page, 'kept for later');
        assert.equal(Number(turnsOf(echo)), before + 1);
        assert.equal(await page.getByText(/No connection/).isHidden(), true);
        await context.setOffline(true);
        await say(page, 'not after all');
        await named('Take back').click();
        await context.setOffline(false);
        assert.equal(await page.getByLabel('Message', { exact: true }).inputValue(), 'not after all');
        await page.getByLabel('Message', { exact: true }).fill('');
        assert.equal(await page.locator('.is-sending').count(), 0);
    });

    await b.test('a failed answer says why and offers to try again', async () => {
        await t.call('PUT', `/projects/${echo}`, { body: { model: 'failed-event' } });
        await page.goto(`/chat?project=${echo}&new=1`);
        await say(page, 'fail');
        await page.locator('.from-model.is-failed .note.bad').waitFor();
        await t.call('PUT', `/projects/${echo}`, { body: { model: 'echo' } });
        await named('Try again').click();
        await answer(page, 'fail');
    });

    await b.test('a tab that nobody sees gives its streams back, and misses nothing', async () => {
        const streams = async () => Number(/^chatbot_gateway_streams (\d+)$/m.exec((await t.call('GET', '/metrics')).text)?.[1]);
        const set = (hidden) => page.evaluate((value) => {
            Object.defineProperty(document, 'hidden', { configurable: true, get: () => value });
            document.dispatchEvent(new Event('visibilitychange'));
        }, hidden);
        await t.stack.tell('reset');
        await t.call('PUT', `/projects/${slow}`, { body: { model: 'hold-3+deltas=40' } });
        await page.goto(`/chat?project=${slow}&new=1`);
        await say(page, 'look away');
        await t.stack.held(1);
        await page.locator('.from-model.is-pending .message-content').getByText(/\w/).waitFor();
        await until(page, async () => (await streams()) === 2 || streams(), 'the turn and the account are followed');
        await set(true);
        await until(page, async () => (await streams()) === 0 || streams(), 'nothing is followed');
        await t.stack.tell('release');
        await set(false);
        await page.locator('.from-model.is-complete').waitFor();
        const [turn] = sql(t.stack, 'postgres', `SELECT max(id) FROM chat.turn WHERE project_id = ${slow}`);
        const words = (s) => s.split(/\s+/).filter(Boolean).join(' ');
        assert.equal(words(await answers.last().locator('.message-content').innerText()), words((await t.call('GET', `/chat/turns/${turn}`)).json.text));
    });

    await b.test('the list of keys, and the way to the message box', async () => {
        await page.locator('.topbar-title').click();
        await page.keyboard.press('?');
        await page.getByRole('dialog').getByText('This overview').waitFor();
        await page.keyboard.press('Escape');
        await page.keyboard.press('/');
        await until(page, () => page.evaluate(() => document.activeElement?.classList.contains('composer-box')), 'the box has the focus');
    });

    await b.test('10,000 messages: few in the page, and all can be reached', async () => {
        const me = t.client.who.id;
        sql(t.stack, 'postgres', `
            WITH c AS (INSERT INTO chat.conversation (owner_id, project_id, title) VALUES (${me}, ${echo}, 'Long') RETURNING id),
            m AS (SELECT nextval('chat.message_id_seq') AS id, c.id AS conversation, n FROM c, generate_series(0, 9999) n)
            INSERT INTO chat.message (id, conversation_id, owner_id, parent_id, depth, role, status, content) OVERRIDING SYSTEM VALUE
            SELECT id, conversation, ${me}, lag(id) OVER (ORDER BY n), n, CASE WHEN n % 2 = 0 THEN 'user' ELSE 'assistant' END, 'complete', 'message number ' || n FROM m`,
        `UPDATE chat.conversation c SET active_leaf = (SELECT max(id) FROM chat.message m WHERE m.conversation_id = c.id) WHERE title = 'Long'`);
        const [long] = sql(t.stack, 'postgres', `SELECT id FROM chat.conversation WHERE title = 'Long'`);
        await page.goto(`/chat?conversation=${long}`);
        await page.getByText('message number 9999', { exact: true }).waitFor();
        const top = () => page.locator('.thread-list .message-content').first().innerText();
        const count = () => page.locator('.thread-list .message').count();
        assert.ok(await count() <= 60, `${await count()} at first`);
        for (let i = 0; i < 12; i++) {
            const before = await top();
            await page.evaluate(() => { document.querySelector('.thread').scrollTop = 0; });
            await until(page, async () => (await top()) !== before, 'earlier messages');
            assert.ok(await count() <= 200, `${await count()} in the page`);
        }
        assert.ok(Number((await top()).split(' ').pop()) < 9600);
        await named('To the newest message').click();
        await page.getByText('message number 9999', { exact: true }).waitFor();
        const [deep] = sql(t.stack, 'postgres', `SELECT id FROM chat.message WHERE content = 'message number 5000'`);
        await page.goto(`/chat?conversation=${long}&message=${deep}`);
        await page.locator('.message.found').getByText('message number 5000', { exact: true }).waitFor();
        assert.ok(await count() <= 200);
        await say(page, 'at the end');
        await answer(page, 'at the end');
    });
    await context.close();
});
