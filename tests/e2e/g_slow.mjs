// What is slow is told, by every process that has to do with it, under the request's id; the access log
// has a line for each reply, and none of what people search for.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { execute } from '../harness/database.mjs';
import { eventually } from '../harness/http.mjs';

const log = path.join(os.tmpdir(), `chatbot-access-${process.pid}.log`);

export const stack = { own: true, settings: { SLOW_REQUEST_MS: '700', SLOW_QUERY_MS: '600', ACCESS_LOG: log } };

export default async function (t) {
    const lines = (name) => fs.readFileSync(path.join(t.stack.data, 'log', `${name}.log`), 'utf8').split('\n');
    await t.as('alice');
    const { id: project } = (await t.call('POST', '/projects', { body: { name: 'quick', model: 'n-8x200' } })).json;

    await t.test('a slow statement is named by all who waited for it, under one id', async () => {
        await execute(t.stack, `
            CREATE FUNCTION project.wait() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(1); RETURN NEW; END';
            GRANT EXECUTE ON FUNCTION project.wait() TO projectd;
            CREATE TRIGGER wait BEFORE INSERT ON project.project FOR EACH ROW EXECUTE FUNCTION project.wait();`);
        const reply = await t.call('POST', '/projects', { body: { name: 'slow' } });
        assert.equal(reply.status, 201);
        await execute(t.stack, 'DROP TRIGGER wait ON project.project; DROP FUNCTION project.wait();');
        const trace = `trace=${reply.headers['x-request-id']}`;
        for (const [name, what] of [
            ['projectd', /event=slow_query query=\w+ usec=1\d{6}/],
            ['projectd', /event=slow_request op=project_create usec=1\d{6}/],
            ['gateway-1', /event=slow_request op=project_create status=201 usec=1\d{6}/],
        ])
            await eventually(() => lines(name).some((line) => line.includes(trace) && what.test(line)), { what: `${name}: ${what}` });
    });

    await t.test('a read that the database holds up for a moment is tried again', async () => {
        let held = true;
        const lock = execute(t.stack, "DO $$ BEGIN LOCK TABLE project.project IN ACCESS EXCLUSIVE MODE; PERFORM pg_sleep(0.3); END $$;").finally(() => (held = false));
        while (held) assert.equal((await t.call('GET', '/projects')).status, 200);
        await lock;
        assert.ok(lines('projectd').some((line) => /event=db_contention query=project_list sqlstate=57014/.test(line)), 'the first try was stopped');
    });

    await t.test('the trace id of a traceparent is the request id, in every log', async () => {
        const id = crypto.randomBytes(16).toString('hex');
        const given = async (headers) => (await t.call('GET', '/projects', { headers })).headers['x-request-id'];
        assert.equal(await given({ traceparent: `00-${id}-00f067aa0ba902b7-01` }), id);
        for (const name of ['gateway-1', 'projectd'])
            await eventually(() => lines(name).some((line) => line.includes(`trace=${id} op=project_list`)), { what: `a line of ${name}` });
        assert.equal(await given({ traceparent: `cc-${id}-00f067aa0ba902b7-01-more` }), id, 'a later version');
        assert.equal(await given({ traceparent: `00-${id}-00f067aa0ba902b7-01`, 'X-Request-Id': 'mine' }), 'mine');
        const zero = (n) => '0'.repeat(n);
        for (const wrong of ['', `00-${id}`, `ff-${id}-00f067aa0ba902b7-01`, `00-${zero(32)}-00f067aa0ba902b7-01`, `00-${id}-${zero(16)}-01`, `00-${id.toUpperCase().replace(/\d/g, 'A')}-00f067aa0ba902b7-01`, `00-${id}-00f067aa0ba902b7-01-more`, `00-${id}-00f067aa0ba902b7-0x`])
            assert.match(await given({ traceparent: wrong }), /^[0-9a-f]{32}$/, wrong);
    });

    await t.test('a chat lasts as long as the model', async () => {
        assert.equal((await t.call('POST', '/chat', { body: { project_id: project, message: 'go' } })).status, 200);
        assert.ok(!lines('gateway-1').some((line) => /event=slow_request op=chat/.test(line)));
    });

    await t.test('the access log', async () => {
        const { id } = await t.as('alice');
        await t.call('GET', '/search?q=unspeakable', { headers: { 'User-Agent': 'say "hi"\\' } });
        const read = (name) => (fs.existsSync(name) ? fs.readFileSync(name, 'utf8').split('\n') : []);
        const wanted = new RegExp(`^127\\.0\\.0\\.1 - ${id} \\[\\d\\d/[A-Z][a-z]{2}/\\d{4}:\\d\\d:\\d\\d:\\d\\d \\+0000\\] "GET /search HTTP/1\\.1" 200 \\d+ "-" "say \\\\x22hi\\\\x22\\\\x5C"$`);
        await eventually(() => read(log).some((line) => wanted.test(line)), { what: 'the line' });
        assert.ok(!read(log).join().includes('unspeakable'));
        fs.renameSync(log, `${log}.1`);
        t.stack.signal('gateway-1', 'SIGHUP');
        await eventually(() => fs.existsSync(log), { what: 'a new file' });
        await t.call('GET', '/projects');
        await eventually(() => read(log).some((line) => / "GET \/projects HTTP\/1\.1" 200 /.test(line)), { what: 'a line in it' });
        for (const name of [log, `${log}.1`]) fs.unlinkSync(name);
    });
}
