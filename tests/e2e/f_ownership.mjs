// A second user's token walks every operation of the document with the owner's ids: nothing is
// there for it, and afterwards everything of the owner is as before.
import assert from 'node:assert/strict';
import { bodyOf, fill, isAdmins, isEndless, isUpload, makeBelongings, missing } from '../harness/belongings.mjs';

export default async function (t) {
    const word = `owned ${t.client.nonce}`;
    const ids = {};

    // Everything that the owner can read, as text.
    const snapshot = async () => {
        await t.as('alice');
        const seen = [];
        for (const op of t.world.contract.operations) {
            if (op.method !== 'get' || !op.parameters.length || isAdmins(op) || !op.row.security?.length) continue;
            const reply = await t.call('GET', fill(op.template, ids));
            assert.equal(reply.status, 200, `the owner reads ${op.id}: ${reply.text}`);
            seen.push(`${op.id} ${reply.text}`);
        }
        return [...seen, (await t.call('GET', '/projects')).text].join('\n');
    };

    await t.test('the owner has one of everything', async () => {
        await t.as('alice');
        await makeBelongings(t, word, ids);
    });

    let before;
    await t.test('the owner sees it', async () => {
        before = await snapshot();
        assert.match(before, new RegExp(word));
    });

    let walked = 0;
    for (const op of t.world.contract.operations) {
        const body = bodyOf(t, op, ids);
        const named = Object.keys(body ?? {}).filter((name) => name in ids);
        if ((!op.parameters.length && !named.length) || isAdmins(op) || !op.row.security?.length) continue;
        walked++;
        await t.test(`a stranger finds nothing at ${op.id}`, async () => {
            assert.deepEqual(missing(op, ids), [], 'the walk has no id for it: give makeBelongings() one');
            await t.as('bob');
            const path = fill(op.template, ids);
            const reply = isUpload(op)
                ? await t.upload(path, 'mine')
                : await t.call(op.method.toUpperCase(), path, { body });
            assert.equal(reply.status, 404, `${op.id} ${JSON.stringify(body)}: ${reply.text}`);
            assert.equal(reply.json.code, 'not_found');
            assert.doesNotMatch(reply.text, new RegExp(word));
        });
    }

    await t.test('a stranger goes on in no conversation', async () => {
        await t.as('bob');
        const own = await t.call('POST', '/projects', { body: { name: "bob's" } });
        for (const body of [
            { project_id: own.json.id, conversation_id: ids.conversation_id, message: 'x' },
            { project_id: own.json.id, conversation_id: ids.conversation_id, parent_id: ids.message_id, message: 'x' },
            { project_id: ids.project_id, conversation_id: ids.conversation_id, message: 'x' },
        ])
            assert.equal((await t.call('POST', '/chat', { body })).status, 404);
    });

    await t.test('lists of a stranger hold nothing of the owner', async () => {
        await t.as('bob');
        for (const op of t.world.contract.operations) {
            if (op.method !== 'get' || op.parameters.length || !op.row.security?.length) continue;
            if (isEndless(op)) continue; // see d_streams.mjs
            const reply = await t.call('GET', op.template);
            assert.doesNotMatch(reply.text, new RegExp(word), op.id);
        }
    });

    await t.test('nothing of the owner has changed', async () => {
        assert.ok(walked >= 7, `${walked} operations were walked`);
        assert.equal(await snapshot(), before);
    });
}
