// Two booted hosts: everything and the database on the first one, chatd alone on the second one, which
// is installed by the lines of deploy/SCALING.md.  They reach each other over TCP, with keys and TLS.
import { execFileSync } from 'node:child_process';
import { Network } from '../multihost/network.mjs';
import { call, deb, eventually, Host, provider, scaling, tool } from './host.mjs';
import { t } from './report.mjs';

const KEY = 'sk-boot-0123456789', PASSWORD = 'over-the-wire-1';
const network = new Network();
const booted = [];
let stopProvider = () => {};

function boot(which) {
    const name = `${process.env.BOOT_NAMES}-${which}`;
    execFileSync(tool, ['up', name, process.env.BOOT_ROOT, network.hosts.get(which).space], { stdio: 'inherit' });
    booted.push(name);
    return new Host(name);
}

// A block of the document with our addresses, keys and passwords in it.
function block(heading, { keys = [], addresses }) {
    const text = /```bash\n([^]*?)```/.exec(scaling().split(`\n### ${heading}\n`)[1])[1];
    return ours(text, { keys, addresses });
}

// The document's first gateway and its databases are our first host; it has no second gateway.
function ours(text, { keys, addresses: [a, , net] }) {
    const left = [...keys];
    return text
        .replaceAll('10.0.0.7,10.0.0.8', a)
        .replaceAll(' 10.0.0.2:8100=KEY', '')
        .replaceAll('10.0.0.1:', `${a}:`)
        .replaceAll('10.0.0.0/24', `${net}.0/24`)
        .replaceAll(/\bKEY\b/g, () => left.shift())
        .replaceAll('PASSWORD', PASSWORD)
        .replaceAll('sk-...', KEY);
}

const key = (text) => /\b[0-9a-f]{64}\b/.exec(text)[0];

async function play() {
    network.open(['first', 'second']);
    const [a, b] = [network.address('first'), network.address('second')];
    const addresses = [a, b, network.net];
    const base = `http://${a}:8000`;
    const health = async () => (await call(base, 'GET', '/health', { timeout: 3000 })).json;
    const chatds = async (n) => eventually(async () => {
        const { status, services } = await health();
        return status === 'healthy' && services.chat.instances === n;
    }, { what: `${n} chatd` });
    let first, second, token, project;
    const chat = (message, id) => call(base, 'POST', '/chat', { token, headers: { 'X-Request-Id': id }, body: { project_id: project, message } });

    await t.test('two hosts boot', () => {
        first = boot('first');
        second = boot('second');
    }, { vital: true });
    await t.test('the first one: the package, a gateway that other hosts may reach, a database with TLS', async () => {
        await first.install(deb('this'));
        stopProvider = provider(KEY, { listen: a, enter: network.enter('first') });
        first.put('/etc/chatbot/conf.d/test.conf', `OPENAI_BASE_URL=http://${a}:18080/v1\nOPENAI_MODEL=echo\nREGISTRATION=open\nRATE_LIMIT=off\nLISTEN=${a}\nTRUSTED_PROXIES=${network.here}\n`);
        await first.sh(`install -m 600 /dev/stdin /etc/chatbot/credentials/openai_api_key <<<'${KEY}'`);
        const at = '/etc/postgresql/15/main';
        await first.sh(`cd ${at} && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=first -addext subjectAltName=IP:${a} -keyout own.key -out own.crt && chown postgres own.key own.crt`);
        first.put(`${at}/conf.d/hosts.conf`, `listen_addresses = 'localhost,${a}'\nssl = on\nssl_cert_file = '${at}/own.crt'\nssl_key_file = '${at}/own.key'\n`);
        await first.sh(`echo '${ours('hostssl chatbot authd,projectd,chatd,filed 10.0.0.0/24 scram-sha-256', { keys: [], addresses })}' >>${at}/pg_hba.conf`);
        await first.sh(`systemctl restart postgresql; runuser -u postgres -- psql chatbot -c "ALTER ROLE chatd PASSWORD '${PASSWORD}'"`);
    }, { vital: true });
    await t.test('the second one: chatd alone, by the lines of SCALING.md', async () => {
        const gateway = key(await first.sh('chatbot-admin keygen --bus /etc/chatbot/credentials/bus_key_chatbot-gateway-1'));
        second.copy(deb('this'), '/root/chatbot-platform_0_amd64.deb');
        second.put('/etc/apt/apt.conf.d/99yes', 'APT::Get::Assume-Yes "true";\n');
        await second.sh('mkdir -p /etc/chatbot/conf.d');
        second.put('/etc/chatbot/db.crt', await first.sh('cat /etc/postgresql/15/main/own.crt'));
        second.put('/etc/chatbot/conf.d/test.conf', `OPENAI_BASE_URL=http://${a}:18080/v1\nOPENAI_MODEL=echo\n`);
        const lines = block('Another host from the same package', { keys: [gateway], addresses })
            .replace('target_session_attrs=read-write', '$& sslmode=verify-full sslrootcert=/etc/chatbot/db.crt')
            .replace('systemctl daemon-reload', `sed -i 's|10.0.0.0/24|${network.net}.0/24|' /etc/systemd/system/chatbot-chatd@.service.d/hosts.conf\n$&`);
        const said = await second.sh(`set -e; cd /root\n${lines}`, { env: { DEBIAN_FRONTEND: 'noninteractive' } });
        const chatd = key(await second.sh('chatbot-admin keygen --bus /etc/chatbot/credentials/bus_key_chatbot-chatd'));
        t.match(said, new RegExp(chatd));
        const listen = `BUS_LISTEN=${a}\nBUS_PEERS="chat=${chatd}"\n`;
        first.put('/etc/chatbot/conf.d/hosts.conf', listen);
        await first.sh(`install -D -m 644 /usr/share/doc/chatbot-platform/examples/gateway-hosts.conf /etc/systemd/system/chatbot-gateway@.service.d/hosts.conf
            sed -i 's|10.0.0.0/24|${network.net}.0/24|' /etc/systemd/system/chatbot-gateway@.service.d/hosts.conf
            systemctl daemon-reload && /usr/share/chatbot/deploy/host-services restart`);
        await chatds(2);
        const units = await second.sh("systemctl list-units --plain --no-legend 'chatbot-*' | awk '$3 == \"active\" {print $1}'");
        t.equal(units.split('\n').filter((unit) => unit.endsWith('.service')), ['chatbot-chatd@1.service']);
        t.equal(await second.sh("journalctl -q --no-pager -p warning -o cat -u 'chatbot-chatd@1' | grep -v bus_gateway || :"), '');
    }, { vital: true });
    await t.test('the second one answers alone, and one id tells the story on both', async () => {
        await first.sh('systemctl stop chatbot-chatd@1');
        await chatds(1);
        const body = { email: 'ada@example.com', password: 'SecurePass123' };
        t.equal((await call(base, 'POST', '/users/register', { body })).status, 201);
        token = (await call(base, 'POST', '/users/login', { body })).json.access_token;
        project = (await call(base, 'POST', '/projects', { token, body: { name: 'far' } })).json.id;
        const reply = await chat('from afar', 'story-1');
        t.equal([reply.status, reply.json.reply], [200, 'from afar']);
        const story = (host) => host.sh("journalctl --sync; journalctl -q --no-pager -o cat -u 'chatbot-*' -g trace=story-1");
        t.match(await story(second), /svc=chatd trace=story-1 op=chat_create [^]*event=turn_end .*state=completed/);
        t.match(await story(first), /svc=gateway trace=story-1 op=chat_create/);
        t.match(await story(first), /svc=authd trace=story-1 op=session_check|svc=projectd trace=story-1 op=project_context/);
        const ssl = await first.sh(`runuser -u postgres -- psql chatbot -XAtc "SELECT DISTINCT s.ssl FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid) WHERE a.client_addr = '${b}'"`);
        t.equal(ssl, 't', 'TLS to the database');
    });
    await t.test('doctor there looks at what that host is to run, and no further', async () => {
        const look = async () => JSON.parse((await second.sh('chatbot-admin doctor --json 2>/dev/null', { any: true })).text).findings;
        const wrong = async () => (await look()).filter((f) => f.level !== 'ok' && f.check !== 'clock_kept').map((f) => `${f.level} ${f.check} ${f.text}`);
        const fine = await look();
        t.equal(fine.filter((f) => f.level !== 'ok' && f.check !== 'clock_kept'), []);
        t.equal(fine.filter((f) => f.check === 'unit' && /is masked: not for this host/.test(f.text)).length, 4);
        const about = new Set(fine.map((f) => f.check));
        for (const check of ['clock', 'clock_kept', 'database_reach', 'model_key', 'bus_gateway', 'settings', 'modes']) t.equal([check, about.has(check)], [check, true]);
        for (const check of ['port', 'health', 'files_directory', 'secret', 'database', 'migrations']) t.equal([check, about.has(check)], [check, false]);
        await second.sh('systemctl stop chatbot-chatd@1; mv /etc/chatbot/pgpass/chatbot-chatd /root');
        t.equal(await wrong(), ['bad unit chatbot-chatd@1.service is inactive', 'bad database_reach chatd does not get to the database on another host']);
        await second.sh('mv /root/chatbot-chatd /etc/chatbot/pgpass; systemctl mask --runtime chatbot-chatd@1');
        t.equal(await wrong(), ['bad unit every unit is masked: this host runs nothing']);
        await second.sh('systemctl unmask --runtime chatbot-chatd@1; systemctl start chatbot-chatd@1');
        await chatds(1);
    });
    await t.test('its cable is pulled: the first one takes its turn over; it comes back by itself', async () => {
        await call(base, 'PUT', `/projects/${project}`, { token, body: { model: 'hold-3' } });
        const waiting = chat('long', 'story-2');
        const told = async (host, pattern) => pattern.test((await host.sh("journalctl --sync; journalctl -q -o cat -u 'chatbot-chatd@1' -g trace=story-2", { any: true })).text);
        await eventually(() => told(second, /op=chat_create/), { what: 'it runs there' });
        await first.sh('systemctl start chatbot-chatd@1');
        await chatds(2);
        network.cut('second');
        await eventually(() => told(first, /event=claim turn=\d+ attempt=2/), { what: 'the first one takes it over' });
        const released = async () => (await call(`http://${a}:18080`, 'POST', '/_/release', { body: {} })).status;
        const going = setInterval(() => released().catch(() => {}), 500);
        try {
            t.equal((await waiting).status, 200, 'the answer');
        } finally {
            clearInterval(going);
        }
        network.mend('second');
        await chatds(2);
    });
}

async function end() {
    stopProvider();
    for (const name of booted) execFileSync(tool, ['down', name], { stdio: 'inherit' });
    await network.close();
}

for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => end().finally(() => process.exit(1)));
try {
    await play();
} catch (e) {
    t.failed++;
    console.log(`FAIL ${e.stack}`);
}
if (t.failed)
    for (const name of booted)
        console.log(`${name}:\n${(await new Host(name).sh("journalctl --no-pager -n 60 -o short-monotonic -u 'chatbot-*'", { any: true })).text}`);
await end();
for (const [name, value] of Object.entries(t.figures)) console.log(`figure ${name}: ${value}`);
console.log(`${t.passed} passed, ${t.failed} failed`);
process.exit(t.failed ? 1 : 0);
