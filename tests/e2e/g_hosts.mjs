// The bus between hosts: daemons that reach their gateway over TCP with keys, and whom it refuses.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { socketDirectory } from '../harness/database.mjs';
import { eventually, request } from '../harness/http.mjs';
import { Processes } from '../harness/processes.mjs';
import { freePorts } from '../harness/stack.mjs';

const SERVICES = { authd: 'auth', projectd: 'project', chatd: 'chat', filed: 'file' };

export const stack = { own: true };

export default async function (t) {
    const owner = fs.statSync(path.join(t.stack.data, 'postgres'));
    const far = new Processes(path.join(t.stack.dir, 'far'), owner);
    const [port, busPort] = await freePorts(5);
    const nowhere = path.join(far.dir, 'bus'); // no gateway of this host is found there
    fs.mkdirSync(nowhere);
    fs.chownSync(nowhere, owner.uid, owner.gid);
    const peers = () => Object.entries(SERVICES).map(([program, service]) => `${service}=${far.key(program).public}`).join(' ');
    const gateway = { PORT: port, BUS_DIR: nowhere, GATEWAY_NAME: 'g', BUS_LISTEN: '127.0.0.1', BUS_PORT: busPort, RATE_LIMIT: 'off', BUS_PEERS: peers() };
    const common = { BUS_DIR: path.join(far.dir, 'none'), DATABASE: `host=${socketDirectory(t.stack)} dbname=chatbot`, BUS_GATEWAYS: `127.0.0.1:${busPort}=${far.key('gateway').public}` };
    const provider = { OPENAI_MODEL: 'echo', OPENAI_BASE_URL: t.stack.settings.OPENAI_BASE_URL };
    const own = { authd: {}, projectd: {}, chatd: { ...provider, TITLES: 'off' }, filed: { OPENAI_BASE_URL: provider.OPENAI_BASE_URL, BLOB_DIR: path.join(t.stack.data, 'blobs') } };
    const daemon = (name, program, key) =>
        far.start(name, {
            program,
            settings: { ...common, ...own[program] },
            credentials: { bus_key: far.key(key).secret, secret_key: t.stack.secret, openai_api_key: t.stack.key },
        });
    const metric = async (name) => {
        const text = (await request(port, { path: '/metrics' })).text;
        return Number(new RegExp(`^chatbot_gateway_${name} (\\d+)`, 'm').exec(text)?.[1]);
    };
    const health = async () => (await request(port, { path: '/health' })).json;
    const instances = async (service) => (await health()).services[service].instances;

    try {
        far.start('gateway', { settings: gateway, credentials: { bus_key: far.key('gateway').secret } });
        for (const program of Object.keys(SERVICES)) daemon(program, program, program);
        await eventually(async () => (await health().catch(() => null))?.status === 'healthy', { within: 30000, what: 'a gateway without daemons of its own host is healthy' });

        await t.test('all services serve over TCP: accounts, projects, files, streams', async () => {
            const alice = await t.as('alice'), at = { port, token: alice.token };
            const project = (await t.call('POST', '/projects', { ...at, body: { name: 'far' } })).json.id;
            const file = await t.upload(`/projects/${project}/files`, crypto.randomBytes(300000), { ...at, filename: 'some.bin' });
            assert.equal(file.status, 201, file.text);
            const stream = await t.events('POST', '/chat', { ...at, body: { project_id: project, message: 'over the wire', stream: true } });
            await stream.seen('completed');
            assert.equal(await instances('chat'), 1, 'those of the other gateway are not here');
        });

        await t.test('a session that ends at one gateway ends at the other', async () => {
            await t.as('bob');
            const token = await t.client.login('bob');
            assert.equal((await t.call('GET', '/users/me', { port, token })).status, 200);
            assert.equal((await t.call('POST', '/users/logout', { token })).status, 204);
            await eventually(async () => (await t.call('GET', '/users/me', { port, token })).status === 401, { within: 3000, what: 'it is refused' });
        });

        await t.test('an unknown key is refused, told once and counted', async () => {
            daemon('stranger', 'projectd', 'stranger');
            await far.logged('gateway', /event=bus_key_refused .*service=project why=unknown/);
            await eventually(async () => (await metric('bus_refused_keys_total')) >= 2, { within: 15000, what: 'it tries again' });
            assert.equal(far.said('gateway').match(/event=bus_key_refused/g).length, 1);
            assert.equal(await instances('project'), 1);
        });

        await t.test('who speaks something else at a port of the bus is told once and counted', async () => {
            for (let i = 0; i < 2; i++) await request(busPort + 1, { path: '/' }).catch(() => {});
            await eventually(async () => (await metric('bus_refused_handshakes_total')) >= 2, { within: 15000, what: 'both are counted' });
            const lines = far.said('gateway').match(/event=bus_handshake_failed .*/g);
            for (const line of lines) assert.match(line, /address=(127\.0\.0\.1|-) service=project why=protocol$/); // -: it was gone before one could look
            assert.equal(new Set(lines).size, lines.length, lines.join('\n'));
        });

        await t.test("a key is taken on while the gateway runs, and chatd's lets nobody be authd", async () => {
            const before = await metric('bus_refused_keys_total');
            daemon('thief', 'authd', 'chatd');
            await eventually(async () => (await metric('bus_refused_keys_total')) > before, { within: 15000, what: 'the thief is refused' });
            far.settle('gateway', { ...gateway, BUS_PEERS: `${peers()} project=${far.key('stranger').public}` });
            far.signal('gateway', 'SIGHUP');
            await eventually(async () => (await instances('project')) === 2, { within: 15000, what: 'the stranger is none any more' });
            assert.equal(await instances('auth'), 1);
            far.settle('gateway', gateway);
            far.signal('gateway', 'SIGHUP');
            await eventually(async () => (await instances('project')) === 1, { within: 5000, what: 'its key is taken away' });
        });

        await t.test('TCP without a key is refused with file and line', async () => {
            const one = far.start('keyless', { program: 'chatd', settings: { LOG_LEVEL: 'info', BUS_GATEWAYS: common.BUS_GATEWAYS } });
            assert.equal(await one.ended, 78);
            assert.match(far.said('keyless'), /chatbot\.conf:2: "BUS_GATEWAYS": needs the secret BUS_KEY/);
            const other = far.start('deaf', { program: 'gateway', settings: { BUS_LISTEN: '127.0.0.1', BUS_PEERS: gateway.BUS_PEERS } });
            assert.equal(await other.ended, 78);
            assert.match(far.said('deaf'), /chatbot\.conf:1: "BUS_LISTEN": needs the secret BUS_KEY/);
        });

        await t.test('a gateway that is gone is told of, and found again', async () => {
            await far.stop(['gateway'], 'SIGKILL');
            await far.logged('chatd', /event=bus_gateway gateway=127\.0\.0\.1:\d+ state=lost/);
            far.start('gateway', { settings: gateway, credentials: { bus_key: far.key('gateway').secret } });
            await eventually(async () => (await health().catch(() => null))?.status === 'healthy', { within: 5000, what: 'all are back' });
            await far.logged('chatd', /event=bus_gateway gateway=127\.0\.0\.1:\d+ state=up/);
        });
    } finally {
        await far.stop();
        far.remove();
    }
    await t.test('no log holds a key', () => {
        for (const name of far.all.keys())
            for (const { secret } of far.keys.values()) assert.ok(!far.said(name).includes(secret), `${name} tells a key`);
    });
}
