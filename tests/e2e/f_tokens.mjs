// Tokens that were not signed by authd, or not for this: none opens anything.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import http from 'node:http';

const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
const decode = (part) => JSON.parse(Buffer.from(part, 'base64url').toString());

export default async function (t) {
    await t.as('alice');
    const { token } = t.client.who;
    const [head, body, signature] = token.split('.');
    const header = decode(head);
    const claims = decode(body);
    const { privateKey, publicKey } = crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const sign = (h, c, key = privateKey) => {
        const text = `${encode(h)}.${encode(c)}`;
        return `${text}.${crypto.sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
    };
    const hmac = (h, c, secret) => {
        const text = `${encode(h)}.${encode(c)}`;
        return `${text}.${crypto.createHmac('sha256', secret).update(text).digest('base64url')}`;
    };
    const refused = async (forged) => {
        const reply = await t.call('GET', '/users/me', { token: forged });
        assert.equal(reply.status, 401, `${forged.slice(0, 60)}...: ${reply.text}`);
        assert.equal(reply.json.code, 'unauthorized');
    };

    await t.test('the real one works, and says what it has to', async () => {
        assert.equal((await t.call('GET', '/users/me')).status, 200);
        assert.equal(header.alg, 'ES256');
        assert.equal(typeof header.kid, 'string');
        assert.equal(Number(claims.sub), t.client.who.id);
        assert.equal(claims.exp - claims.iat, 3600);
        assert.doesNotMatch(JSON.stringify(claims), /@/);
    });

    await t.test('no signature', async () => {
        for (const alg of ['none', 'None', 'NONE', 'nOnE']) {
            await refused(`${encode({ ...header, alg })}.${body}.`);
            await refused(`${encode({ ...header, alg })}.${body}.${signature}`);
        }
        await refused(`${head}.${body}.`);
        await refused(`${head}.${body}`);
    });

    await t.test('another key under the known name', async () => {
        await refused(sign(header, claims));
        await refused(sign({ ...header, jwk: publicKey.export({ format: 'jwk' }) }, claims));
        await refused(sign({ ...header, crit: ['exp'] }, claims));
    });

    await t.test('a place that tells the forged key is not asked', async () => {
        const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'mine', alg: 'ES256', use: 'sig' };
        let asked = 0;
        const server = http.createServer((_, res) => {
            asked++;
            res.end(JSON.stringify({ keys: [jwk] }));
        });
        await new Promise((done) => server.listen(0, '127.0.0.1', done));
        try {
            const url = `http://127.0.0.1:${server.address().port}/keys`;
            for (const kid of [header.kid, 'mine'])
                for (const where of [{ jku: url }, { x5u: url }, { jku: url, jwk }]) await refused(sign({ ...header, kid, ...where }, claims));
            await refused(sign({ ...header, kid: 'mine' }, { ...claims, iss: url.replace('/keys', '') }));
            assert.equal(asked, 0);
        } finally {
            server.close();
        }
    });

    await t.test('another algorithm', async () => {
        const served = (await t.call('GET', '/.well-known/jwks.json', { token: null })).json.keys.find((key) => key.kid === header.kid);
        const known = crypto.createPublicKey({ key: served, format: 'jwk' });
        const pem = known.export({ type: 'spki', format: 'pem' });
        const point = Buffer.concat([Buffer.from([4]), Buffer.from(served.x, 'base64url'), Buffer.from(served.y, 'base64url')]);
        const secrets = ['', header.kid, pem, pem.trim(), known.export({ type: 'spki', format: 'der' }), point, point.subarray(1), JSON.stringify(served)];
        for (const secret of secrets) for (const alg of ['HS256', 'ES256']) await refused(hmac({ ...header, alg }, claims, secret));
        await refused(`${encode({ ...header, alg: 'ES384' })}.${body}.${signature}`);
    });

    await t.test('names of keys that lead elsewhere', async () => {
        for (const kid of ['', '0', '../../../../dev/null', "' OR 1=1 --", 'x'.repeat(300)]) await refused(sign({ ...header, kid }, claims));
        const { kid: _, ...nameless } = header;
        await refused(sign(nameless, claims));
    });

    await t.test('other words under the same signature', async () => {
        for (const change of [{ sub: String(Number(claims.sub) + 1) }, { sub: claims.sub + 1 }, { exp: claims.exp + 3600 }, { role: 'admin' }, { sid: claims.sid + 1 }])
            await refused(`${head}.${encode({ ...claims, ...change })}.${signature}`);
    });

    await t.test('a damaged one', async () => {
        const flip = (part, at) => part.slice(0, at) + (part[at] === 'A' ? 'B' : 'A') + part.slice(at + 1);
        await refused(`${head}.${body}.${flip(signature, 10)}`);
        await refused(`${head}.${flip(body, 10)}.${signature}`);
        await refused(`${flip(head, 10)}.${body}.${signature}`);
        await refused(`${token}.${signature}`);
        await refused(`${token}=`);
        await refused(`.${token}`);
        await refused('..');
        await refused(token.replaceAll('.', '..'));
        await refused(token.slice(0, -1));
        await refused('a.'.repeat(500));
    });

    await t.test('two are not better than one', async () => {
        const reply = await t.call('GET', '/users/me', { headers: { Authorization: [`Bearer ${token}`, `Bearer ${token}`] } });
        assert.ok([400, 401].includes(reply.status), `${reply.status}`);
        assert.equal((await t.call('GET', `/users/me?access_token=${token}`, { token: null })).status, 401);
    });
}
