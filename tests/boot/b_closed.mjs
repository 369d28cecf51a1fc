// What the services may not do: each user against everything that belongs to somebody else, and
// what systemd keeps from each process.
import http from 'node:http';
import { call, eventually, gateway, healthy, put, sh, show } from './host.mjs';
import { units as always } from './a_install.mjs';

const units = [...always, 'chatbot-traced']; // which runs here, as there is a collector

const schemas = { authd: 'auth', projectd: 'project', chatd: 'chat', filed: 'file' };
const daemons = Object.keys(schemas);
const users = [...daemons.map((d) => `chatbot-${d}`), 'chatbot-gateway', 'chatbot-traced', 'nobody'];

// Prints "USER WHAT yes|no" for everything that users try.  The groups are those of the service.
const script = `
PATH=$(echo /usr/lib/postgresql/*/bin):$PATH # psql itself, not Debian's wrapper around it
try() { # WHAT COMMAND...
    what=$1; shift
    if setpriv --reuid=$user --regid=$(id -g $user) $groups --no-new-privs -- "$@" >/dev/null 2>&1; then r=yes; else r=no; fi
    echo "$user $what $r"
}
sql() { try "$1" psql -X -h /run/postgresql -d chatbot -U "$2" -v ON_ERROR_STOP=1 -c "$3"; }
tables=$(setpriv --reuid=postgres --regid=postgres --init-groups psql -XAt -d chatbot -c \\
    "SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname IN ('auth','project','chat','file')")
cd /
for user in ${users.join(' ')}; do
    groups=--clear-groups
    [ $user != chatbot-gateway ] || groups=--groups=$(id -g chatbot-authd),$(id -g chatbot-projectd),$(id -g chatbot-chatd),$(id -g chatbot-filed)
    for role in ${daemons.join(' ')} postgres ${daemons.map((d) => `${d}_owner`).join(' ')}; do
        sql login:$role $role 'SELECT 1'
    done
    own=\${user#chatbot-}
    for table in $tables; do
        sql select:$table $own "SELECT 1 FROM $table LIMIT 1"
    done
    for schema in auth project chat file public; do
        sql create:$schema $own "CREATE TABLE $schema.intruder (x int)"
    done
    sql drop:schema_version $own "DELETE FROM schema_version"
    for service in auth project chat file; do
        try socket:$service perl -MIO::Socket::UNIX -e \\
            'exit !IO::Socket::UNIX->new(Peer => shift)' /run/chatbot/bus/gateway-1/$service/bus
        try bind:$service touch /run/chatbot/bus/gateway-1/$service/other
    done
    try secret cat /etc/chatbot/credentials/secret_key
    try key cat /etc/chatbot/credentials/openai_api_key
    try headers cat /etc/chatbot/credentials/otel_exporter_otlp_headers
    try trace:socket perl -MIO::Socket::UNIX -e \\
        'exit !IO::Socket::UNIX->new(Type => SOCK_DGRAM, Peer => shift)' /run/chatbot/trace/socket
    for unit in authd.service chatd@1.service filed.service traced.service; do
        for c in secret_key openai_api_key otel_exporter_otlp_headers; do
            [ ! -e /run/credentials/chatbot-$unit/$c ] || try credential:$unit:$c cat /run/credentials/chatbot-$unit/$c
        done
    done
    try blobs:read ls /var/lib/chatbot/blobs
    try blobs:write touch /var/lib/chatbot/blobs/intruder
    try conf:write touch /etc/chatbot/conf.d/intruder.conf
    try postgres:files ls /var/lib/postgresql/15/main
    for daemon in gateway traced ${daemons.join(' ')}; do
        for pid in $(pgrep -x $daemon); do try memory:$daemon head -c 1 /proc/$pid/maps; done
    done
    rm -f /var/lib/chatbot/blobs/intruder /run/chatbot/bus/gateway-1/*/other
done
user=root groups=--keep-groups
for daemon in gateway traced ${daemons.join(' ')}; do
    for pid in $(pgrep -x $daemon); do try memory:$daemon head -c 1 /proc/$pid/maps; done
done
`;

// What is rightly allowed, all else is not.
function allowed(user, what) {
    const own = user.replace('chatbot-', '');
    const [kind, of, more] = what.split(':');
    if (kind === 'login') return of === own && daemons.includes(own);
    if (kind === 'select') return of.startsWith(`${schemas[own]}.`);
    if (kind === 'socket') return user === 'chatbot-gateway' || of === schemas[own];
    if (kind === 'bind') return user === 'chatbot-gateway';
    if (kind === 'credential') return of === `${own}.service` || of === `${own}@1.service`;
    if (kind === 'trace') return own === 'traced'; // and who is in its group: the services
    if (kind === 'blobs') return own === 'filed';
    if (kind === 'memory') return user === 'root'; // not even a process' own user: it makes no dumps
    return more === undefined && false;
}

// A collector of traces on the host's loopback; takes what it gets for good.
function collector(port) {
    const taken = { requests: [], spans: [] };
    const server = http.createServer((req, res) => {
        let text = '';
        req.on('data', (chunk) => (text += chunk));
        req.on('end', () => {
            taken.requests.push(req.headers);
            for (const { resource, scopeSpans } of JSON.parse(text).resourceSpans) {
                const by = resource.attributes.find(({ key }) => key === 'service.name').value.stringValue;
                for (const { spans } of scopeSpans) taken.spans.push(...spans.map(({ name, traceId }) => ({ by, name, traceId })));
            }
            res.end('{}');
        });
    });
    return new Promise((done) => server.listen(port, '127.0.0.1', () => done({ ...taken, stop: () => server.close() })));
}

export default async function (t) {
    const traces = await collector(4318);
    await t.test('traced starts with an endpoint, by the lines of INSTALL.md, and hands on the spans of all', async () => {
        await sh(`set -e
            echo 'OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318' >/etc/chatbot/conf.d/traces.conf
            install -m 600 /dev/stdin /etc/chatbot/credentials/otel_exporter_otlp_headers <<<'authorization=Bearer%20boot'
            systemctl restart chatbot.target`);
        await healthy();
        t.equal(await show('chatbot-traced', 'ActiveState'), 'active');
        const id = '0af7651916cd43dd8448eb211c80319c';
        const body = { email: 'first@example.com', password: 'SecurePass123' };
        const token = (await call(gateway, 'POST', '/users/login', { body })).json.access_token;
        t.equal((await call(gateway, 'GET', '/projects', { token, headers: { 'X-Request-Id': id } })).status, 200);
        const seen = (by, name) => traces.spans.some((span) => span.traceId === id && span.by === by && span.name === name);
        for (const [by, name] of [['chatbot-gateway', 'GET /projects'], ['chatbot-projectd', 'project_list'], ['chatbot-authd', 'session_check']])
            await eventually(() => seen(by, name), { what: `span ${name} of ${by}`, seconds: 20 });
        t.equal(traces.requests[0].authorization, 'Bearer boot');
    });
    await t.test('denied-access matrix', async () => {
        put('/root/matrix.sh', script);
        const rows = (await sh('bash /root/matrix.sh')).split('\n').map((line) => line.split(' '));
        const wrong = rows.filter(([user, what, r]) => (r === 'yes') !== allowed(user, what));
        t.figures['denied-access matrix'] = `${rows.filter((r) => r[2] === 'no').length} denied, ` +
            `${rows.filter((r) => r[2] === 'yes').length} allowed as they should`;
        t.equal(wrong, [], 'wrong rows');
        for (const kind of ['login', 'select', 'socket', 'credential', 'memory'])
            if (!rows.some(([, what, r]) => what.startsWith(`${kind}:`) && r === 'yes'))
                throw new Error(`no ${kind} was allowed: the matrix tests nothing`);
        if (rows.length < 300) throw new Error(`only ${rows.length} rows`);
    });
    await t.test('each process: own user, no capabilities, filters on', async () => {
        for (const unit of units) {
            const pid = await show(unit, 'MainPID');
            const status = await sh(`cat /proc/${pid}/status`);
            const user = `chatbot-${unit.replace(/chatbot-|@1/g, '')}`;
            t.equal((await sh(`ps -o user:32= -p ${pid}`)).trim(), user, `${unit}'s user`);
            t.match(status, /CapBnd:\s+0+\nCapAmb:\s+0+\nNoNewPrivs:\s+1\nSeccomp:\s+2/);
            t.match(status, /CapEff:\s+0+\n/);
        }
    });
    await t.test('networks: none for authd and projectd, no way out of the gateway', async () => {
        const ours = await sh('readlink /proc/1/ns/net');
        for (const unit of units) {
            const pid = await show(unit, 'MainPID');
            const apart = (await sh(`readlink /proc/${pid}/ns/net`)) !== ours;
            t.equal(apart, /authd|projectd/.test(unit), `${unit} apart`);
        }
        t.match(await show('chatbot-gateway@1', 'IPAddressDeny'), /0\.0\.0\.0\/0/);
        // what the unit says holds for whoever runs in it
        await sh('ip addr add 192.0.2.1/24 dev lo');
        const dial = (to) => sh(`systemd-run --quiet --wait --pipe -p User=chatbot-gateway -p IPAddressDeny=any -p IPAddressAllow=localhost \\
            timeout 3 bash -c 'exec 3<>/dev/tcp/${to}/5000' 2>&1`, { any: true });
        t.equal((await dial('192.0.2.1')).code, 124, 'no answer: the packets are dropped, exit code');
        t.match((await dial('127.0.0.1')).text, /refused/i);
        await sh('ip addr del 192.0.2.1/24 dev lo');
    });
    await t.test('files: the tree is read-only, homes and keys are hidden', async () => {
        for (const unit of units) {
            const pid = await show(unit, 'MainPID');
            const at = (command) => sh(`nsenter -t ${pid} -m -- ${command}`, { any: true });
            for (const dir of ['/usr', '/etc', '/var/lib'])
                t.match((await at(`touch ${dir}/intruder`)).text, /Read-only/);
            t.equal((await at('ls /etc/chatbot/credentials')).text, '', `${unit}: keys`);
            t.equal((await at('ls -A /root')).text.trim(), '', `${unit}: /root`);
        }
    });
    await t.test('systemd-analyze security of the loaded units is at most 1.5', async () => {
        for (const unit of units) {
            const said = await sh(`systemd-analyze security --no-pager ${unit}.service | tail -n 1`);
            const level = Number(/: ([0-9.]+) /.exec(said)[1]);
            if (!(level <= 1.5)) throw new Error(`${unit}: ${level}`);
            t.figures[`exposure of ${unit}`] = level;
        }
    });
    await t.test('without an endpoint traced is over', async () => {
        await sh('rm /etc/chatbot/conf.d/traces.conf /etc/chatbot/credentials/otel_exporter_otlp_headers; systemctl restart chatbot.target');
        await healthy();
        t.equal(await show('chatbot-traced', 'ActiveState'), 'inactive');
    });
    traces.stop();
}
