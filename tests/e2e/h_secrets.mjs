// Where secrets are not: in what a program prints of its settings, in command lines, environments of
// others, /metrics, logs, what another process of the same user can read of a daemon, and cores.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { build, top } from '../harness/stack.mjs';

export const stack = { own: true };

const DAEMONS = ['gateway-1', 'authd', 'projectd', 'chatd-1', 'filed'];
const OWN = { authd: ['secret'], 'chatd-1': ['key'], filed: ['key'] }; // what each may know

export default async function (t) {
    const { secret, key } = t.stack;
    const known = { secret, key };
    const none = (text, what, but = []) => {
        for (const [name, value] of Object.entries(known)) if (!but.includes(name)) assert.ok(!text.includes(value), `${what} holds the ${name}`);
        for (const value of [t.client.who?.token, t.client.who?.password]) if (value) assert.ok(!text.includes(value), `${what} holds what a user sent`);
    };
    const proc = (name, file) => fs.readFileSync(`/proc/${t.stack.pid(name)}/${file}`, 'latin1');
    // What somebody sees who is the same user, but has no rights beyond that.
    const peek = (name, file) => {
        const [uid, gid] = ['Uid', 'Gid'].map((id) => /\d+/.exec(new RegExp(`^${id}:.*$`, 'm').exec(proc(name, 'status'))[0])[0]);
        const command = ['--reuid', uid, '--regid', gid, '--clear-groups', '--inh-caps=-all', '--bounding-set=-all', 'head', '-c', '64', `/proc/${t.stack.pid(name)}/${file}`];
        return process.getuid() === 0 ? spawnSync('setpriv', command, { encoding: 'latin1' }) : spawnSync('head', command.slice(-3), { encoding: 'latin1' });
    };

    await t.test('something happens that secrets are used for', async () => {
        await t.as('alice');
        const project = (await t.call('POST', '/projects', { body: { name: 'kept' } })).json.id;
        assert.equal((await t.call('POST', '/chat', { body: { project_id: project, message: 'hi' } })).status, 200);
        assert.equal((await t.upload(`/projects/${project}/files`, 'x')).status, 201);
    });

    await t.test('no command line, and no environment but of those that need it', async () => {
        for (const name of DAEMONS) {
            none(proc(name, 'cmdline'), `${name}'s command line`);
            none(proc(name, 'environ'), `${name}'s environment`, OWN[name]);
        }
        none(proc('postgres', 'cmdline') + proc('postgres', 'environ'), 'postgres');
    });

    await t.test('nobody of the same user looks into a daemon, and none leaves a core', async () => {
        for (const name of DAEMONS) {
            for (const file of ['environ', 'maps', 'mem']) {
                const seen = peek(name, file);
                assert.ok(seen.status !== 0 && seen.stdout === '', `${name}: ${file} can be read`);
            }
            assert.match(proc(name, 'limits'), /^Max core file size +0 +0/m, name);
        }
    });

    await t.test('what programs print of their settings', async () => {
        for (const program of ['gateway', 'authd', 'projectd', 'chatd', 'filed', 'chatbot-admin'])
            for (const option of ['--print-config', '--check-config', '--help']) {
                const env = { PATH: process.env.PATH, ...t.stack.settings };
                const said = spawnSync(path.join(build, program), [option], { encoding: 'utf8', env, cwd: top });
                none(said.stdout + said.stderr, `${program} ${option}`);
            }
    });

    await t.test('/metrics, /health, /openapi.json and the keys that are public', async () => {
        for (const where of ['/metrics', '/health', '/openapi.json', '/.well-known/jwks.json']) {
            const reply = await t.call('GET', where, { token: null });
            none(reply.text, where);
            assert.ok(!reply.text.includes('"d"'), `${where} holds a private key`);
        }
    });

    await t.test('logs, whatever the level; files of secrets are for their owner alone', async () => {
        for (const file of t.stack.logs()) none(fs.readFileSync(file, 'latin1'), file);
        const walk = (dir) => fs.readdirSync(dir, { withFileTypes: true }).flatMap((e) => (e.isDirectory() ? walk(path.join(dir, e.name)) : e.isFile() ? [path.join(dir, e.name)] : []));
        for (const file of walk(t.stack.data).filter((f) => /secret/.test(path.basename(f)))) assert.equal(fs.statSync(file).mode & 0o077, 0, file);
        assert.deepEqual(walk(t.stack.data).filter((f) => /^core(\.\d+)?$/.test(path.basename(f))), []);
    });
}
