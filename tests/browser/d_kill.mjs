// Processes die while an answer streams: the page comes back by itself, and the text is whole.
import assert from 'node:assert/strict';
import { eventually, sleep } from '../harness/http.mjs';
import { project, say, until, withBrowser } from './parts/browser.mjs';

export const stack = { own: true, chatd: 2, direct: true };

const words = (s) => s.split(/\s+/).filter(Boolean).join(' ');

export default (t) => withBrowser(t, async (b) => {
    const context = await b.loggedIn('stoic');
    const id = await project(t, 'Kills', { model: 'n-120x40+first_ms=500' });
    const page = await b.tab(context, `/chat?project=${id}`);

    let answers = 0;
    const whole = async () => {
        await page.locator('.from-model.is-complete').nth(answers++).waitFor({ timeout: 60000 });
        const messages = (await t.call('GET', `/conversations/${new URL(page.url()).searchParams.get('conversation')}/messages?limit=1`)).json;
        const shown = await page.locator('.from-model .message-content').last().innerText();
        assert.equal(words(shown), words(messages[0].content));
        assert.equal(messages[0].status, 'complete');
    };
    const started = async () => {
        const last = page.locator('.from-model.is-pending').last().locator('.message-content');
        await until(page, async () => (await last.innerText()).length > 40, 'a part of the answer');
    };
    const again = async (name, pid) => eventually(() => t.stack.pid(name) && t.stack.pid(name) !== pid, { within: 30000, what: `${name} runs again` });

    // Resolves to true once an answer that has not ended says so, for however short a time.
    const saying = (text) =>
        page.evaluate(
            (wanted) =>
                new Promise((done) => {
                    const said = () => [...document.querySelectorAll('.from-model.is-pending')].some((e) => e.textContent.includes(wanted));
                    const look = () => said() && (observer.disconnect(), done(true));
                    const observer = new MutationObserver(look);
                    observer.observe(document.body, { subtree: true, childList: true, characterData: true });
                }),
            text,
        );

    await b.test('the gateway', async () => {
        t.expectLog(/gateway-1/);
        await say(page, 'first');
        await started();
        const pid = t.stack.pid('gateway-1');
        t.stack.signal('gateway-1', 'SIGKILL');
        await again('gateway-1', pid);
        await whole();
    });

    await b.test('the chatd that answers', async () => {
        t.expectLog(/chatd-\d/);
        t.expectLog(/event=takeover|owner|lost/);
        await say(page, 'second');
        await started();
        const told = saying('Starting over…');
        // Both at once: had the other one to come back first, the answer could have ended in the meantime.
        const pids = ['chatd-1', 'chatd-2'].map((name) => [name, t.stack.pid(name)]);
        for (const [name] of pids) t.stack.signal(name, 'SIGKILL');
        for (const [name, pid] of pids) await again(name, pid);
        await whole();
        assert.ok(await Promise.race([told, sleep(1000)]), 'the page says that the answer begins anew');
    });

    await b.test('the gateway, while a message is sent', async () => {
        const pid = t.stack.pid('gateway-1');
        t.stack.signal('gateway-1', 'SIGKILL');
        await say(page, 'third');
        await again('gateway-1', pid);
        await whole();
        const all = (await t.call('GET', `/conversations/${new URL(page.url()).searchParams.get('conversation')}/messages`)).json;
        assert.equal(all.filter((m) => m.content === 'third').length, 1);
    });
    await context.close();
});
