// apt install on a clean Debian gives a running service; the tour of README.md works on it.
import fs from 'node:fs';
import { call, deb, gateway, healthy, install, provider, put, readme, sh, show } from './host.mjs';

export const units = ['chatbot-authd', 'chatbot-projectd', 'chatbot-filed', 'chatbot-chatd@1', 'chatbot-gateway@1'];

export default async function (t) {
    const key = 'sk-boot-0123456789';

    await t.test('apt install gives running services', async () => {
        t.figures['package bytes'] = fs.statSync(deb('this')).size;
        await install(deb('this'));
        const health = await healthy();
        t.equal(health.model, 'missing', 'model: no demo, no key');
        for (const unit of units) t.equal(await show(unit, 'ActiveState'), 'active', unit);
        t.equal(await sh('systemctl is-enabled chatbot.target'), 'enabled');
        t.figures['installed kB'] = await sh("dpkg-query -W -f '${Installed-Size}' chatbot-platform");
    }, { vital: true });
    await t.test('nothing failed, nobody complains', async () => {
        t.equal(await sh('systemctl --failed --plain --no-legend'), '');
        t.equal(await sh("journalctl -q --no-pager -p warning -u 'chatbot*'"), '');
        t.equal(await show('chatbot-traced', 'Result'), 'exec-condition', 'traced, without a collector');
    });
    await t.test('people come by invitation; the first one by the console', async () => {
        const body = { email: 'guest@example.com', password: 'SecurePass123' };
        const register = (more) => call(gateway, 'POST', '/users/register', { body: { ...body, ...more } });
        t.equal((await register({})).status, 403, 'registration without an invitation');
        await sh('echo SecurePass123 | chatbot-admin create-admin root@example.com');
        const root = { email: 'root@example.com', password: 'SecurePass123' };
        t.equal((await call(gateway, 'POST', '/users/login', { body: root })).status, 200, 'the admin logs in');
        const token = (await sh('chatbot-admin invite guest@example.com')).split(/\s+/).find((w) => w.length >= 40);
        t.equal((await register({ invite: token })).status, 201, 'registration with an invitation');
    });
    await t.test('chatbot-admin puts another secret in the place of SECRET_KEY', async () => {
        const before = await sh('cat /etc/chatbot/credentials/secret_key');
        t.match(await sh('chatbot-admin rotate-secret'), /secret_key is another one, and authd runs with it/);
        if ((await sh('cat /etc/chatbot/credentials/secret_key')) === before) throw new Error('it is the same');
        await healthy();
        const root = { email: 'root@example.com', password: 'SecurePass123' };
        t.equal((await call(gateway, 'POST', '/users/login', { body: root })).status, 200);
    });
    await t.test('without a model the chat says what is missing', async () => {
        await sh('echo REGISTRATION=open >/etc/chatbot/conf.d/test.conf; systemctl restart chatbot-authd');
        const body = { email: 'first@example.com', password: 'SecurePass123' };
        t.equal((await call(gateway, 'POST', '/users/register', { body })).status, 201);
        const token = (await call(gateway, 'POST', '/users/login', { body })).json.access_token;
        const project = (await call(gateway, 'POST', '/projects', { token, body: { name: 'P' } })).json.id;
        const chat = await call(gateway, 'POST', '/chat', { token, body: { project_id: project, message: 'hi' } });
        t.equal([chat.status, chat.json.code], [503, 'model_not_configured']);
    });
    await t.test('the model: a credential for the key, a file for the rest', async () => {
        t.stop = provider(key);
        put('/etc/chatbot/credentials/openai_api_key', `${key}\n`);
        await sh('chmod 600 /etc/chatbot/credentials/openai_api_key');
        await sh(`printf '%s\\n' OPENAI_BASE_URL=http://127.0.0.1:18080/v1 OPENAI_MODEL=echo RATE_LIMIT=off >>/etc/chatbot/conf.d/test.conf`);
        await sh('/usr/share/chatbot/deploy/host-services restart');
        t.equal((await healthy()).model, 'configured');
    });
    await t.test('the tour of README.md', async () => {
        const tour = readme().split('## A tour with curl')[1].split('\n## ')[0];
        const script = [...tour.matchAll(/```bash\n([^]*?)```/g)].map((m) => m[1]).join('\n');
        // streams that go on for ever are left after a while
        const curl = 'curl() { timeout 5 curl "$@" || [ $? = 124 ]; }';
        const said = await sh(`${curl}; set -e; cd "$(mktemp -d)"; ${script.replaceAll(/\n\n/g, '\necho\n')}`);
        t.match(said, /"email":"ada@example.com"/);
        t.match(said, /"name":"Pirate"/);
        t.match(said, /"content":"Speak like a pirate\."/);
        t.match(said, /"reply":"[^"]+","conversation_id":/);
        t.match(said, /event: delta[^]*event: completed/);
        t.match(said, /"filename":"map.txt"/);
    });
    await t.test('manual pages and the commented file know every setting', async () => {
        const help = await sh('for p in gateway authd projectd chatd filed traced; do /usr/libexec/chatbot/$p --help; done');
        const names = new Set([...help.matchAll(/^ {2}([A-Z][A-Z_]+)( \*)?$/gm)].map((m) => m[1]));
        const page = await sh('zcat /usr/share/man/man5/chatbot.conf.5.gz');
        const file = await sh('cat /etc/chatbot/chatbot.conf');
        if (names.size < 30) throw new Error(`only ${names.size} settings in --help`);
        for (const name of names) {
            t.match(page, new RegExp(`^\\.B ${name}$`, 'm'));
            if (!['GATEWAY_NUMBER', 'GATEWAY_NAME', 'PEER_USERS'].includes(name))
                t.match(file, new RegExp(`^#?${name}=|credentials/${name.toLowerCase()}`, 'm'));
        }
    });
    await t.test('migrations and roles are there, and doing it again changes nothing', async () => {
        t.equal(await sh('/usr/share/chatbot/deploy/host-database setup'), '');
        const lines = await sh("grep -c 'peer map=chatbot' /etc/postgresql/*/main/pg_hba.conf");
        t.equal(lines, '1', 'lines in pg_hba.conf');
        t.equal(await sh("stat -c '%U %a' /etc/postgresql/*/main/pg_hba.conf"), 'postgres 640');
    });
}
