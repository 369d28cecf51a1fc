// What people, files and models write is text: a table of attempts in every place where it is shown. Any
// script that ran, any rule of the content security policy that was broken, and any request to somebody
// else fails (parts/browser.mjs); so does what is left in the page.
import assert from 'node:assert/strict';
import { project, say, until, withBrowser } from './parts/browser.mjs';

const ATTEMPTS = [
    '<script>window.owned=1</script>',
    '<img src=x onerror="window.owned=1">',
    '<svg onload="window.owned=1"><script>window.owned=1</script></svg>',
    '<svg><animate onbegin="window.owned=1" attributeName=x dur=1s>',
    '<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=window.owned=1&gt;">',
    '<iframe srcdoc="<script>parent.owned=1</script>"></iframe>',
    '<iframe src="javascript:parent.owned=1"></iframe>',
    '<a href="javascript:window.owned=1">x</a>',
    '<a href="jav&#x09;ascript:window.owned=1">x</a>',
    '<details open ontoggle="window.owned=1">x</details>',
    '<form><button formaction="javascript:window.owned=1">x</button></form>',
    '<object data="data:text/html,<script>parent.owned=1</script>"></object>',
    '<base href="https://evil.example/">',
    '<link rel=stylesheet href="https://evil.example/x.css">',
    '<meta http-equiv=refresh content="0;url=https://evil.example/">',
    '<style>*{background:url(https://evil.example/x)}</style>',
    '<p style="background:url(https://evil.example/x)">x</p>',
    '"><img src=x onerror=window.owned=1>',
    "'-window.owned=1-'",
    '${window.owned=1}{{constructor.constructor("window.owned=1")()}}',
    '<template><script>window.owned=1</script></template>',
    '<noscript><p title="</noscript><img src=x onerror=window.owned=1>">',
    '<input autofocus onfocus=window.owned=1>',
    '<div id=app name=body><form name=attributes><input name=nodeName>',
];

const MARKDOWN = [
    '[x](javascript:window.owned=1)',
    '[x](JaVaScRiPt:window.owned=1)',
    '[x](data:text/html;base64,PHNjcmlwdD5wYXJlbnQub3duZWQ9MTwvc2NyaXB0Pg==)',
    '[x](vbscript:window.owned=1)',
    '<javascript:window.owned=1>',
    '![x](https://evil.example/pixel.png)',
    '![x](data:image/svg+xml,<svg onload=window.owned=1>)',
    '![x" onerror="window.owned=1](x)',
    '[x](https://example.com "t" onmouseover="window.owned=1")',
    '[x]: javascript:window.owned=1\n\n[x]',
    '`<img src=x onerror=window.owned=1>`',
    '```html\n<script>window.owned=1</script>\n```',
    '```"><img/src=x/onerror=window.owned=1>\ncode\n```',
    '| <img src=x onerror=window.owned=1> | b |\n|---|---|\n| <script>window.owned=1</script> | 2 |',
    '# <img src=x onerror=window.owned=1>',
    '$\\href{javascript:window.owned=1}{x}$',
    '$\\url{javascript:window.owned=1}$ $\\htmlData{onload=window.owned=1}{x}$',
    '$\\includegraphics{https://evil.example/x.png}$ $\\htmlStyle{background:url(https://evil.example/x)}{x}$',
    '$\\pmb{x}$ $\\fcolorbox{red}{blue}{x}$ $\\color{red}{x}$ $\\rule{1em}{1em}$ $\\undefined$',
    '$$\\def\\a{\\a\\a}\\a$$',
    '$<img src=x onerror=window.owned=1>$',
];

// What no page may hold, wherever it came from.
const bad = () => {
    const found = window.owned ? ['a script ran'] : [];
    for (const node of document.querySelectorAll('*')) {
        for (const { name, value } of node.attributes) {
            if (/^on/i.test(name)) found.push(`${node.tagName} ${name}`);
            if (/^(href|src|action|formaction|xlink:href|srcdoc|data)$/i.test(name) && /^\s*(javascript|data|vbscript):/i.test(value)) found.push(`${node.tagName} ${name}=${value}`);
        }
        if (/^(script|iframe|object|embed|base|meta|link|style|form|img|svg|template)$/i.test(node.tagName) && !node.closest('svg.icon, .katex') && node.closest('.prose, .row-name, .row-more, .conversation-title, .topbar-title')) found.push(node.outerHTML.slice(0, 120));
    }
    return found;
};

export default (t) => withBrowser(t, async (b) => {
    const context = await b.loggedIn('careful');
    const look = async (page, what) => assert.deepEqual(await page.evaluate(bad), [], what);
    const all = ATTEMPTS.join('\n');
    const echo = await project(t, 'echo', { model: 'echo' });
    const page = await b.tab(context, '/dashboard');

    await b.test('names of projects, prompts and files', async () => {
        for (const attempt of ATTEMPTS) {
            const id = await project(t, attempt.slice(0, 120));
            await t.call('POST', `/projects/${id}/prompts`, { body: { name: attempt.slice(0, 120), content: attempt } });
            await t.upload(`/projects/${id}/files`, attempt, { filename: attempt });
        }
        const projects = (await t.call('GET', '/projects')).json;
        for (const one of projects.slice(1, 4).concat(projects.slice(-3))) {
            await page.goto(`/dashboard?project=${one.id}`);
            await page.locator('.file-row').first().waitFor();
            await page.locator('.prompt-open').first().click();
            assert.equal(await page.locator('h1').innerText(), one.name);
            await look(page, one.name);
        }
        await page.keyboard.press('Control+k');
        await page.locator('.palette-list li').nth(5).waitFor();
        await look(page, 'the palette');
        await page.keyboard.press('Escape');
    });

    await b.test('messages and answers, while they stream and afterwards', async () => {
        await page.goto(`/chat?project=${echo}&new=1`);
        for (const text of [all, ...MARKDOWN]) {
            const before = await page.locator('.from-model').count();
            await say(page, text);
            await until(page, async () => (await page.locator('.from-model').count()) === before + 1, 'one more answer');
            await page.locator('.from-model.is-complete').nth(before).waitFor();
            await look(page, text);
        }
        const shown = await page.locator('.from-user .message-content').first().evaluate((node) => node.textContent);
        assert.equal(shown, all, 'one sees what one wrote');
        await page.locator('.math-done').first().waitFor();
        await page.locator('.hljs-tag').first().waitFor();
        await look(page, 'after everything was rendered');
        const links = await page.locator('.from-model a').evaluateAll((nodes) => nodes.map((node) => [node.getAttribute('href'), node.rel]));
        for (const [href, rel] of links) {
            assert.match(href ?? 'https:', /^(https?|mailto):/);
            if (href) assert.match(rel, /noopener noreferrer/);
        }
        assert.ok(links.some(([href]) => href === 'https://evil.example/pixel.png'), 'an image is a link');
        await page.reload();
        await page.locator('.from-model').first().waitFor();
        await page.locator('.math-done').first().waitFor();
        await look(page, 'after a reload');
    });

    await b.test('titles and hits of a search', async () => {
        for (const attempt of ATTEMPTS.slice(0, 6)) {
            const { json } = await t.call('POST', '/chat', { body: { project_id: echo, message: `needle ${attempt}` } });
            await t.call('PUT', `/conversations/${json.conversation_id}`, { body: { title: attempt.slice(0, 120) } });
        }
        await page.goto(`/chat?project=${echo}&new=1`);
        await page.locator('.conversation').nth(5).waitFor();
        await look(page, 'the list');
        const box = page.getByLabel('Search conversations');
        await until(page, async () => {
            await box.fill('');
            await box.fill('needle');
            await page.waitForTimeout(600);
            return (await page.locator('.hit mark').count()) > 5;
        }, 'hits');
        await look(page, 'the hits');
    });

    await b.test('addresses of these pages', async () => {
        for (const where of ['/chat?conversation=<script>', '/chat?project=javascript:1&message=x', '/dashboard?project="><img>', '/settings?part=__proto__', '/settings?part=constructor', '/#then=https://evil.example/', '/#then=//evil.example', '/#then=javascript:window.owned=1']) {
            await page.goto(where);
            await page.locator('h1').first().waitFor();
            assert.ok(page.url().startsWith(b.base), page.url());
            await look(page, where);
        }
    });

    await b.test('nothing that is secret lies in storage', async () => {
        const stored = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie]));
        assert.doesNotMatch(stored, /eyJ|refresh|access/);
        const [cookie] = await context.cookies();
        assert.equal(cookie.httpOnly, true);
        assert.equal(cookie.sameSite, 'Strict');
        assert.ok(!stored.includes(cookie.value));
    });
    await context.close();
});
