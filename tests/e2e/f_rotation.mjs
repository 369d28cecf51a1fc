// Keys that sign tokens follow each other without a wrong 401; one that got into wrong hands is
// revoked at every gateway; the secret that seals them can be changed.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { eventually, sleep } from '../harness/http.mjs';
import { build, top } from '../harness/stack.mjs';

export const stack = { gateways: 2, own: true };

export default async function (t) {
    const [here, there] = t.stack.ports;
    const admin = (...args) => {
        const env = { ...process.env, BUILD_DIR: build, SECRET_KEY: t.stack.settings.SECRET_KEY };
        return spawnSync(path.join(top, 'deploy/chatbot-admin'), ['--data', t.stack.data, ...args], { encoding: 'utf8', env });
    };
    const kid = (token) => JSON.parse(Buffer.from(token.split('.')[0], 'base64url')).kid;
    const me = async (token, port = here) => (await t.call('GET', '/users/me', { port, token })).status;
    const jwks = async (port = here) => (await t.call('GET', '/.well-known/jwks.json', { port, token: null })).json.keys;
    const fresh = () => t.client.login('alice');
    await t.as('alice');
    const { email, password } = t.client.who;

    await t.test('the JWK set verifies what authd signs', async () => {
        const token = await fresh();
        const jwk = (await jwks()).find((key) => key.kid === kid(token));
        assert.deepEqual([jwk.kty, jwk.crv, jwk.alg, jwk.use, jwk.d], ['EC', 'P-256', 'ES256', 'sig', undefined]);
        const [head, body, signature] = token.split('.');
        const key = crypto.createPublicKey({ key: jwk, format: 'jwk' });
        assert.ok(crypto.verify('sha256', Buffer.from(`${head}.${body}`), { key, dsaEncoding: 'ieee-p1363' }, Buffer.from(signature, 'base64url')));
    });

    await t.test('two rotations in a row under load: no wrong 401', async () => {
        const tokens = [await fresh()];
        const wrong = [];
        let busy = true;
        let asked = 0;
        const load = (async () => {
            while (busy) {
                const token = tokens[asked % tokens.length];
                const status = await me(token, asked % 2 ? here : there);
                if (status !== 200) wrong.push(`${status} ${kid(token)}`);
                if (++asked % 10 === 0) tokens.push(await fresh()); // an account has 50 sessions
                await sleep(40);
            }
        })();
        for (let i = 0; i < 2; i++) {
            const last = kid(tokens.at(-1));
            const said = admin('rotate-keys');
            assert.equal(said.status, 0, said.stderr);
            await eventually(() => kid(tokens.at(-1)) !== last, { within: 30000, what: 'the new key signs' });
        }
        busy = false;
        await load;
        assert.deepEqual(wrong, []);
        assert.ok(asked > 30, `${asked}`);
        assert.equal(new Set(tokens.map(kid)).size, 3);
        assert.equal(await me(tokens[0], there), 200, 'the first key still verifies');
        assert.equal((await jwks()).length, 3);
    });

    await t.test('a revoked key verifies nothing, anywhere, and ends its streams; sessions go on', async () => {
        const login = (await t.call('POST', '/users/login', { body: { email, password }, token: null })).json;
        const made = (await t.call('POST', '/users/me/keys', { body: { name: 'x', scopes: 'read' }, token: login.access_token })).json;
        for (const port of [here, there]) assert.deepEqual([await me(login.access_token, port), await me(made.key, port)], [200, 200]);
        const follow = (token) => Promise.all([here, there].map((port) => t.events('GET', '/events', { port, token })));
        const [ending, staying] = [await follow(login.access_token), await follow(made.key)];
        assert.equal(admin('revoke-keys').status, 0);
        const first = await fresh(); // signed by the new key, at once
        for (const port of [here, there]) assert.equal(await me(first, port), 200, 'a token of after the revocation');
        for (const stream of ending) await stream.over({ within: 10000 });
        for (const stream of staying) assert.equal(stream.ended, false, 'API keys go on');
        assert.equal((await t.call('DELETE', `/users/me/keys/${made.id}`, { token: first })).status, 204);
        for (const stream of staying) await stream.over({ within: 10000 });
        for (const port of [here, there])
            await eventually(async () => (await me(login.access_token, port)) === 401, { within: 10000, every: 50, what: 'refused' });
        await eventually(async () => {
            const next = await t.call('POST', '/users/refresh', { body: { refresh_token: login.refresh_token }, token: null });
            login.refresh_token = next.json.refresh_token ?? login.refresh_token;
            return next.status === 200 && (await me(next.json.access_token, there)) === 200;
        }, { within: 30000, what: 'the session goes on' });
        assert.equal((await jwks(there)).length, 1);
    });

    await t.test('another secret seals the same keys', async () => {
        const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'chatbot-secret-'));
        fs.chmodSync(dir, 0o777);
        try {
            const file = path.join(dir, 'next');
            const token = await fresh();
            const said = admin('rotate-secret', file);
            assert.equal(said.status, 0, said.stderr);
            assert.equal(fs.statSync(file).mode & 0o777, 0o600);
            const secret = fs.readFileSync(file, 'utf8').trim();
            assert.ok(!said.stdout.includes(secret) && !said.stderr.includes(secret));
            t.world.secrets.add(secret);
            assert.equal(admin('rotate-keys').status, 1, 'the old secret opens nothing');
            assert.equal(admin('rotate-secret', file).status, 0, 'again, with the same one');
            assert.match(admin('rotate-secret').stderr, /SECRET_KEY is set in \.env, or in the environment/);
            await t.stack.down();
            t.stack.settings.SECRET_KEY = secret;
            await t.stack.up();
            assert.equal(await me(token), 200, 'tokens from before are valid');
            assert.equal(await me(await fresh(), there), 200);
            assert.equal(admin('rotate-keys').status, 0);
        } finally {
            fs.rmSync(dir, { recursive: true, force: true });
        }
        await sleep(100);
    });
}
