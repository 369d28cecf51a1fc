// The platform over several hosts: an edge with TLS, two gateways, daemons twice, and PostgreSQL with a
// synchronous replica.  To the crowd of tests/chaos it is a stack like others.
import crypto from 'node:crypto';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import tls from 'node:tls';
import { execute, select } from '../harness/database.mjs';
import { eventually, request } from '../harness/http.mjs';
import { Processes } from '../harness/processes.mjs';
import { startProxy } from '../harness/proxy.mjs';
import { begin, build, clusterCopy } from '../harness/stack.mjs';
import { Network } from './network.mjs';

// What runs where.  filed is one process for one directory of contents.
export const HOSTS = {
    edge: [],
    gateway1: ['gateway-1'],
    gateway2: ['gateway-2'],
    core1: ['authd-1', 'projectd-1', 'filed'],
    core2: ['authd-2', 'projectd-2'],
    chat1: ['chatd-1'],
    chat2: ['chatd-2'],
    db1: ['postgres-1'],
    db2: ['postgres-2'],
};
const SERVICES = { authd: 'auth', projectd: 'project', chatd: 'chat', filed: 'file' };
const ROLES = Object.keys(SERVICES);
export const programOf = (name) => name.replace(/-\d+$/, '');
const BUS_PORT = 8100;
const PORT = 8000;

export class Platform {
    // edge: which proxy stands in front.
    static async start({ edge, settings = {} }) {
        const platform = new Platform();
        try {
            await platform.#start(edge, settings);
            return platform;
        } catch (e) {
            await platform.stop();
            throw e;
        }
    }

    async #start(edge, settings) {
        this.dir = fs.mkdtempSync(path.join(os.tmpdir(), 'chatbot-hosts-'));
        fs.chmodSync(this.dir, 0o755);
        this.data = path.join(this.dir, 'data');
        await clusterCopy(this.data);
        this.owner = fs.statSync(path.join(this.data, 'postgres'));
        this.network = new Network();
        this.network.open(Object.keys(HOSTS));
        this.processes = new Processes(path.join(this.dir, 'hosts'), this.owner);
        this.secret = crypto.randomBytes(24).toString('hex');
        this.password = crypto.randomBytes(12).toString('hex');
        this.settings = settings;
        await this.#provider();
        await this.#databases();
        for (const name of this.#names()) if (programOf(name) !== 'postgres') this.#begin(name);
        const behind = ['gateway1', 'gateway2'].map((host) => `${this.network.address(host)}:${PORT}`);
        this.edge = await startProxy(edge, behind, { host: this.network.address('edge'), enter: this.network.enter('edge') });
        await this.#door();
        await eventually(async () => (await this.health()).status === 'healthy', { within: 45000, every: 200, what: 'healthy' });
    }

    #names() {
        return Object.values(HOSTS).flat();
    }

    hostOf(name) {
        return Object.keys(HOSTS).find((host) => HOSTS[host].includes(name));
    }

    async health() {
        return (await request(this.port, { path: '/health', timeout: 5000 })).json ?? {};
    }

    // The model is on this machine, which every host reaches.
    async #provider() {
        const told = path.join(this.dir, 'provider.port');
        const log = fs.openSync(path.join(this.dir, 'provider.log'), 'a');
        this.provider = begin(path.join(build, 'provider'), ['--listen', '0.0.0.0', '--port-file', told, '--key', 'sk-hosts'], { stdio: ['ignore', log, log] });
        fs.closeSync(log);
        this.providerPort = await eventually(() => Number(fs.existsSync(told) && fs.readFileSync(told, 'utf8')), { what: 'the provider listens' });
    }

    async tell(what, body = {}) {
        const reply = await request(this.providerPort, { method: 'POST', path: `/_/${what}`, body });
        if (reply.status >= 300) throw new Error(`provider: ${what}: ${reply.status} ${reply.text}`);
        return reply.json;
    }

    // ---- PostgreSQL ----

    // Directory of a server's socket, where only its user gets in: for us, never for the daemons.
    socket(n) {
        return path.join(this.dir, `sql${n}`);
    }

    #server(n, data) {
        const hba = path.join(this.dir, 'pg_hba.conf');
        const subnet = `${this.network.net}.0/24`;
        fs.writeFileSync(hba, `local all all trust\nhost replication postgres ${subnet} trust\nhost chatbot ${ROLES.join(',')} ${subnet} scram-sha-256\n`);
        fs.mkdirSync(this.socket(n), { mode: 0o700 });
        fs.chownSync(this.socket(n), this.owner.uid, this.owner.gid);
        const options = { listen_addresses: this.network.address(`db${n}`), unix_socket_directories: this.socket(n), hba_file: hba };
        const set = Object.entries(options).flatMap(([k, v]) => ['-c', `${k}=${v}`]);
        this.processes.start(`postgres-${n}`, { command: [this.#bin('postgres'), '-D', data, ...set], enter: this.network.enter(`db${n}`) });
    }

    #bin(program) {
        return `/usr/lib/postgresql/${fs.readFileSync(path.join(this.data, 'postgres', 'PG_VERSION'), 'utf8').trim()}/bin/${program}`;
    }

    async #run(name, host, command) {
        const one = this.processes.start(name, { command, enter: this.network.enter(host) });
        const code = await one.ended;
        if (code !== 0) throw new Error(`${name}: ${code}\n${this.processes.said(name)}`);
    }

    async #databases() {
        this.#server(1, path.join(this.data, 'postgres'));
        await eventually(() => select(this, 'SELECT 1 AS one'), { what: 'PostgreSQL' });
        await execute(this, ROLES.map((role) => `ALTER ROLE ${role} PASSWORD '${this.password}';`).join('\n'));
        const copy = path.join(this.dir, 'replica');
        fs.mkdirSync(copy, { mode: 0o700 });
        fs.chownSync(copy, this.owner.uid, this.owner.gid);
        await this.#run('basebackup', 'db2', [this.#bin('pg_basebackup'), '-h', this.network.address('db1'), '-U', 'postgres', '-D', `${copy}/data`, '-R', '-X', 'stream', '-c', 'fast']);
        this.#server(2, `${copy}/data`);
        await execute(this, "ALTER SYSTEM SET synchronous_standby_names = '*'");
        await execute(this, 'SELECT pg_reload_conf()');
        const state = async () => (await select(this, 'SELECT sync_state FROM pg_stat_replication'))[0]?.sync_state;
        await eventually(async () => ['sync', 'quorum'].includes(await state()), { what: 'the replica is synchronous' });
    }

    // The primary's host dies and stays dead; its replica takes over.
    async failover() {
        await this.network.kill('db1');
        await this.#run('promote', 'db2', [this.#bin('pg_ctl'), 'promote', '-w', '-D', path.join(this.dir, 'replica/data')]);
        fs.renameSync(this.socket(1), `${this.socket(1)}.dead`);
        fs.symlinkSync(this.socket(2), this.socket(1)); // where the first one was asked by us
    }

    // ---- gateways and daemons ----

    #begin(name) {
        const host = this.hostOf(name), program = programOf(name);
        const settings = { BUS_DIR: this.#busDirectory(name), ...(program === 'gateway' ? this.#gateway(name, host) : this.#daemon(name, program)) };
        const credentials = { bus_key: this.processes.key(name).secret };
        if (program === 'authd') credentials.secret_key = this.secret;
        if (['chatd', 'filed'].includes(program)) credentials.openai_api_key = 'sk-hosts';
        if (program !== 'gateway') credentials.passfile = `*:*:*:*:${this.password}\n`;
        this.processes.start(name, { program, settings, credentials, enter: this.network.enter(host), again: true });
    }

    // Of this host alone: no socket file leads to another one.
    #busDirectory(name) {
        const dir = path.join(this.dir, `bus-${this.hostOf(name)}`);
        fs.mkdirSync(dir, { recursive: true });
        fs.chownSync(dir, this.owner.uid, this.owner.gid);
        return dir;
    }

    #gateway(name, host) {
        const peers = this.#names().filter((one) => SERVICES[programOf(one)]);
        return {
            LISTEN: this.network.address(host),
            PORT,
            TRUSTED_PROXIES: this.network.address('edge'),
            GATEWAYS: 2,
            GATEWAY_NAME: name,
            RATE_LIMIT: 'off',
            CONNECTIONS_PER_ADDRESS: 0,
            CHAT_WAIT: 30,
            BUS_LISTEN: this.network.address(host),
            BUS_PORT,
            BUS_PEERS: peers.map((one) => `${SERVICES[programOf(one)]}=${this.processes.key(one).public}`).join(' '),
        };
    }

    // As another daemon's, for somebody who would be one.
    daemonSettings(name, program) {
        const gateways = [1, 2].map((n) => `${this.network.address(`gateway${n}`)}:${BUS_PORT}=${this.processes.key(`gateway-${n}`).public}`);
        const databases = [1, 2].map((n) => this.network.address(`db${n}`)).join(',');
        const model = { OPENAI_BASE_URL: `http://${this.network.here}:${this.providerPort}/v1` };
        const own = {
            authd: { ACCESS_TOKEN_MINUTES: 1440 },
            projectd: {},
            chatd: { ...model, OPENAI_MODEL: 'echo', TITLES: 'off', MAX_TURNS: 128, MAX_TURNS_PER_USER: 16, UPSTREAM_TRIES: 3 },
            filed: { ...model, BLOB_DIR: this.#blobs() },
        };
        return {
            DATABASE: `host=${databases} dbname=chatbot target_session_attrs=read-write passfile=${path.join(this.processes.secretsOf(name), 'passfile')}`,
            BUS_GATEWAYS: gateways.join(' '),
            ...own[program],
        };
    }

    #daemon(name, program) {
        return { ...this.daemonSettings(name, program), ...this.settings[program] };
    }

    #blobs() {
        const dir = path.join(this.dir, 'blobs');
        fs.mkdirSync(dir, { recursive: true, mode: 0o700 });
        fs.chownSync(dir, this.owner.uid, this.owner.gid);
        return dir;
    }

    // The crowd speaks plain HTTP to this machine; from here on it is TLS to the edge.
    async #door() {
        const { port } = this.edge, host = this.network.address('edge');
        this.door = net.createServer((near) => {
            const far = tls.connect({ host, port, rejectUnauthorized: false, servername: 'chat.example.org', ALPNProtocols: ['http/1.1'] });
            near.pipe(far).pipe(near);
            for (const [one, other] of [[near, far], [far, near]]) {
                one.on('error', () => other.destroy());
                one.on('close', () => other.destroy());
            }
        });
        await new Promise((done) => this.door.listen(0, '127.0.0.1', done));
        this.port = this.door.address().port;
        this.ports = [this.port];
    }

    // What others ask of a stack: the database is the first server, or what took its place.
    pid(name) {
        return this.processes.pid(name === 'postgres' ? 'postgres-1' : name);
    }

    // A host dies with all that runs on it, and is there again.
    async kill(host) {
        for (const name of HOSTS[host]) this.processes.forsake(name);
        await this.network.kill(host);
    }

    boot(host) {
        for (const name of HOSTS[host]) this.processes.restart(name);
    }

    async stop() {
        this.door?.close();
        await this.processes?.stop();
        await this.edge?.stop().catch(() => {});
        this.provider?.kill('SIGTERM');
        await this.network?.close();
        this.processes?.remove();
    }

    remove() {
        fs.rmSync(this.dir, { recursive: true, force: true });
    }
}
