// What whoever keeps a host does with chatbot-admin, and what that says when things have gone wrong.
import { execFileSync } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { call, copy, cursor, eventually, gateway, healthy, journal, out, put, sh, systemctl } from './host.mjs';
import { account } from './load.mjs';

const extra = '/etc/chatbot/conf.d/zz.conf';
const provider = 'http://127.0.0.1:18080';

// `doctor --json` with what it found: {code, bad, findings}.
async function doctor() {
    const { code, text } = await sh('chatbot-admin doctor --json 2>/dev/null', { any: true });
    return { code, ...JSON.parse(text) };
}

// A password as the platform before this one kept it.
function passlib(password) {
    const ab64 = (bytes) => bytes.toString('base64').replaceAll('=', '').replaceAll('+', '.');
    const salt = crypto.randomBytes(16);
    return `$pbkdf2-sha256$2000$${ab64(salt)}$${ab64(crypto.pbkdf2Sync(password, salt, 2000, 32, 'sha256'))}`;
}

export default async function (t) {
    const body = { email: 'operator@example.com', password: 'SecurePass123' };
    const token = await account(gateway, body.email);
    const project = async (name, more) => (await call(gateway, 'POST', '/projects', { token, body: { name, ...more } })).json.id;
    const found = (findings, level, check, text, remedy) => {
        const one = findings.find((f) => f.level === level && f.check === check && text.test(f.text) && remedy.test(f.remedy));
        if (!one) throw new Error(`no ${level} ${check} ${text} ${remedy}: ${JSON.stringify(findings.filter((f) => f.level !== 'ok'), null, 1)}`);
    };

    await t.test('doctor looks at everything and finds nothing wrong', async () => {
        const { findings } = await doctor();
        const about = new Set(findings.map((f) => f.check));
        for (const check of ['unit', 'settings', 'modes', 'health', 'service', 'cors', 'secret', 'files_directory', 'files_disk', 'model_reachable', 'model_key', 'database_version', 'clock', 'migrations', 'roles', 'rights', 'durability', 'connections', 'locks', 'outbox', 'mail', 'queue', 'admins'])
            if (!about.has(check)) throw new Error(`nothing about ${check}`);
        // nobody sets this machine's clock
        t.equal(findings.filter((f) => f.level !== 'ok' && f.check !== 'clock_kept'), []);
    });
    await t.test('status tells each service', async () => {
        const { services, turns } = JSON.parse(await sh('chatbot-admin status --json'));
        for (const name of ['auth', 'project', 'chat', 'file']) t.equal(services[name].instances, 1, name);
        t.equal([turns.running, turns.queued], [0, 0]);
        t.match(await sh('chatbot-admin status'), /^service +instances[^]*^turns: 0 of 64 run/m);
    });
    await t.test('migrate says that all is up to date', async () => {
        t.equal(JSON.parse(await sh('chatbot-admin migrate --json')), { applied: 0 });
        t.equal(await sh('chatbot-admin migrate'), 'all is up to date');
    });
    await t.test('backup while it runs, restore in its place', async () => {
        const kept = await project('Kept');
        await sh(`head -c 300000 /dev/urandom >/root/content; curl -sf -H 'Authorization: Bearer ${token}' -F file=@/root/content ${gateway}/projects/${kept}/files`);
        await sh('mkdir -p /var/backups');
        const made = JSON.parse(await sh('cd /root; chatbot-admin backup /var/backups --json'));
        t.equal(await sh(`stat -c '%a %U %s' ${made.archive}`), `600 root ${made.bytes}`);
        const { id } = (await call(gateway, 'POST', '/projects', { token, body: { name: 'After' } })).json;
        t.match((await sh(`chatbot-admin restore ${made.archive}`, { any: true })).text, /the services run: .*host-services stop/);
        await sh('/usr/share/chatbot/deploy/host-services stop');
        t.match(await sh(`chatbot-admin restore ${made.archive}`), /restored; systemctl start chatbot\.target/);
        await systemctl('start', 'chatbot.target');
        await healthy();
        t.equal((await call(gateway, 'POST', '/users/login', { body })).status, 200);
        t.equal((await call(gateway, 'GET', `/projects/${id}`, { token })).status, 404);
        const [file] = (await call(gateway, 'GET', `/projects/${kept}/files`, { token })).json;
        await sh(`curl -sf -H 'Authorization: Bearer ${token}' ${gateway}/projects/files/${file.id}/content | cmp - /root/content`);
        t.equal((await doctor()).findings.filter((f) => f.level === 'bad'), []);
        t.equal(JSON.parse(await sh('chatbot-admin backup /var/backups --json')).keys, made.keys, 'those from before are not taken along');
        t.equal(await sh(`stat -c '%U %a' /var/lib/chatbot/blobs /etc/chatbot/credentials/secret_key | sort -u`), 'chatbot-filed 700\nroot 600');
    });
    await t.test('rotate-secret where secret_key is encrypted, and where it was broken off', async () => {
        const dropin = '/etc/systemd/system/chatbot-authd.service.d';
        await sh(`cd /etc/chatbot/credentials && cp secret_key /root
            systemd-creds setup 2>/dev/null
            systemd-creds encrypt --name=secret_key secret_key secret_key.cred`);
        t.match((await sh('chatbot-admin rotate-secret', { any: true })).text, /there has to be one of/);
        await sh(`cd /etc/chatbot/credentials && rm secret_key && mkdir -p ${dropin}
            printf '%s\\n' '[Service]' LoadCredentialEncrypted=secret_key:$PWD/secret_key.cred >${dropin}/key.conf
            systemctl daemon-reload && cp secret_key.cred /root && systemctl restart chatbot-authd`);
        t.match(await sh('chatbot-admin rotate-secret'), /secret_key\.cred is another one/);
        await sh(`cd /etc/chatbot/credentials && systemd-creds decrypt --name=secret_key secret_key.cred secret_key.next
            chmod 600 secret_key.next; mv /root/secret_key.cred .`);
        found((await doctor()).findings, 'bad', 'secret', /broken off/, /rotate-secret/);
        t.equal(JSON.parse(await sh('chatbot-admin rotate-secret --json 2>/dev/null')), { done: true });
        await sh(`cd /etc/chatbot/credentials && systemd-creds decrypt --name=secret_key secret_key.cred secret_key
            chmod 600 secret_key; cmp -s secret_key /root/secret_key && exit 1
            rm -r secret_key.cred /root/secret_key ${dropin}; systemctl daemon-reload; systemctl restart chatbot-authd`);
        await healthy();
        t.equal((await call(gateway, 'POST', '/users/login', { body })).status, 200);
        t.equal((await doctor()).findings.filter((f) => f.level === 'bad'), []);
    });
    await t.test('drain hands a turn that runs over to another process', async () => {
        const slow = await project('Slow', { model: 'hold-5+deltas=10' });
        const held = async () => (await call(provider, 'GET', '/_/stats')).json.held;
        const said = call(gateway, 'POST', '/chat', { token, body: { project_id: slow, message: 'hello', stream: true } });
        await eventually(async () => (await held()) === 1, { what: 'a turn runs' });
        await systemctl('start', 'chatbot-chatd@2');
        t.equal(await sh('chatbot-admin drain chatd@1'), 'chatd@1 has ended');
        await eventually(async () => (await held()) === 1, { what: 'the turn runs again' });
        await call(provider, 'POST', '/_/release', { body: {} });
        t.match((await said).text, /event: restarted[^]*event: completed/);
        await systemctl('start', 'chatbot-chatd@1');
        t.equal(JSON.parse(await sh('chatbot-admin drain chatd@2 --json')), { drained: 'chatd@2' });
        t.match((await sh('chatbot-admin drain chatd@2', { any: true })).text, /no process chatd@2; they are: .*filed.* chatd@1 gateway@1/);
        await healthy();
    });
    await t.test('import-seed: a file that root alone can reach, and standard input', async () => {
        const seed = path.join(out, 'seed.db');
        fs.rmSync(seed, { force: true });
        execFileSync('sqlite3', ['-batch', '-bail', seed], { input: `
            CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, hashed_password TEXT);
            CREATE TABLE projects (id INTEGER PRIMARY KEY, name TEXT, user_id INTEGER);
            CREATE TABLE prompts (id INTEGER PRIMARY KEY, name TEXT, content TEXT, project_id INTEGER);
            INSERT INTO users VALUES (1, 'before@example.com', '${passlib(body.password)}');
            INSERT INTO projects VALUES (1, 'Old', 1); INSERT INTO prompts VALUES (1, 'System', 'Speak slowly.', 1);` });
        await sh('mkdir -m 700 /root/old');
        copy(seed, '/root/old/app.db');
        await sh('chmod 600 /root/old/app.db');
        t.match(await sh('cd /root/old; chatbot-admin import-seed app.db --dry-run'), /^projects: 1 would be taken/m);
        t.match(await sh('cd /root/old; chatbot-admin import-seed app.db'), /^projects: 1 taken, 0 there already, 0 skipped$/m);
        t.match(await sh('chatbot-admin import-seed - </root/old/app.db'), /^projects: 0 taken, 1 there already, 0 skipped$/m);
        const token = (await call(gateway, 'POST', '/users/login', { body: { email: 'before@example.com', password: body.password } })).json.access_token;
        t.equal((await call(gateway, 'GET', '/projects', { token })).json.map((p) => p.name), ['Old']);
        t.equal(await sh('ls /run /var/tmp | grep -c ^chatbot-[ps]e || :'), '0', 'what was written in between');
    });
    await t.test('import-account: an archive that was made here, into another account', async () => {
        const made = (await call(gateway, 'POST', '/users/me/exports', { token })).json.id;
        const state = async () => (await call(gateway, 'GET', `/users/me/exports/${made}`, { token })).json.state;
        await eventually(async () => (await state()) === 'ready', { what: 'the archive' });
        await sh(`DEBIAN_FRONTEND=noninteractive apt-get install -qy jq
            curl -sf -H 'Authorization: Bearer ${token}' -o /root/old/own.tar ${gateway}/users/me/exports/${made}/content`);
        const other = await account(gateway, 'other@example.com');
        const names = async (of) => (await call(gateway, 'GET', '/projects', { token: of })).json.map((p) => p.name);
        const into = () => sh('/usr/share/chatbot/deploy/import-account /root/old/own.tar', { env: { TOKEN: other } });
        t.match(await into(), /^[1-9]\d* projects, 1 files, 1 conversations; [1-9]\d* of them were new$/);
        t.equal(await names(other), await names(token));
        t.match(await into(), /; 0 of them were new$/);
    });
    await t.test('the access log, turned over', async () => {
        put(extra, 'ACCESS_LOG=/var/log/chatbot/access.log\n');
        await systemctl('restart', 'chatbot-gateway@1');
        await healthy();
        await call(gateway, 'GET', '/health?first');
        t.match(await sh('cat /var/log/chatbot/access.log'), /"GET \/health HTTP\/1.1" 200/);
        t.equal(await sh("stat -c '%U %a' /var/log/chatbot /var/log/chatbot/access.log"), 'chatbot-gateway 750\nchatbot-gateway 600');
        await sh('logrotate -f /etc/logrotate.d/chatbot-platform');
        await eventually(async () => {
            await call(gateway, 'GET', '/docs');
            return /"GET \/docs /.test(await sh('cat /var/log/chatbot/access.log'));
        }, { what: 'a new log', seconds: 10 });
        t.match(await sh('cat /var/log/chatbot/access.log.1'), /"GET \/health /);
        await sh(`rm ${extra} /var/log/chatbot/*`);
        await systemctl('restart', 'chatbot-gateway@1');
        await healthy();
    });
    await t.test('a service that is stopped: doctor says which, and how it comes back', async () => {
        await systemctl('stop', 'chatbot-projectd');
        const { code, findings } = await doctor();
        t.equal(code, 3);
        found(findings, 'bad', 'unit', /chatbot-projectd\.service is inactive/, /systemctl start chatbot\.target/);
        found(findings, 'bad', 'service', /project: down/, /journalctl/);
        await systemctl('start', 'chatbot.target');
        await healthy();
    });
    await t.test('PostgreSQL is away: doctor says so, and all comes back by itself', async () => {
        const since = await cursor();
        await systemctl('stop', 'postgresql');
        await eventually(async () => (await call(gateway, 'GET', '/health')).json.database === 'disconnected', { what: 'it is seen' });
        const begun = Date.now();
        const { code, findings } = await doctor();
        if (Date.now() - begun > 20000) throw new Error(`doctor took ${Date.now() - begun} ms`);
        t.equal(code, 3);
        found(findings, 'bad', 'database', /./, /systemctl start postgresql/);
        t.match(await sh('chatbot-admin status'), /^service +instances/m);
        await systemctl('start', 'postgresql');
        await healthy();
        for (let i = 0; i < 12; i++) t.equal((await call(gateway, 'POST', '/users/login', { body })).status, 200);
        const said = await journal(since, '-u chatbot-projectd -o cat');
        if ((said.match(/event=db_connect/g) ?? []).length > 5) throw new Error(`the journal is flooded: ${said}`);
        t.match(said, /event=db_back away_ms=/);
    });
    await t.test('a full disk: uploads are refused, doctor says where, the rest goes on', async () => {
        const full = await project('Full');
        const upload = () => sh(`curl -s -o /dev/null -w '%{http_code}' -H 'Authorization: Bearer ${token}' -F file=@/root/content ${gateway}/projects/${full}/files`);
        await systemctl('stop', 'chatbot-filed');
        await sh('mount -t tmpfs -o size=600m,mode=700,uid=chatbot-filed,gid=chatbot-filed tmpfs /var/lib/chatbot/blobs; head -c 100m /dev/zero >/var/lib/chatbot/blobs/filler');
        await systemctl('start', 'chatbot-filed');
        await healthy();
        t.equal(await upload(), '507');
        found((await doctor()).findings, 'bad', 'files_disk', /./, /room/);
        t.equal((await call(gateway, 'POST', '/chat', { token, body: { project_id: full, message: 'hi' } })).status, 200);
        await sh('rm /var/lib/chatbot/blobs/filler');
        t.equal(await upload(), '201');
        await systemctl('stop', 'chatbot-filed');
        await sh('umount /var/lib/chatbot/blobs');
        await systemctl('start', 'chatbot-filed');
        await healthy();
    });
}
