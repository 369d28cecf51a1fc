// What the daemons count is told at every gateway's /metrics, one metric at a time, per instance.
import assert from 'node:assert/strict';
import { eventually } from '../harness/http.mjs';

export const stack = { chatd: 2, own: true };

export default async function (t) {
    await t.as('alice');
    const metrics = async () => (await t.call('GET', '/metrics', { token: null })).text;
    const samples = (text, name) => text.split('\n').filter((l) => l.startsWith(`${name}{`));

    await t.test('every instance of every service tells', async () => {
        await eventually(async () => samples(await metrics(), 'chatbot_chat_events_dropped_total').length === 2, { within: 30000, what: 'two chatd' });
        const text = await metrics();
        for (const service of ['auth', 'project', 'file']) assert.equal(samples(text, `chatbot_${service}_events_dropped_total`).length, 1, service);
    });

    await t.test('a metric has one head, and its samples stand together', async () => {
        const lines = (await metrics()).split('\n').filter(Boolean);
        const heads = lines.filter((l) => l.startsWith('# HELP ')).map((l) => l.split(' ')[2]);
        assert.equal(new Set(heads).size, heads.length);
        let current = '';
        for (const l of lines) {
            if (l.startsWith('# HELP ')) current = l.split(' ')[2];
            else if (!l.startsWith('#')) assert.ok(l.startsWith(current), `${l} below ${current}`);
        }
    });

    await t.test('also while the database is away', async () => {
        t.expectLog(/./);
        t.stack.signalFamily('postgres', 'SIGSTOP');
        try {
            assert.equal(samples(await metrics(), 'chatbot_chat_events_dropped_total').length, 2);
        } finally {
            t.stack.signalFamily('postgres', 'SIGCONT');
        }
    });
}
