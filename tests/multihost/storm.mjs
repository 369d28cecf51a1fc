// Kills hosts, pulls cables, and has the database fail over, while people talk.
import { sleep } from '../harness/http.mjs';
import { now } from '../chaos/parts/records.mjs';
import { HOSTS } from './platform.mjs';

const STRICKEN = ['gateway1', 'chat1', 'core1', 'gateway2', 'chat2', 'core2']; // one at a time

export class Storm {
    // rounds: how often all of them are killed and cut off; pause: ms of calm between two.
    constructor(platform, records, { rounds, pause }) {
        Object.assign(this, { platform, records, rounds, pause, over: false, done: [] });
    }

    async rage() {
        const plan = this.#plan();
        for (const [what, host] of plan) {
            if (this.over) break;
            await sleep(this.pause);
            await this.#strike(what, host);
            this.done.push(`${what} ${host}`);
        }
    }

    // Everything in each round, in random order; the failover in the middle, and before it a standby that
    // is away for a while: until it is back nothing is acknowledged.
    #plan() {
        const round = () => shuffled(STRICKEN.flatMap((host) => [['kill', host], ['cut', host]]));
        const all = Array.from({ length: this.rounds }, round).flat();
        all.splice(Math.floor(all.length / 2), 0, ['cut', 'db2'], ['failover', 'db1']);
        return all;
    }

    async #strike(what, host) {
        const { platform } = this;
        this.#note(what === 'cut' ? 'cut' : 'kill', host);
        if (what === 'failover') {
            await platform.failover();
        } else if (what === 'kill') {
            await platform.kill(host);
            await sleep(500 + Math.random() * 4500);
            platform.boot(host);
        } else {
            platform.network.cut(host);
            await sleep(1000 + Math.random() * 7000);
            platform.network.mend(host);
        }
        this.#note('back', host);
    }

    #note(what, host) {
        for (const name of HOSTS[host]) this.records.add({ at: now(), what, name: name.startsWith('postgres') ? 'postgres' : name, how: 'host', pid: this.platform.pid(name) });
    }
}

function shuffled(list) {
    for (let i = list.length - 1; i > 0; i--) {
        const j = Math.floor(Math.random() * (i + 1));
        [list[i], list[j]] = [list[j], list[i]];
    }
    return list;
}
