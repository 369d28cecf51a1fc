// What the stream of a turn says that failed: why, and what to do about it; d_failed.mjs has all codes.
import assert from 'node:assert/strict';
import { Memory } from '../harness/sse.mjs';

export const stack = { gateways: 2, settings: { UPSTREAM_TRIES: '1' }, own: true };

// model -> code, and what people are told to do
const FAILURES = [
    ['fail-401', 'upstream_auth', /OPENAI_API_KEY/, false],
    ['fail-400', 'upstream_refused', /settings/, false],
    ['cut', 'upstream_cut', /again/, true],
    ['hang', 'timeout_first_token', /again/, true],
    ['long', 'too_long', /new conversation/, false],
    ['spent', 'upstream_rate', /account with the provider/, false],
];

export default async function (t) {
    await t.as('alice');
    const [, second] = t.stack.ports;
    await t.stack.tell('script', { models: { long: { status: 400, code: 'context_length_exceeded' }, spent: { status: 429, code: 'insufficient_quota' } } });
    const make = async (model) => (await t.call('POST', '/projects', { body: { name: 'Bot', model } })).json.id;
    const start = async (project) => t.events('POST', '/chat', { body: { project_id: project, message: 'hi', stream: true }, memory: new Memory() });

    for (const [model, code, advice, retryable] of FAILURES)
        await t.test(`a turn fails with ${code}`, async () => {
            const late = code === 'timeout_first_token';
            if (late) await t.stack.reload('chatd-1', { TIMEOUT_FIRST_TOKEN: 1 }); // no other model may be late
            const stream = await start(await make(model));
            await stream.over();
            if (late) await t.stack.reload('chatd-1', {});
            const { name, data } = stream.memory.last;
            assert.deepEqual([name, data.code, data.retryable], ['failed', code, retryable]);
            assert.match(data.detail, advice);
            const { turn_id } = stream.memory.of('accepted')[0];
            const again = await t.events('GET', `/chat/turns/${turn_id}/events`, { memory: new Memory(), port: second });
            await again.over();
            assert.deepEqual(again.memory.last, stream.memory.last);
            assert.equal(again.memory.text, stream.memory.text);
        });

    await t.test('a turn fails with timeout_connect', async () => {
        const project = await make('echo');
        await t.stack.upstream.stop();
        const stream = await start(project);
        await stream.over({ within: 60000 });
        assert.equal(stream.memory.last.data.code, 'timeout_connect');
        assert.match(stream.memory.last.data.detail, /OPENAI_BASE_URL/);
    });
}
