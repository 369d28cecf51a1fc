// Kills processes of a stack at random moments; deploy/up starts them again, as systemd would.
import { select } from '../../harness/database.mjs';
import { eventually, request, sleep } from '../../harness/http.mjs';
import { now } from './records.mjs';

// How often each is chosen: those that hold turns more often than the others together.
const WEIGHTS = { gateway: 5, chatd: 6, postgres: 4, authd: 1, projectd: 2, filed: 1 };

const TAKEOVER_MS = 4000; // that a takeover takes

export class Killer {
    // every: mean time between two kills in ms; targets: names of programs, "" for all; storms: so many
    // of a hundred deaths of a chatd are followed by that of what a takeover needs, before it is over
    constructor(stack, records, { kills, every, targets = '', storms = 0 }) {
        Object.assign(this, { stack, records, left: kills, every, storms, over: false, watched: [] });
        this.targets = targets ? targets.split(',') : Object.keys(WEIGHTS);
    }

    // Kills until it has done so often enough, or over is set; then waits until all is up again.
    async rage() {
        while (this.left > 0 && !this.over) {
            await sleep(this.every * (0.3 + Math.random() * 1.4));
            await this.#busy();
            if (this.over) break;
            const hit = this.#strike(this.targets);
            if (!hit?.startsWith('chatd') || Math.random() * 100 >= this.storms) continue;
            await sleep(Math.random() * TAKEOVER_MS);
            if (!this.over && this.left > 0) this.#strike(['chatd', 'postgres']);
        }
        await Promise.all(this.watched);
    }

    // Waits a moment for answers under way, so that most deaths interrupt some.
    async #busy() {
        const running = async () => this.over || (await request(this.stack.providerPort, { path: '/_/stats' })).json.running >= 4;
        await eventually(running, { within: 3000, every: 20 }).catch(() => {});
    }

    // Kills one of these programs; its name.
    #strike(targets) {
        const pids = this.stack.pids();
        const alive = Object.keys(pids).filter((name) => pids[name]);
        const program = (name) => name.replace(/-\d+$/, '');
        const lots = alive.filter((name) => targets.includes(program(name))).flatMap((name) => Array(WEIGHTS[program(name)]).fill(name));
        if (!lots.length) return undefined;
        const name = lots[Math.floor(Math.random() * lots.length)];
        // an immediate shutdown is what a crash of the host's power looks like from inside
        const how = name === 'postgres' && Math.random() < 0.5 ? 'SIGQUIT' : 'SIGKILL';
        this.left--;
        this.records.add({ at: now(), what: 'kill', name, how, pid: pids[name], port: this.#port(name) });
        process.kill(pids[name], how);
        this.watched.push(this.#watch(name, pids[name]));
        return name;
    }

    #port(name) {
        const n = /^gateway-(\d+)$/.exec(name)?.[1];
        return n ? this.stack.ports[n - 1] : undefined;
    }

    // Writes down when it is there again: a new process, and of a gateway or the database the first answer.
    async #watch(name, pid) {
        const port = this.#port(name);
        const back = async () => {
            const other = this.stack.pid(name);
            if (!other || other === pid) return false;
            if (name === 'postgres') return (await select(this.stack, 'SELECT 1 AS one')).length === 1;
            return !port || (await request(port, { path: '/health/live', timeout: 2000 })).status === 200;
        };
        await eventually(back, { within: 60000, every: 20, what: `${name} is back` }).catch((e) => this.records.add({ at: now(), what: 'gone', name, why: e.message }));
        this.records.add({ at: now(), what: 'back', name, port });
    }
}
