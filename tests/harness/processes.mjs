// Processes of the platform by themselves, each with settings, credentials and a key of the bus of
// its own, as units on several hosts have them.  Whoever starts them ends them.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { begin, build, signal } from './stack.mjs';
import { eventually } from './http.mjs';

export class Processes {
    // dir: of their settings and logs; owner {uid, gid}: whom they run as, when we are root.
    constructor(dir, owner) {
        Object.assign(this, { dir, owner, all: new Map(), keys: new Map() });
        fs.mkdirSync(dir, { recursive: true });
        fs.chmodSync(dir, 0o755);
        this.secrets = fs.mkdtempSync(path.join(os.tmpdir(), 'chatbot-credentials-')); // not beside logs
        fs.chmodSync(this.secrets, 0o711);
    }

    // The key pair of a name, made on first use: {secret, public}.
    key(name) {
        if (!this.keys.has(name)) {
            const { stdout } = spawnSync(path.join(build, 'chatbot-admin'), ['keygen', '--bus', '--json'], { encoding: 'utf8' });
            const { key, public: open } = JSON.parse(stdout);
            this.keys.set(name, { secret: key, public: open });
        }
        return this.keys.get(name);
    }

    // Starts a program, of the build or a command.  settings: its chatbot.conf; credentials: {name: text};
    // enter: a command that puts it onto its host; again: it is started again when it ends, as systemd does.
    start(name, { program = name.replace(/-\d+$/, ''), command = [path.join(build, program)], settings = {}, credentials = {}, enter = [], again = false }) {
        const home = path.join(this.dir, name), secrets = this.secretsOf(name);
        const one = { name, home, secrets, command, enter, again, pid: 0 };
        fs.mkdirSync(home, { recursive: true });
        fs.mkdirSync(secrets, { recursive: true });
        this.settle(name, settings);
        for (const [what, text] of Object.entries(credentials)) {
            const file = path.join(secrets, what);
            fs.writeFileSync(file, text, { mode: 0o600 });
            if (process.getuid() === 0) fs.chownSync(file, this.owner.uid, this.owner.gid);
        }
        this.all.set(name, one);
        this.#run(one);
        return one;
    }

    // Writes a process' settings anew; SIGHUP has it read them.
    settle(name, settings) {
        const home = path.join(this.dir, name);
        fs.writeFileSync(path.join(home, 'chatbot.conf'), Object.entries(settings).map(([k, v]) => `${k}="${v}"\n`).join(''));
    }

    #run(one) {
        const { uid, gid } = this.owner;
        // another user than before is nobody's child in the eyes of the death signal, unless it is set again
        const become = process.getuid() === 0 ? ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups', '--pdeathsig', 'TERM', '--'] : [];
        const [first, ...args] = [...one.enter, ...become, ...one.command];
        const log = fs.openSync(this.log(one.name), 'a');
        const env = { PATH: '/usr/bin:/bin', CHATBOT_CONF_DIR: one.home, CREDENTIALS_DIRECTORY: one.secrets };
        const child = begin(first, args, { cwd: '/', stdio: ['ignore', log, log], env });
        fs.closeSync(log);
        one.child = child;
        one.pid = child.pid;
        one.ended = new Promise((done) =>
            child.on('exit', (code, how) => {
                one.pid = 0;
                done(how ?? code);
                if (one.again) setTimeout(() => one.again && this.#run(one), 100);
            }),
        );
    }

    // A name that is not started again any more, whatever becomes of it.
    forsake(name) {
        const one = this.all.get(name);
        if (one) one.again = false;
    }

    // Once more what start() was told.
    restart(name, again = true) {
        const one = this.all.get(name);
        one.again = again;
        if (!one.pid) this.#run(one);
    }

    // Where its credentials are, which only its user can read.
    secretsOf(name) {
        return path.join(this.secrets, name);
    }

    log(name) {
        return path.join(this.dir, `${name}.log`);
    }

    said(name) {
        return fs.existsSync(this.log(name)) ? fs.readFileSync(this.log(name), 'utf8') : '';
    }

    async logged(name, pattern, what = `${name} says ${pattern}`) {
        return eventually(() => pattern.exec(this.said(name)), { within: 15000, what });
    }

    pid(name) {
        return this.all.get(name)?.pid ?? 0;
    }

    signal(name, which) {
        if (this.pid(name)) signal(this.pid(name), which);
    }

    // Ends those named, or all; none of them is started again.
    async stop(names = [...this.all.keys()], which = 'SIGTERM') {
        const them = names.map((name) => this.all.get(name)).filter((one) => one);
        for (const one of them) {
            one.again = false;
            if (one.pid) signal(one.pid, which);
        }
        const late = setTimeout(() => them.forEach((one) => one.pid && signal(one.pid, 'SIGKILL')), 20000);
        await Promise.all(them.map((one) => one.ended));
        clearTimeout(late);
    }

    // After stop().
    remove() {
        fs.rmSync(this.secrets, { recursive: true, force: true });
    }
}
