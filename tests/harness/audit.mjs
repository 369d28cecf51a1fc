// What the audit says of somebody, as they see it.
import assert from 'node:assert/strict';
import { eventually } from './http.mjs';

// Waits until their own audit has all of these actions; resolves to {action: [entries]} of all that it has.
export async function noted(t, actions, token) {
    let seen;
    const look = async () => {
        const reply = await t.call('GET', '/users/me/audit?limit=200', { token });
        assert.equal(reply.status, 200, reply.text);
        seen = byAction(reply.json);
        const missing = actions.filter((action) => !seen.has(action));
        assert.deepEqual(missing, [], 'not noted');
        return seen;
    };
    await eventually(look, { within: 60000, what: `${actions} are noted` });
    return Object.fromEntries(seen);
}

function byAction(entries) {
    const by = new Map();
    for (const e of entries) by.set(e.action, [...(by.get(e.action) ?? []), e]);
    return by;
}
