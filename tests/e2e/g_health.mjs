// What /health and the operations say while a part is away, and that it is over when it is back.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { execute, socketDirectory } from '../harness/database.mjs';
import { eventually, sleep } from '../harness/http.mjs';

export const stack = { own: true };

export default async function (t) {
    await t.as('alice');
    t.expectLog(/./); // parts are stopped here
    const health = () => t.call('GET', '/health', { token: null });
    const settled = (check, what) => eventually(async () => check(await health()), { within: 30000, what });
    const healthy = () => settled((r) => r.status === 200 && r.json.status === 'healthy', 'healthy again');
    // Meanwhile requests wait for 2 s alone.
    const hurried = async (look) => {
        await t.stack.reload('gateway-1', { REQUEST_WAIT: 2 });
        await look();
        await t.stack.reload('gateway-1', {});
    };
    // Stops a process, looks around, and lets it go on.
    const without = async (name, look) => {
        t.stack.signal(name, 'SIGSTOP');
        try {
            await look();
        } finally {
            t.stack.signal(name, 'SIGCONT');
        }
        await healthy();
    };

    // A database that is away is told within a second; twice that on a busy machine.
    const noticed = async () => {
        const begun = Date.now();
        await settled((r) => r.status === 503 && r.json.status === 'unhealthy' && r.json.database === 'disconnected', 'unhealthy');
        assert.ok(Date.now() - begun < 2000, `noticed after ${Date.now() - begun} ms`);
    };

    for (const [name, service] of [['authd', 'auth'], ['projectd', 'project'], ['chatd-1', 'chat']])
        await t.test(`without ${name} the platform is unhealthy`, () =>
            without(name, async () => {
                await settled((r) => r.status === 503 && r.json.status === 'unhealthy' && r.json.services[service].status === 'down', 'unhealthy');
                assert.equal((await t.call('GET', '/health/live', { token: null })).status, 200);
            }));

    await t.test('without filed it is degraded, and works', () =>
        without('filed', async () => {
            await settled((r) => r.status === 200 && r.json.status === 'degraded' && r.json.services.file.status === 'down', 'degraded');
            assert.equal((await t.call('GET', '/projects')).status, 200);
        }));

    await t.test('a request for a service that is away ends with its deadline', () =>
        without('projectd', async () => {
            await hurried(async () => {
                const begun = Date.now();
                const reply = await t.call('GET', '/projects');
                assert.ok([503, 504].includes(reply.status), reply.text);
                assert.ok(Date.now() - begun < 10000);
            });
            assert.equal((await t.call('GET', '/models')).status, 200);
        }));

    await t.test('a request that can wait is answered when the service is back', async () => {
        t.stack.signal('projectd', 'SIGSTOP');
        const waiting = t.call('GET', '/projects');
        await sleep(500);
        t.stack.signal('projectd', 'SIGCONT');
        assert.equal((await waiting).status, 200);
        await healthy();
    });

    await t.test('without the database it is unhealthy', async () => {
        t.stack.signalFamily('postgres', 'SIGSTOP');
        try {
            await noticed();
            await hurried(async () => {
                const begun = Date.now();
                const reply = await t.call('POST', '/projects', { body: { name: 'meanwhile' } });
                assert.ok([503, 504].includes(reply.status), reply.text);
                assert.ok(Date.now() - begun < 10000);
            });
        } finally {
            t.stack.signalFamily('postgres', 'SIGCONT');
        }
        await healthy();
        assert.equal((await t.call('POST', '/projects', { body: { name: 'after' } })).status, 201);
    });

    await t.test('a database that takes no connections is away, and back as soon as it takes them', async () => {
        const socket = path.join(socketDirectory(t.stack), '.s.PGSQL.5432');
        const ending = execute(t.stack, 'SELECT pg_sleep(0.3); SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename IS NOT NULL AND pid <> pg_backend_pid()');
        await sleep(200);
        fs.renameSync(socket, `${socket}.away`);
        try {
            await ending;
            await noticed();
        } finally {
            fs.renameSync(`${socket}.away`, socket);
        }
        await healthy();
        assert.equal((await t.call('GET', '/projects')).status, 200);
    });
}
