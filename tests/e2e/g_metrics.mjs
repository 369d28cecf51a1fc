// What the daemons count is told at every gateway's /metrics, one metric at a time, per instance.
import assert from 'node:assert/strict';
import { execute } from '../harness/database.mjs';
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

    await t.test('what operators look at is there, with a word on what it is', async () => {
        const text = await metrics();
        const chat = ['queue_turns', 'queue_age_seconds', 'turns_running', 'turns_max', 'first_token_seconds', 'tokens_per_second', 'attempts_total', 'requests_total', 'takeovers_total', 'fence_rejections_total', 'events_dropped_total'];
        const gateway = ['bus_followers', 'streams', 'streams_dropped_total', 'streams_resumed_total', 'stream_asks_total', 'bus_events_dropped_total'];
        for (const name of [...chat.map((n) => `chatbot_chat_${n}`), ...gateway.map((n) => `chatbot_gateway_${n}`)]) {
            assert.match(text, new RegExp(`^# HELP ${name} \\S.{9}`, 'm'), name);
            assert.match(text, new RegExp(`^# TYPE ${name} (counter|gauge|histogram)$`, 'm'), name);
            assert.match(text, new RegExp(`^${name}(_count)?(\\{[^}]*\\})? \\d`, 'm'), name);
        }
    });

    await t.test('what a daemon owes to others, and what was given up', async () => {
        const rows = async () => {
            const text = await metrics();
            return ['waiting', 'parked'].map((state) => Number(samples(text, 'chatbot_project_outbox_rows').find((l) => l.includes(`state="${state}"`))?.split(' ')[1]));
        };
        t.expectLog(/event=outbox_parked/);
        await eventually(async () => `${await rows()}` === '0,0', { within: 30000, what: 'nothing is owed' });
        const values = (op, tries) => `('${op}', 'test', 1, convert_to('project_id' || chr(1) || '1' || chr(1), 'UTF8'), ${tries}, now() - interval '90 seconds')`;
        await execute(t.stack, `INSERT INTO project.outbox (op, object, account_id, params, tries, created_at) VALUES ${values('no_such_operation', 19)}, ${values('no_such_operation', 0)}`);
        await eventually(async () => `${await rows()}` === '1,1', { within: 30000, what: 'one waits, one is parked' });
        const oldest = samples(await metrics(), 'chatbot_project_outbox_oldest_seconds')[0].split(' ')[1];
        assert.ok(Number(oldest) >= 90, oldest);
        // mended, and tried again as the README says
        await execute(t.stack, `UPDATE project.outbox SET op = 'file_project_erase', params = decode('70726f6a6563745f696400393939393900', 'hex')`);
        await execute(t.stack, 'UPDATE project.outbox SET parked_at = NULL, tries = 0, next_at = now() WHERE parked_at IS NOT NULL');
        await eventually(async () => `${await rows()}` === '0,0', { within: 60000, what: 'all are delivered' });
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
