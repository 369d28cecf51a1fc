// nginx with TLS in front of two gateways, as deploy/nginx/chatbot.conf says.
import { call, healthy, nginxConf, put, sh, systemctl } from './host.mjs';
import { Load, account } from './load.mjs';

export const front = 'https://127.0.0.1';

export default async function (t) {
    await t.test('nginx and a second gateway', async () => {
        await sh('apt-get install -y nginx-light', { env: { DEBIAN_FRONTEND: 'noninteractive' } });
        await sh(`openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=chat.example.org \\
            -keyout /etc/ssl/private/chat.example.org.key -out /etc/ssl/certs/chat.example.org.pem`);
        put('/etc/nginx/conf.d/chatbot.conf', nginxConf());
        put('/etc/chatbot/conf.d/proxy.conf', 'TRUSTED_PROXIES=127.0.0.1\nGATEWAYS=2\n');
        await sh('rm -f /etc/nginx/sites-enabled/default; nginx -t && systemctl restart nginx');
        await sh('systemctl enable --now chatbot-gateway@2; /usr/share/chatbot/deploy/host-services restart');
        await healthy('http://127.0.0.1:8001');
        await healthy(front);
    });
    await t.test('plain HTTP is sent to TLS; metrics are not given to strangers', async () => {
        const plain = await call('http://127.0.0.1', 'GET', '/health');
        t.equal([plain.status, plain.headers.location], [308, 'https://127.0.0.1/health']);
        t.equal((await call(front, 'GET', '/metrics')).status, 401);
        t.match((await call(front, 'GET', '/health')).headers['strict-transport-security'] ?? '', /max-age/);
    });
    await t.test('limits count clients, not the proxy, and nobody can pretend to be another', async () => {
        await sh('sed -i s/RATE_LIMIT=off/RATE_LIMIT=on/ /etc/chatbot/conf.d/test.conf; /usr/share/chatbot/deploy/host-services restart');
        await healthy(front);
        let guessed = 0; // a guessed account is locked, wherever it is guessed from: each is another
        const login = (from, forged) =>
            sh(`curl -sk -o /dev/null -w '%{http_code}' --interface ${from} -H 'X-Forwarded-For: ${forged}' \\
                -H 'Content-Type: application/json' -d '{"email":"x${guessed++}@example.com","password":"Wrong12345"}' ${front}/users/login`);
        try {
            let last;
            for (let i = 0; i < 25 && last !== '429'; i++) last = await login('127.0.0.2', `10.0.0.${i}`);
            t.equal(last, '429', 'after many tries from one address');
            t.equal(await login('127.0.0.3', '127.0.0.2'), '401', 'from another address');
        } finally {
            await sh('sed -i s/RATE_LIMIT=on/RATE_LIMIT=off/ /etc/chatbot/conf.d/test.conf; /usr/share/chatbot/deploy/host-services restart');
        }
        await healthy(front);
    });
    await t.test('an upload through nginx', async () => {
        const token = await account(front, 'files@example.com');
        const project = (await call(front, 'POST', '/projects', { token, body: { name: 'F' } })).json.id;
        const said = await sh(`head -c 20000000 /dev/zero >/tmp/big; curl -sk -o /dev/null -w '%{http_code}' \\
            -H 'Authorization: Bearer ${token}' -F file=@/tmp/big ${front}/projects/${project}/files`);
        t.equal(said, '201');
    });
    await t.test('a stream through nginx, and again at the other gateway', async () => {
        const token = await account(front, 'stream@example.com');
        const project = (await call(front, 'POST', '/projects', { token, body: { name: 'S' } })).json.id;
        const got = await call(front, 'POST', '/chat', { token, body: { project_id: project, message: 'hello', stream: true } });
        t.match(got.headers['content-type'], /^text\/event-stream/);
        t.match(got.text, /event: accepted[^]*event: delta[^]*event: completed/);
        const turn = /"turn_id":(\d+)/.exec(got.text)[1];
        for (const port of [8000, 8001])
            t.match((await call(`http://127.0.0.1:${port}`, 'GET', `/chat/turns/${turn}/events`, { token })).text, /event: completed/);
    });
    await t.test('each gateway restarts under load: no request fails', async () => {
        const load = await Load.start(front, await account(front, 'load@example.com'));
        for (const unit of ['chatbot-gateway@1', 'chatbot-gateway@2', 'chatbot-gateway@1', 'chatbot-gateway@2']) {
            await systemctl('restart', unit);
            await load.more(60);
        }
        await load.stop();
        t.figures['gateway restarts behind nginx'] = `${load.served} served, ${load.failed.length} failed, slowest ${load.slowest} ms`;
        t.equal(load.wrong(), '');
        t.equal(load.conflicts, 0, 'conflicts');
    });
    await t.test('SIGKILL of gateways under load: sent again, nothing is lost or done twice', async () => {
        const load = await Load.start(front, await account(front, 'load@example.com'));
        for (const number of [1, 2, 1, 2]) {
            await systemctl('kill', '-s KILL', `chatbot-gateway@${number}`);
            await load.more(60);
            await healthy(`http://127.0.0.1:${7999 + number}`); // two that are down at once answer nobody
        }
        await load.stop();
        t.figures['gateway SIGKILLs behind nginx'] = `${load.served} served, ${load.failed.length} failed, ${load.conflicts} answered in_flight`;
        t.equal(load.wrong(), '');
    });
}
