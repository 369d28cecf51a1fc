// Hosts that are network namespaces, each with one link to a switch (a bridge) that this machine is on,
// too.  Root alone can make them.  What was made is taken away by close().
import { spawnSync } from 'node:child_process';
import { eventually } from '../harness/http.mjs';

function ip(...args) {
    const { status, stderr, stdout } = spawnSync('ip', args, { encoding: 'utf8' });
    if (status !== 0) throw new Error(`ip ${args.join(' ')}: ${stderr}`);
    return stdout;
}

export class Network {
    constructor() {
        const id = process.pid;
        Object.assign(this, { id, hosts: new Map(), bridge: `cb${id}`, net: `10.${64 + (id % 128)}.${(id >> 7) % 256}` });
    }

    // Names become hosts, with addresses from .11 on; we are .1.
    open(names) {
        ip('link', 'add', this.bridge, 'type', 'bridge');
        ip('address', 'add', `${this.net}.1/24`, 'dev', this.bridge);
        ip('link', 'set', this.bridge, 'up');
        names.forEach((name, i) => this.#add(name, i));
    }

    #add(name, i) {
        const space = `chatbot-${this.id}-${name}`, link = `cb${this.id}-${i}`, address = `${this.net}.${11 + i}`;
        ip('netns', 'add', space);
        this.hosts.set(name, { name, space, link, address, enter: ['nsenter', `--net=/run/netns/${space}`, '--'] });
        ip('link', 'add', link, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', space);
        ip('link', 'set', link, 'master', this.bridge, 'up');
        ip('-n', space, 'address', 'add', `${address}/24`, 'dev', 'eth0');
        ip('-n', space, 'link', 'set', 'eth0', 'up');
        ip('-n', space, 'link', 'set', 'lo', 'up');
    }

    get here() {
        return `${this.net}.1`;
    }

    address(name) {
        return this.hosts.get(name).address;
    }

    enter(name) {
        return this.hosts.get(name).enter;
    }

    // Pulls a host's cable, and puts it back.
    cut(name) {
        ip('link', 'set', this.hosts.get(name).link, 'down');
    }

    mend(name) {
        ip('link', 'set', this.hosts.get(name).link, 'up');
    }

    pids(name) {
        return ip('netns', 'pids', this.hosts.get(name).space).split('\n').filter(Boolean).map(Number);
    }

    // All that runs on a host dies at once.
    async kill(name) {
        await eventually(
            () => {
                const pids = this.pids(name);
                for (const pid of pids) {
                    try {
                        process.kill(pid, 'SIGKILL');
                    } catch (e) {
                        if (e.code !== 'ESRCH') throw e;
                    }
                }
                return !pids.length;
            },
            { within: 10000, what: `nothing runs on ${name}` },
        );
    }

    async close() {
        for (const { name, space } of this.hosts.values()) {
            await this.kill(name);
            ip('netns', 'delete', space); // and with it both ends of its link
        }
        this.hosts.clear();
        spawnSync('ip', ['link', 'delete', this.bridge]);
    }
}
