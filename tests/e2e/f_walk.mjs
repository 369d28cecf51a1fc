// Every operation of the document with the ids of somebody's belongings, asked by those who have
// no right to them: nobody, the owner's own narrow keys, another user with all kinds of keys, an
// account that was disabled.  All are refused, and not one row is another one afterwards.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { bodyOf, fill, isAdmins, isEndless, isUpload, makeBelongings, missing, rowsAtRest, rowsOf } from '../harness/belongings.mjs';
import { SCOPES, scopesOf } from '../harness/scopes.mjs';
import { build, top } from '../harness/stack.mjs';

export const stack = { own: true };

export default async function (t) {
    const word = `walked ${t.client.nonce}`;
    const all = SCOPES.join(' ');
    let ids, other, owner, disabled;

    const key = async (token, body) => (await t.call('POST', '/users/me/keys', { body: { name: 'walker', ...body }, token })).json.key;
    const send = (op, token) => {
        const where = fill(op.template, ids);
        const body = bodyOf(t, op, ids);
        return isUpload(op) ? t.upload(where, 'mine', { token }) : t.call(op.method.toUpperCase(), where, { body, token });
    };
    const console_ = (...args) => spawnSync(path.join(top, 'deploy/chatbot-admin'), ['--data', t.stack.data, ...args], { encoding: 'utf8', env: { ...process.env, BUILD_DIR: build } });
    // Operations whose path or body names something of the owner.
    const names = (op) => op.parameters.length > 0 || Object.keys(bodyOf(t, op, {}) ?? {}).some((name) => name in ids);
    const secured = () => t.world.contract.operations.filter((op) => op.row.security.length);

    // Walks with a token; expected(op) says which statuses are right, undefined: not asked.
    const walk = async (token, expected) => {
        const before = await rowsOf(t.stack, owner.id);
        const ask = async ([op, right]) => {
            const reply = await send(op, token);
            assert.ok(right.includes(reply.status), `${op.id}: ${reply.status} ${reply.text}`);
            assert.ok(!reply.text.includes(word), `${op.id} tells what it holds`);
        };
        const asked = secured().map((op) => [op, expected(op)]).filter(([, right]) => right);
        const left = [...asked];
        const worker = async () => {
            while (left.length) await ask(left.shift());
        };
        await Promise.all([worker(), worker(), worker(), worker()]);
        assert.deepEqual(await rowsOf(t.stack, owner.id), before, 'rows of the owner');
        return asked.length;
    };

    await t.test('somebody has one of everything', async () => {
        await t.as('bob');
        await t.as('carol');
        owner = await t.as('alice');
        ids = await makeBelongings(t, word);
        other = (await t.call('POST', '/projects', { body: { name: 'elsewhere' } })).json.id;
        for (const op of secured()) if (!isAdmins(op)) assert.deepEqual(missing(op, ids), [], `${op.id}: give makeBelongings() one`);
        ids.user_id = owner.id;
        await rowsAtRest(t.stack, owner.id);
    });

    await t.test('nobody gets in, and nothing changes at all', async () => {
        const before = await rowsOf(t.stack);
        for (const token of [null, 'x', `cbk_${'A'.repeat(43)}`, `${'a'.repeat(30)}.${'b'.repeat(30)}.${'c'.repeat(30)}`])
            assert.ok((await walk(token, () => [401])) > 40);
        assert.deepEqual(await rowsOf(t.stack), before);
    });

    await t.test("another user finds nothing, with a log-in or with keys of all kinds", async () => {
        await t.as('bob');
        const session = t.client.who.token;
        const expected = (op) => (isAdmins(op) ? [403] : names(op) ? [404] : undefined);
        assert.ok((await walk(session, expected)) > 30);
        for (const scopes of [...SCOPES, all]) {
            const narrow = (op) => {
                const right = expected(op);
                return right && !scopesOf(op)?.some((s) => scopes.includes(s)) ? [403] : right;
            };
            assert.ok((await walk(await key(session, { scopes }), narrow)) > 30, scopes);
        }
    });

    await t.test('an admin finds nothing of it either', async () => {
        const { email } = await t.as('root');
        assert.equal(console_('create-admin', email).status, 0);
        const token = await t.client.login('root');
        assert.equal((await t.call('GET', '/admin/users', { token })).status, 200);
        assert.ok((await walk(token, (op) => (names(op) && !isAdmins(op) ? [404] : undefined))) > 30);
    });

    await t.test('a key that names a project of somebody else reaches nothing of it', async () => {
        await t.as('bob');
        const foreign = await key(t.client.who.token, { scopes: all, project_id: ids.project_id });
        await walk(foreign, (op) => (names(op) || isAdmins(op) ? [403, 404] : undefined));
    });

    await t.test("the owner's narrow keys do what their scope says and no more", async () => {
        await t.as('alice');
        for (const scopes of SCOPES) {
            const narrow = (op) => (isAdmins(op) || !scopesOf(op)?.includes(scopes) ? [403] : undefined);
            assert.ok((await walk(await key(owner.token, { scopes }), narrow)) > 15, scopes);
        }
    });

    await t.test("the owner's key of another project reaches nothing of this one", async () => {
        await t.as('alice');
        const bound = await key(owner.token, { scopes: all, project_id: other });
        const skipped = (op) => isEndless(op) || !names(op);
        assert.ok((await walk(bound, (op) => (isAdmins(op) ? [403] : skipped(op) ? undefined : [403, 404]))) > 30);
    });

    await t.test('a disabled account is nobody, whatever it holds', async () => {
        await t.as('carol');
        const { token, email } = t.client.who;
        disabled = [token, await key(token, { scopes: all })];
        const said = console_('disable', email);
        assert.equal(said.status, 0, said.stderr);
        const before = await rowsAtRest(t.stack);
        for (const with_ of disabled) assert.ok((await walk(with_, () => [401])) > 40);
        assert.deepEqual(await rowsOf(t.stack), before);
    });
}
