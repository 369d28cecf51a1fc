// Spans of one turn reach a collector (OTLP/HTTP), each below the one that asked for it, over all
// processes and a takeover; a collector that is away slows nothing, and what it misses is counted.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';
import { eventually } from '../harness/http.mjs';
import { freePorts } from '../harness/stack.mjs';

const [port] = await freePorts(1);

export const stack = {
    own: true,
    chatd: 2,
    settings: {
        MAX_TURNS_PER_USER: '1',
        OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}/base/`,
        OTEL_EXPORTER_OTLP_HEADERS: 'x-tenant=a%20b',
        TITLES: 'on',
        TITLE_MODEL: 'echo',
    },
};

// What a collector takes, as flat spans.
class Collector {
    spans = [];
    requests = [];

    async start() {
        this.server = http.createServer((req, res) => {
            const chunks = [];
            req.on('data', (chunk) => chunks.push(chunk));
            req.on('end', () => {
                this.requests.push({ method: req.method, url: req.url, headers: req.headers });
                for (const { resource, scopeSpans } of JSON.parse(Buffer.concat(chunks)).resourceSpans)
                    for (const { spans } of scopeSpans)
                        this.spans.push(...spans.map((span) => ({ ...span, of: facts(resource), facts: facts(span) })));
                res.setHeader('Content-Type', 'application/json');
                res.end('{}');
            });
        });
        await new Promise((done) => this.server.listen(port, '127.0.0.1', done));
    }

    async stop() {
        this.server.closeAllConnections();
        await new Promise((done) => this.server.close(done));
    }

    async find(trace, name, more = () => true) {
        const found = () => this.spans.find((s) => s.traceId === trace && s.name === name && more(s));
        return eventually(found, { within: 10000, what: `span ${name}` });
    }
}

const facts = ({ attributes }) => Object.fromEntries(attributes.map(({ key, value }) => [key, value.stringValue ?? Number(value.intValue)]));
const hex = (bytes) => crypto.randomBytes(bytes).toString('hex');
const median = (list) => list.sort((a, b) => a - b)[list.length >> 1];

export default async function (t) {
    t.expectLog(/event=(takeover|worker_lost|stray_turn|collector_away)|svc=gateway.*(lost|gone)/);
    const collector = new Collector();
    await collector.start();
    await t.as('alice');
    const { id: project } = (await t.call('POST', '/projects', { body: { name: 'spans', model: 'hold' } })).json;
    const file = (await t.upload(`/projects/${project}/files`, Buffer.from('a file'), { filename: 'a.txt' })).json.id;
    await eventually(async () => (await t.call('GET', `/projects/files/${file}`)).json.status === 'ready', { within: 10000, what: 'the copy' });
    const chat = (message, headers, more = {}) => t.call('POST', '/chat', { body: { project_id: project, message, ...more }, headers });
    const told = () => t.stack.upstream.calls.filter((call) => /\/responses$/.test(call.path)).map((call) => call.headers.traceparent);
    const client = '00f067aa0ba902b7';

    await t.test('one turn, taken over: each span has its parent, over all processes', async () => {
        const id = hex(16);
        await t.call('PUT', `/projects/${project}`, { body: { name: 'changed' } });
        await t.client.login('alice');
        const answer = chat('go', { traceparent: `00-${id}-${client}-01` }, { file_ids: [file] });
        await t.stack.held(1);
        const log = (name) => fs.readFileSync(path.join(t.stack.data, 'log', `${name}.log`), 'utf8');
        const owner = ['chatd-1', 'chatd-2'].find((name) => log(name).includes(`trace=${id} op=chat_create`));
        const created = await collector.find(id, 'chat_create'); // before its process dies
        t.stack.signal(owner, 'SIGKILL');
        await eventually(() => told().length === 2, { within: 15000, what: 'the other one asks' });
        await t.stack.tell('release');
        const { turn_id: turn } = (await answer).json;

        const root = await collector.find(id, 'POST /chat');
        assert.deepEqual([root.parentSpanId, root.kind, root.of['service.name']], [client, 2, 'chatbot-gateway']);
        assert.deepEqual([root.facts['http.response.status_code'], root.facts['http.route'], root.facts['chatbot.request_id']], [200, '/chat', id]);
        const checked = await collector.find(id, 'session_check');
        const context = await collector.find(id, 'project_context');
        const files = await eventually(() => collector.spans.find((s) => s.traceId === id && s.of['service.name'] === 'chatbot-filed'), { what: "filed's" });
        const attempt = await collector.find(id, 'chat hold', (s) => s.facts['chatbot.turn.attempt'] === 2);
        assert.deepEqual([created.parentSpanId, checked.parentSpanId], [root.spanId, root.spanId]);
        assert.deepEqual([created, checked, context].map((s) => s.of['service.name']), ['chatbot-chatd', 'chatbot-authd', 'chatbot-projectd']);
        assert.deepEqual([context.parentSpanId, files.parentSpanId, attempt.parentSpanId], [created.spanId, created.spanId, created.spanId]);
        assert.deepEqual([attempt.kind, attempt.facts['chatbot.turn.id'], attempt.facts['chatbot.turn.state'], attempt.facts['gen_ai.request.model']], [3, turn, 'completed', 'hold']);
        assert.ok(attempt.facts['gen_ai.usage.input_tokens'] > 0 && attempt.facts['gen_ai.usage.output_tokens'] > 0);
        assert.notEqual(attempt.of['service.instance.id'], created.of['service.instance.id']);
        assert.equal(told()[1], `00-${id}-${attempt.spanId}-01`, 'the provider goes on below the attempt');
        assert.notEqual(told()[0], told()[1]);
        assert.ok(BigInt(attempt.endTimeUnixNano) >= BigInt(attempt.startTimeUnixNano));
        const { method, url, headers } = collector.requests[0];
        assert.deepEqual([method, url, headers['content-type'], headers['x-tenant']], ['POST', '/base/v1/traces', 'application/json', 'a b']);
    });

    await t.test('how long a turn waited; what a client does not want traced is not', async () => {
        const [one, two, three] = [hex(16), hex(16), hex(16)];
        const first = chat('first', { traceparent: `00-${one}-${client}-00` });
        await t.stack.held(1);
        const second = chat('second', { traceparent: `00-${two}-${client}-01`, 'X-Request-Id': 'mine' });
        await t.call('GET', '/projects', { headers: { 'X-Request-Id': three } });
        await collector.find(three, 'GET /projects'); // sampled by us, as nobody says otherwise
        await t.stack.tell('release');
        await t.stack.held(1);
        await t.stack.tell('release');
        assert.deepEqual([(await first).status, (await second).status], [200, 200]);
        const wait = await collector.find(two, 'turn_queue');
        const created = await collector.find(two, 'chat_create');
        assert.deepEqual([wait.parentSpanId, wait.facts['chatbot.request_id']], [created.spanId, 'mine']);
        assert.ok(BigInt(wait.endTimeUnixNano) - BigInt(wait.startTimeUnixNano) > 100_000_000n);
        await collector.find(two, 'POST /chat');
        assert.ok(!collector.spans.some((s) => s.traceId === one));
    });

    await t.test('what else the provider is asked: titles and models within the trace, copies of files in one of their own', async () => {
        const [listed, titled] = [hex(16), hex(16)];
        const { others, calls } = t.stack.upstream;
        assert.equal((await t.call('GET', '/models', { headers: { traceparent: `00-${listed}-${client}-01` } })).status, 200);
        const models = await collector.find(listed, 'models');
        const operation = await collector.find(listed, 'model_list');
        assert.deepEqual([models.parentSpanId, models.kind], [operation.spanId, 3]);
        assert.equal(others.findLast(({ path }) => /\/models$/.test(path)).headers.traceparent, `00-${listed}-${models.spanId}-01`);

        await t.call('PUT', `/projects/${project}`, { body: { model: 'n-3' } });
        const { conversation_id: conversation } = (await chat('name me', { traceparent: `00-${titled}-${client}-01` })).json;
        const title = await collector.find(titled, 'title');
        const created = await collector.find(titled, 'chat_create');
        assert.deepEqual([title.parentSpanId, title.facts['chatbot.conversation.id']], [created.spanId, conversation]);
        assert.ok(calls.some((call) => call.body.model === 'echo' && call.headers.traceparent === `00-${titled}-${title.spanId}-01`));

        await t.call('DELETE', `/projects/files/${file}`);
        for (const [method, name] of [['POST', 'file_upload'], ['DELETE', 'file_delete']]) {
            const found = () => collector.spans.find((s) => s.name === name && s.facts['chatbot.file.id'] === file);
            const span = await eventually(found, { within: 10000, what: name });
            assert.ok(others.some((call) => call.method === method && call.headers.traceparent === `00-${span.traceId}-${span.spanId}-01`), name);
            if (method === 'POST') assert.match(fs.readFileSync(path.join(t.stack.data, 'log/filed.log'), 'utf8'), new RegExp(` trace=${span.traceId} event=copy_present file=${file}`));
        }
    });

    const quick = async () => {
        const times = [];
        for (let i = 0; i < 60; i++) {
            const at = performance.now();
            assert.equal((await t.call('GET', '/projects')).status, 200);
            times.push(performance.now() - at);
        }
        return median(times);
    };
    const dropped = async () => Number(/^chatbot_gateway_spans_dropped_total (\d+)$/m.exec((await t.call('GET', '/metrics', { token: null })).text)[1]);

    await t.test('a collector that is away slows nothing, and drops are counted', async () => {
        const quiet = await quick();
        assert.equal(await dropped(), 0);
        await collector.stop();
        await eventually(async () => (await flood(t.stack.port, 400), (await dropped()) > 0), { within: 30000, what: 'drops' });
        const busy = await quick();
        assert.ok(busy < quiet * 3 + 5, `${busy} ms, ${quiet} ms before`);
        assert.ok((await dropped()) > 0);
    });

    await t.test('and gets what follows when it is back', async () => {
        await collector.start();
        const id = hex(16);
        const seen = async () => {
            await t.call('GET', '/projects', { headers: { 'X-Request-Id': id } });
            return collector.spans.some((s) => s.traceId === id);
        };
        await eventually(seen, { within: 40000, what: 'spans again' });
    });
    collector.server.unref(); // traced gives it what is left when the stack stops
}

// n requests that lead nowhere, on each of four connections, as fast as they are answered.
async function flood(to, n) {
    const one = 'GET /nowhere HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n';
    await Promise.all(
        [1, 2, 3, 4].map(
            () =>
                new Promise((done) => {
                    const socket = net.connect(to, '127.0.0.1', () => socket.write(one.repeat(n)));
                    let got = 0;
                    socket.setTimeout(3000, () => socket.destroy());
                    socket.on('data', (chunk) => {
                        got += chunk.toString('latin1').split('HTTP/1.1 404').length - 1;
                        if (got >= n) socket.destroy();
                    });
                    socket.on('error', () => {});
                    socket.on('close', done);
                }),
        ),
    );
}
