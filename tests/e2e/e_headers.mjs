// What every reply tells a browser: pages, JSON, problems, downloads, and what is no request at all.
import assert from 'node:assert/strict';
import { Raw } from '../harness/http.mjs';

export const stack = { settings: { TRUSTED_PROXIES: '127.0.0.1' } };

export default async function (t) {
    await t.as('alice');
    const project = (await t.call('POST', '/projects', { body: { name: 'headers' } })).json.id;
    const file = (await t.upload(`/projects/${project}/files`, '<script>alert(1)</script>', { filename: 'x.html' })).json.id;
    const tls = { 'X-Forwarded-Proto': 'https', 'X-Forwarded-For': '198.51.100.7' };
    const look = (reply, what) => {
        const h = reply.headers;
        assert.equal(h['x-content-type-options'], 'nosniff', what);
        assert.equal(h['referrer-policy'], 'no-referrer', what);
        assert.match(h['permissions-policy'], /camera=\(\)/, what);
        assert.match(h['content-security-policy'] ?? 'none', /frame-ancestors 'none'|^sandbox/, what);
        assert.doesNotMatch(h['content-security-policy'], /unsafe/, what);
    };
    const paths = ['/', '/docs', '/ui/js/docs.js', '/openapi.json', '/health', '/nope', '/projects', `/projects/files/${file}/content`, '/.well-known/jwks.json'];

    for (const path of paths)
        await t.test(`headers of ${path}`, async () => {
            const plain = await t.call('GET', path, { form: false });
            look(plain, path);
            assert.equal(plain.headers['strict-transport-security'], undefined);
            const safe = await t.call('GET', path, { headers: tls, form: false });
            look(safe, path);
            assert.match(safe.headers['strict-transport-security'], /^max-age=\d{8}/);
        });

    await t.test('headers of refusals', async () => {
        look(await t.call('POST', '/projects', { body: '{' }), '400');
        look(await t.call('GET', '/projects', { token: null }), '401');
        look(await t.call('DELETE', '/projects'), '405');
        const raw = new Raw(t.stack.port);
        await raw.send('NONSENSE\r\n\r\n');
        look(await raw.reply(), 'no request');
        raw.close();
    });
}
