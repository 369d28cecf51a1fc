// 429 with Retry-After: the process sends nothing for so long, turns wait in the queue, and both
// /health and /metrics say so.
import assert from 'node:assert/strict';
import { eventually } from '../harness/http.mjs';

export const stack = { own: true };

export default async function (t) {
    await t.as('alice');
    const chat = async (model) => {
        const project = (await t.call('POST', '/projects', { body: { name: model, model } })).json.id;
        return (message) => {
            const reply = t.call('POST', '/chat', { body: { project_id: project, message } });
            reply.catch(() => {}); // whoever waits for it says so
            return reply;
        };
    };
    const health = async () => (await t.call('GET', '/health', { token: null })).json;
    const metric = async (name) => {
        const { text } = await t.call('GET', '/metrics', { token: null });
        return Number(new RegExp(`^chatbot_chat_${name}\\{[^}]*\\} (\\S+)$`, 'm').exec(text)[1]);
    };

    await t.test('others wait in the queue, and go on afterwards', async () => {
        const limited = await chat('fail-429+retry_after=10+times=1');
        const plain = await chat('echo');
        const before = t.stack.upstream.count;
        assert.equal((await health()).model_paused, false);
        const first = limited('first');
        await eventually(async () => (await health()).model_paused, { within: 8000, what: 'the pause' });
        assert.equal((await health()).model, 'configured');
        const others = ['a', 'b', 'c'].map(plain);
        await eventually(async () => (await metric('queue_turns')) === 3, { within: 8000, what: 'three turns wait' });
        assert.ok((await metric('pause_seconds')) > 0);
        assert.equal(await metric('turns_running'), 1);
        assert.equal(t.stack.upstream.count - before, 1);
        for (const reply of [first, ...others]) assert.equal((await reply).status, 200);
        assert.equal(t.stack.upstream.count - before, 5);
        await eventually(async () => !(await health()).model_paused && (await metric('pause_seconds')) === 0, { within: 30000, what: 'the end of the pause' });
    });

    await t.test('what happened is counted', async () => {
        const { text } = await t.call('GET', '/metrics', { token: null });
        const has = (line) => assert.match(text, new RegExp(`^chatbot_chat_${line}$`, 'm'));
        has('attempts_total\\{.*outcome="completed"\\} 4');
        has('requests_total\\{.*result="ok"\\} 4');
        has('requests_total\\{.*result="upstream_rate"\\} 1');
        has('first_token_seconds_count\\{.*\\} 4');
        has('attempt_seconds_count\\{.*\\} 4');
        has('tokens_per_second_count\\{.*\\} [0-4]');
        has('fence_rejections_total\\{.*\\} 0');
        has('takeovers_total\\{.*\\} 0');
    });
}
