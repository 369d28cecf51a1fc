// One id tells the whole story of a request: in the logs of all processes that had to do with it, and
// in what the model's provider is told (W3C Trace Context), also after the turn has waited, and after
// another chatd has taken it over.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { eventually } from '../harness/http.mjs';

export const stack = { own: true, chatd: 2, settings: { MAX_TURNS_PER_USER: '1' } };

const hex = (bytes) => crypto.randomBytes(bytes).toString('hex');

export default async function (t) {
    t.expectLog(/event=(takeover|worker_lost|stray_turn)|svc=gateway.*(lost|gone)/);
    await t.as('alice');
    const { id: project } = (await t.call('POST', '/projects', { body: { name: 'traced', model: 'hold' } })).json;
    const text = Buffer.from('a file that is part of the story');
    const file = (await t.upload(`/projects/${project}/files`, text, { filename: 'story.txt' })).json.id;
    const ready = async () => (await t.call('GET', `/projects/files/${file}`)).json.status === 'ready';
    await eventually(ready, { within: 10000, what: 'the copy of the file' });
    const chat = (message, headers, more = {}) => t.call('POST', '/chat', { body: { project_id: project, message, ...more }, headers });
    const calls = () => t.stack.upstream.calls.filter((call) => /\/responses$/.test(call.path));
    const header = (n) => calls()[n]?.headers.traceparent;
    const names = t.stack.names().filter((name) => name !== 'postgres');
    const lines = (name, id) => {
        const file = path.join(t.stack.data, 'log', `${name}.log`);
        return fs.readFileSync(file, 'utf8').split('\n').filter((line) => line.includes(` trace=${id} `));
    };

    await t.test('the provider goes on with the trace of a turn, also when it has waited', async () => {
        const [one, two] = [hex(16), hex(16)];
        const first = chat('first', { traceparent: `00-${one}-00f067aa0ba902b7-01` });
        await t.stack.held(1);
        const second = chat('second', { traceparent: `00-${two}-00f067aa0ba902b7-00`, 'X-Request-Id': 'waits' });
        await eventually(() => names.some((name) => lines(name, 'waits').length), { what: 'the second message is taken' });
        await t.stack.tell('release');
        await t.stack.held(1);
        await t.stack.tell('release');
        assert.deepEqual([(await first).status, (await second).status], [200, 200]);
        assert.equal(header(0), `00-${one}-00f067aa0ba902b7-01`);
        assert.match(header(1), new RegExp(`^00-${two}-[0-9a-f]{16}-00$`));
    });

    await t.test('and when another chatd has taken it over; one id finds all of it', async () => {
        const id = hex(16);
        await t.call('PUT', `/projects/${project}`, { body: { name: 'changed' } }); // chatd asks for it again
        await t.client.login('alice'); // authd is asked about a token when it is first used
        const answer = chat('taken over', { 'X-Request-Id': id }, { file_ids: [file] });
        await t.stack.held(1);
        const owner = names.find((name) => name.startsWith('chatd') && lines(name, id).length);
        const other = names.find((name) => name.startsWith('chatd') && name !== owner);
        t.stack.signal(owner, 'SIGKILL');
        await eventually(() => calls().length === 4, { within: 15000, what: 'the other one asks' });
        await t.stack.tell('release');
        assert.equal((await answer).status, 200);
        for (const n of [2, 3]) assert.match(header(n), new RegExp(`^00-${id}-[0-9a-f]{16}-00$`));
        const story = [
            ['gateway-1', /op=chat_create .*status=200/],
            ['authd', /op=session_check/],
            ['projectd', /op=project_context/],
            ['filed', /op=files?_\w+/],
            [owner, /op=chat_create .*status=200/],
            [other, /event=claim turn=\d+ attempt=2 age_ms=\d+/],
            [other, /event=turn_end turn=\d+ .*state=completed attempt=2/],
        ];
        for (const [name, what] of story)
            await eventually(() => lines(name, id).some((line) => what.test(line)), { what: `${name}: ${what}` });
    });

    await t.test('a provider may be told nothing of it', async () => {
        const reloads = (name) => fs.readFileSync(path.join(t.stack.data, 'log', `${name}.log`), 'utf8').split('event=reload').length;
        for (const name of ['chatd-1', 'chatd-2', 'filed']) {
            const environment = fs.readFileSync(`/proc/${t.stack.pid(name)}/environ`, 'utf8').split('\0');
            const own = environment.find((entry) => entry.startsWith('CHATBOT_ENV_FILE=')).split('=')[1];
            fs.writeFileSync(own, 'UPSTREAM_TRACEPARENT=off\n');
            const before = reloads(name);
            t.stack.signal(name, 'SIGHUP');
            await eventually(() => reloads(name) > before, { what: `${name} reads its settings` });
        }
        await t.call('PUT', `/projects/${project}`, { body: { model: 'echo' } });
        assert.equal((await chat('silent', {})).status, 200);
        assert.equal(calls().at(-1).headers.traceparent, undefined);
        const copied = () => t.stack.upstream.others.filter(({ method, path }) => method === 'POST' && /\/files$/.test(path)).map((call) => call.headers.traceparent);
        assert.match(copied()[0], /^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
        await t.upload(`/projects/${project}/files`, Buffer.from('another one'), { filename: 'silent.txt' });
        await eventually(() => copied().length > 1, { within: 10000, what: 'its copy' });
        assert.equal(copied().at(-1), undefined);
    });
}
