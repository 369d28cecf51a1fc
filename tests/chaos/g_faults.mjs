// What a host does to a platform: a database that is away at the start, fails over, or has no room
// on its disk, and daemons without descriptors or memory.  Errors are honest, nothing acknowledged
// is lost, and everything comes back by itself.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { execute, select, socketDirectory } from '../harness/database.mjs';
import { eventually, sleep } from '../harness/http.mjs';

// Without memory, a build with a sanitizer does as one without: the allocator gives NULL, a library that takes no notice
// meets a signal.
const allocator = { ASAN_OPTIONS: `${process.env.ASAN_OPTIONS ?? ''}:allocator_may_return_null=1:handle_segv=0` };

export const stack = { settings: { REQUEST_WAIT: '3', MAX_TURNS_PER_USER: '64', ...allocator }, own: true };

export default async function (t) {
    t.expectLog(/./); // the processes notice
    await t.as('alice');
    const project = (await t.call('POST', '/projects', { body: { name: 'faults' } })).json.id;
    const health = () => t.call('GET', '/health', { token: null });
    const healthy = (what) => eventually(async () => (await health()).json?.status === 'healthy', { within: 45000, what });
    const writer = new Writer(t, project);
    const honesty = () =>
        t.test('what failed, failed honestly', () => {
            const honest = /^(0 |503 (busy|unavailable|upstream_|turn_)|504 |502 upstream_|409 in_flight)/;
            for (const what of writer.failed) assert.match(what, honest);
        });

    await t.test('a daemon that starts while the database is away waits for it', async () => {
        const before = t.stack.pid('projectd');
        t.stack.signalFamily('postgres', 'SIGSTOP');
        try {
            t.stack.signal('projectd', 'SIGKILL');
            const now = await eventually(() => ![0, before].includes(t.stack.pid('projectd')) && t.stack.pid('projectd'), { what: 'its successor' });
            await eventually(async () => (await health()).json.database === 'disconnected', { what: 'the database is missed' });
            await sleep(500);
            assert.equal(t.stack.pid('projectd'), now, 'it waits');
        } finally {
            t.stack.signalFamily('postgres', 'SIGCONT');
        }
        await healthy('healthy with the database');
        await writer.check();
    });

    for (const name of ['chatd-1', 'projectd', 'authd'])
        await t.test(`${name} without descriptors, and with them again`, async () => {
            const pid = t.stack.pid(name);
            const { uid, gid } = fs.statSync(`/proc/${pid}`); // nobody else may
            const was = /Max open files\s+(\d+)\s+(\d+)/.exec(fs.readFileSync(`/proc/${pid}/limits`, 'utf8'));
            const limit = (soft) => assert.equal(spawnSync('prlimit', ['--pid', String(pid), `--nofile=${soft}:${was[2]}`], { uid, gid }).status, 0);
            limit(Math.max(...fs.readdirSync(`/proc/${pid}/fd`).map(Number)) + 1);
            await writer.some(6);
            limit(was[1]);
            await healthy('healthy again');
            assert.equal(t.stack.pid(name), pid, 'the same process');
            await writer.check();
        });

    await t.test('projectd without memory ends and begins anew, which is told; nobody else does', async () => {
        const before = t.stack.pids();
        const pid = before.projectd;
        const { uid, gid } = fs.statSync(`/proc/${pid}`);
        const log = path.join(t.stack.dir, 'up.log');
        const { size } = fs.statSync(log);
        const said = () => fs.readFileSync(log, 'utf8').slice(size);
        const has = Number(/VmData:\s+(\d+) kB/.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) * 1024;
        assert.equal(spawnSync('prlimit', ['--pid', String(pid), `--data=${has}`], { uid, gid }).status, 0);
        const other = () => ![0, pid].includes(t.stack.pid('projectd'));
        await eventually(async () => (await writer.some(8), other()), { within: 20000, what: 'its successor' });
        assert.match(said(), /projectd (was ended by signal (ABRT|SEGV)|ended with status 1); starting it again/);
        await healthy('healthy with memory');
        await writer.check();
        assert.deepEqual({ ...t.stack.pids(), projectd: pid }, before, 'the others are the same processes');
    });

    await t.test('failover to a synchronous replica loses nothing that was acknowledged', async () => {
        const replica = await Replica.start(t.stack);
        const writing = writer.begin(4);
        await writer.more(12);
        await replica.takeOver();
        await healthy('healthy on the replica');
        await writer.more(8);
        writer.end();
        await writing;
        await writer.check();
        const [{ timeline }] = await select(t.stack, 'SELECT timeline_id AS timeline FROM pg_control_checkpoint()');
        assert.ok(timeline > 1, `timeline ${timeline}`);
    });

    await t.test("the signal of systemd's watchdog ends a daemon", async () => {
        const before = t.stack.pid('filed');
        t.stack.signal('filed', 'SIGABRT');
        await eventually(() => ![0, before].includes(t.stack.pid('filed')), { what: 'its successor' });
        await healthy('healthy with filed');
    });

    if (process.env.TEST_LONG !== '1') return honesty();
    if (process.getuid() !== 0) return console.log('     g_faults.mjs: no full disk, as only root can mount a small one');
    await t.test("no room on the database's disk", async () => {
        await t.stack.down();
        const disk = smallDisk(path.join(t.stack.data, 'postgres'));
        try {
            await t.stack.up();
            await t.client.login('alice');
            const filler = path.join(t.stack.data, 'postgres', 'filler');
            spawnSync('dd', ['if=/dev/zero', `of=${filler}`, 'bs=64k'], { stdio: 'ignore' });
            const before = writer.failed.length;
            await eventually(async () => (await writer.some(8), writer.failed.length > before), { within: 40000, what: 'something cannot be written' });
            fs.rmSync(filler);
            await healthy('healthy with room');
            await writer.some(4);
            await writer.check();
        } finally {
            await t.stack.down();
            disk.remove();
        }
        await t.stack.up();
    });
    await honesty();
}

// People who make prompts and chat, and remember what was acknowledged.
class Writer {
    constructor(t, project) {
        Object.assign(this, { t, project, failed: [], prompts: [], turns: [], n: 0, going: false });
    }

    async #one() {
        const name = `write-${this.n++}`;
        const chats = this.n % 2;
        const body = chats ? { project_id: this.project, message: name } : { name, content: name.repeat(400) };
        const target = chats ? '/chat' : `/projects/${this.project}/prompts`;
        const reply = await this.t.call('POST', target, { body, timeout: 30000 }).catch((e) => ({ status: 0, text: e.message, json: {} }));
        if (reply.status === 200) this.turns.push(reply.json);
        else if (reply.status === 201) await this.#made(reply.json);
        else this.failed.push(`${reply.status} ${reply.json?.code ?? ''} ${reply.text}`);
    }

    // A project holds only so many prompts.
    async #made(prompt) {
        this.prompts.push(prompt.id);
        if (this.prompts.length < 20) return;
        const old = this.prompts.shift();
        await this.t.call('DELETE', `/projects/prompts/${old}`).catch(() => {});
    }

    async some(n) {
        await Promise.all(Array.from({ length: n }, () => this.#one()));
    }

    async begin(clients) {
        this.going = true;
        await Promise.all(
            Array.from({ length: clients }, async () => {
                while (this.going) await this.#one();
            }),
        );
    }

    async more(n) {
        const until = this.turns.length + n;
        await eventually(() => this.turns.length >= until, { within: 45000, what: `${n} more answers` });
    }

    end() {
        this.going = false;
    }

    // All that was acknowledged is there.
    async check() {
        await this.some(2);
        const there = (await this.t.call('GET', `/projects/${this.project}/prompts`)).json.map((p) => p.id);
        for (const id of this.prompts) assert.ok(there.includes(id), `prompt ${id} is lost`);
        for (const turn of this.turns.slice(-40)) {
            const reply = await this.t.call('GET', `/chat/turns/${turn.turn_id}`);
            assert.equal(reply.status, 200, `turn ${turn.turn_id} is lost`);
            assert.equal(reply.json.text, turn.reply);
        }
    }
}

// A second server that has each commit before it is acknowledged.
class Replica {
    static async start(stack) {
        const replica = new Replica();
        const from = socketDirectory(stack);
        const primary = path.join(stack.data, 'postgres');
        const { uid, gid } = fs.statSync(primary);
        const dir = path.join(stack.dir, 'replica');
        fs.mkdirSync(dir, { mode: 0o700 });
        fs.chownSync(dir, uid, gid);
        const bin = `/usr/lib/postgresql/${fs.readFileSync(path.join(primary, 'PG_VERSION'), 'utf8').trim()}/bin`;
        const run = (program, ...args) => {
            const { status, stderr } = spawnSync(path.join(bin, program), args, { uid, gid, cwd: '/', encoding: 'utf8', env: { PATH: process.env.PATH } });
            assert.equal(status, 0, `${program}: ${stderr}`);
        };
        Object.assign(replica, { stack, primary, dir, run, from });
        fs.appendFileSync(path.join(from, 'pg_hba.conf'), 'local replication postgres peer map=chatbot\n');
        await execute(stack, 'SELECT pg_reload_conf()');
        const data = path.join(dir, 'data');
        run('pg_basebackup', '-h', from, '-U', 'postgres', '-D', data, '-R', '-X', 'stream', '-c', 'fast');
        const args = ['-D', data, '-c', 'listen_addresses=', '-c', `unix_socket_directories=${dir}`];
        replica.child = spawn('setpriv', ['--pdeathsig', 'QUIT', '--', path.join(bin, 'postgres'), ...args], { uid, gid, cwd: '/', stdio: 'ignore', env: { PATH: process.env.PATH } });
        replica.exited = new Promise((done) => replica.child.on('exit', done));
        await execute(stack, "ALTER SYSTEM SET synchronous_standby_names = '*'");
        await execute(stack, 'SELECT pg_reload_conf()');
        const state = async () => (await select(stack, 'SELECT sync_state FROM pg_stat_replication'))[0]?.sync_state;
        await eventually(async () => ['sync', 'quorum'].includes(await state()), { what: 'the replica is synchronous' });
        return replica;
    }

    // The primary dies for good; the replica is promoted and takes its address and place.
    async takeOver() {
        fs.renameSync(this.primary, `${this.primary}.dead`);
        this.stack.signalFamily('postgres', 'SIGKILL');
        const data = path.join(this.dir, 'data');
        this.run('pg_ctl', 'promote', '-w', '-D', data);
        this.run('pg_ctl', 'stop', '-m', 'fast', '-w', '-D', data);
        await this.exited;
        fs.renameSync(data, this.primary); // the next start finds it
    }
}

// Puts a directory with all that is in it onto a disk that holds little more.
function smallDisk(dir) {
    const run = (program, ...args) => {
        const { status, stderr } = spawnSync(program, args, { encoding: 'utf8' });
        assert.equal(status, 0, `${program} ${args.join(' ')}: ${stderr}`);
    };
    const { uid, gid } = fs.statSync(dir);
    const bytes = Number(spawnSync('du', ['-sk', dir], { encoding: 'utf8' }).stdout.split('\t')[0]) * 1024;
    fs.renameSync(dir, `${dir}.kept`);
    fs.mkdirSync(dir, { mode: 0o700 });
    run('mount', '-t', 'tmpfs', '-o', `size=${bytes + (24 << 20)},mode=0700,uid=${uid},gid=${gid}`, 'tmpfs', dir);
    run('cp', '-a', `${dir}.kept/.`, dir);
    return {
        remove() {
            fs.rmSync(`${dir}.kept`, { recursive: true });
            run('cp', '-a', dir, `${dir}.kept`);
            run('umount', dir);
            fs.rmdirSync(dir);
            fs.renameSync(`${dir}.kept`, dir);
        },
    };
}
