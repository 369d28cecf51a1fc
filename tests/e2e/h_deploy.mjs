// deploy/up and deploy/down as a person meets them: the demo, restarts, mistakes.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { eventually } from '../harness/http.mjs';
import { build, top } from '../harness/stack.mjs';

export const stack = { demo: true, own: true };

export default async function (t) {
    const run = (program, ...args) =>
        spawnSync(path.join(top, 'deploy', program), args, {
            encoding: 'utf8',
            timeout: 90000,
            env: { PATH: process.env.PATH, HOME: process.env.HOME, BUILD_DIR: build, CHATBOT_ENV_FILE: path.join(t.stack.dir, 'env') },
        });

    await t.test('without a key the demo model answers, and shows the prompt that it got', async () => {
        await t.as('alice');
        assert.equal((await t.call('GET', '/health')).json.model, 'demo');
        const project = (await t.call('POST', '/projects', { body: { name: 'Bot' } })).json.id;
        await t.call('POST', `/projects/${project}/prompts`, { body: { name: 'Tone', content: 'Answer like a pirate.' } });
        const reply = await t.call('POST', '/chat', { body: { project_id: project, message: 'Ahoy!' } });
        assert.equal(reply.status, 200, reply.text);
        assert.match(reply.json.reply, /Answer like a pirate\./);
        assert.match(reply.json.reply, /Ahoy!/);
    });

    await t.test('a second instance on the same data is refused', async () => {
        const second = run('up', '--data', t.stack.data, '--port', String(t.stack.port + 1));
        assert.equal(second.status, 5, second.stderr);
    });

    await t.test('a taken port is refused', async () => {
        const server = net.createServer();
        await new Promise((done) => server.listen(0, '127.0.0.1', done));
        const taken = run('up', '--data', path.join(t.stack.dir, 'other'), '--port', String(server.address().port));
        server.close();
        assert.equal(taken.status, 4, taken.stderr);
    });

    await t.test('wrong arguments are refused', async () => {
        for (const args of [['--port', 'x'], ['--port', '0'], ['--port', '70000'], ['--nonsense'], ['--chatd', '0'], ['--data'], ['extra']])
            assert.equal(run('up', ...args).status, 2, args.join(' '));
        assert.equal(run('up', '--help').status, 0);
        assert.equal(run('down', '--help').status, 0);
        assert.equal(run('down', '--nonsense').status, 2);
    });

    await t.test('the data are there after a restart', async () => {
        const { token } = await t.as('alice');
        const before = (await t.call('GET', '/projects')).text;
        await t.stack.down();
        await t.stack.up();
        assert.equal((await t.call('GET', '/projects', { token })).text, before);
    });

    await t.test('a plain user has one, and looks after it', async () => {
        const dir = path.join(t.stack.dir, 'plain');
        const id = (which) => Number(spawnSync('id', [which, 'chatbot-dev'], { encoding: 'utf8' }).stdout);
        const who = process.getuid() === 0 ? { uid: id('-u'), gid: id('-g') } : {};
        fs.mkdirSync(dir);
        if (who.uid) fs.chownSync(dir, who.uid, who.gid);
        const own = (program, ...args) =>
            spawnSync(path.join(top, 'deploy', program), ['--data', path.join(dir, 'data'), ...args], {
                ...who, cwd: dir, encoding: 'utf8', timeout: 90000, env: { PATH: process.env.PATH, BUILD_DIR: build, CHATBOT_ENV_FILE: path.join(dir, 'none') },
            });
        try {
            const up = own('up', '--port', String(t.stack.port + 9), '--detach');
            assert.equal(up.status, 0, up.stdout + up.stderr);
            const rotated = own('chatbot-admin', 'rotate-secret');
            assert.deepEqual([rotated.status, rotated.stderr], [0, '']);
            await eventually(() => /^auth +1/m.test(own('chatbot-admin', 'status').stdout), { within: 20000, what: 'authd is back' });
            const said = own('chatbot-admin', 'doctor', '--json');
            assert.equal(said.stderr, '');
            const { bad, findings } = JSON.parse(said.stdout);
            assert.equal(bad, 0, JSON.stringify(findings.filter((f) => f.level === 'bad')));
        } finally {
            assert.equal(own('down').status, 0);
        }
    });

    await t.test('detached, a second one beside it, and down again', async () => {
        const data = path.join(t.stack.dir, 'second');
        const port = String(t.stack.port + 7);
        const up = run('up', '--data', data, '--port', port, '--detach');
        assert.equal(up.status, 0, up.stdout + up.stderr);
        assert.match(up.stdout.trim().split('\n').pop(), new RegExp(`^ready: http://127\\.0\\.0\\.1:${port}$`));
        assert.equal((await t.call('GET', '/health/live', { port: Number(port) })).status, 200);
        assert.equal((await t.call('GET', '/projects')).status, 200);
        assert.equal(run('down', '--data', data).status, 0);
        await assert.rejects(t.call('GET', '/health/live', { port: Number(port) }));
        assert.equal(run('down', '--data', data).status, 0, 'down again');
        assert.equal((await t.call('GET', '/health/live')).status, 200);
    });
}
