// Runs case files: groups them by the stack that they need, plays each group on one stack, and
// counts.  Every file ends with a look at the logs, every stack with a search for secrets.
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { Player } from './case_play.mjs';
import { parseCase } from './case_parse.mjs';
import { Client } from './client.mjs';
import { request, sleep } from './http.mjs';
import { Contract } from './openapi.mjs';
import { isLive } from './settings.mjs';
import { build, Stack } from './stack.mjs';
import { leaks, Watch } from './watch.mjs';

// Reads *.case and *.mjs of a folder, in the order of their names; name: a part of theirs, or a pattern.
export async function readCases(dir, name) {
    const found = [];
    for (const file of fs.readdirSync(dir).sort()) {
        if (!file.match(name)) continue;
        const full = path.join(dir, file);
        if (file.endsWith('.case')) found.push(parseCase(fs.readFileSync(full, 'utf8'), file));
        else if (/^[a-z]_.*\.mjs$/.test(file)) {
            const module = await import(pathToFileURL(full));
            found.push({ file, settings: {}, gateways: 1, chatd: 1, ...module.stack, run: module.default });
        }
    }
    return found;
}

// Live settings that reach what other files left behind.
const FAR = ['TITLES', 'SEARCH_LANGUAGE', 'RETENTION_DAYS'];

// Cases that can share a stack, whose live settings are changed between them: [[case...]...].
export function groupCases(cases) {
    const groups = new Map();
    for (const one of cases) {
        const { settings, gateways, chatd, own, file } = one;
        const fixed = Object.entries(settings).filter(([name]) => !isLive(name) || FAR.includes(name));
        const key = JSON.stringify([fixed, gateways, chatd, own ? file : '']);
        groups.set(key, [...(groups.get(key) ?? []), one]);
    }
    return [...groups.values()].sort((a, b) => b.length - a.length);
}

export class Suite {
    constructor(world) {
        this.world = world;
        this.passed = 0;
        this.failed = 0;
        this.playing = new Set(); // files
    }

    ok() {
        this.passed++;
    }

    // error: an Error, of which only a bug in the tests shows its stack, or text.
    fail(what, error) {
        this.failed++;
        const asserted = !(error instanceof Error) || error.code === 'ERR_ASSERTION' || error.where;
        console.log(`FAIL ${what}\n${indent(asserted ? (error.message ?? error) : error.stack)}`);
    }

    // Plays groups, `atOnce` stacks at a time.  wrap(stack) may put something before the stack.
    async play(groups, { atOnce = 2, wrap = async () => {} } = {}) {
        const left = [...groups];
        const worker = async () => {
            for (let group = left.shift(); group; group = left.shift()) await this.#group(group, wrap);
        };
        await Promise.all(Array.from({ length: atOnce }, worker));
    }

    async #group(group, wrap) {
        const names = group.map((one) => one.file).join(' ');
        const { settings, gateways, chatd, demo, direct, faults } = group[0];
        let stack;
        let well = false;
        try {
            stack = await Stack.start({ settings, gateways, chatd, demo, direct, faults });
            await this.#contract(stack);
            await wrap(stack);
            const watch = new Watch(stack);
            const results = [];
            for (const one of group) results.push(await this.#file(one, stack, watch));
            await stack.stop();
            results.push(this.#aftermath(stack, watch, names, group.flatMap((one) => one.late ?? [])));
            well = results.every(Boolean);
        } catch (e) {
            this.fail(`stack of ${names}`, e);
            await stack?.stop().catch(() => {});
        }
        if (!stack) return;
        if (!well) keepLogs(stack, group[0].file);
        stack.remove();
    }

    // The document that the gateway itself serves judges all replies.
    async #contract(stack) {
        if (this.world.contract) return;
        const { json } = await request(stack.port, { path: '/openapi.json' });
        this.world.contract = new Contract(json);
    }

    async #file(one, stack, watch) {
        const begun = Date.now();
        this.playing.add(one.file);
        const client = new Client(this.world, stack);
        const player = new Player(client, one.file);
        let well = true;
        const test = async (name, fn) => (well = (await this.#test(name, fn)) && well);
        await stack.apply(one.settings);
        if (one.run) await this.#program(one, client, player, test);
        else for (const scene of one.scenes) await test(`${one.file}:${scene.line} ${scene.title}`, () => player.scene(scene));
        await sleep(60); // lines about the last reply
        const complaints = watch.complaints(player.allowed);
        well = this.#empty(`${one.file}: unexpected in the logs`, complaints) && well;
        this.playing.delete(one.file);
        console.log(`${well ? 'ok  ' : 'FAIL'} ${one.file} (${Date.now() - begun} ms)`);
        return well;
    }

    async #program(one, client, player, test) {
        const t = {
            client,
            stack: client.stack,
            world: this.world,
            as: (name) => client.as(name),
            call: (...args) => client.call(...args),
            upload: (...args) => client.upload(...args),
            events: (...args) => client.events(...args),
            expectLog: (pattern) => player.allowed.push(pattern),
            test: (name, fn) => test(`${one.file}: ${name}`, fn),
        };
        await test(`${one.file}: runs through`, () => one.run(t));
    }

    async #test(name, fn) {
        const begun = Date.now();
        try {
            await fn();
            this.ok();
            if (process.env.TEST_TIMES) console.log(`     ${Date.now() - begun} ms: ${name}`);
            return true;
        } catch (e) {
            this.fail(name, e);
            return false;
        }
    }

    // After the stack stopped: a quiet end but for what a case says comes late, and nothing in its
    // files that nobody should read.
    #aftermath(stack, watch, names, late) {
        const logs = path.join(stack.data, 'log');
        const secrets = [...this.world.secrets, stack.key, stack.secret];
        return [
            this.#empty(`while stopping the stack of ${names}`, watch.complaints(late)),
            this.#empty(`a password, token or key is in a file (${names})`, leaks(stack.dir, secrets, stack.begun)),
            this.#empty(`an address or a text of a user is in a log (${names})`, fs.existsSync(logs) ? leaks(logs, this.world.words) : []),
        ].every(Boolean);
    }

    // One test: that there is nothing to complain of.
    #empty(what, complaints) {
        if (complaints.length) this.fail(what, complaints.slice(0, 20).join('\n'));
        else this.ok();
        return !complaints.length;
    }
}

// Logs of a failed stack stay below the build.
function keepLogs(stack, name) {
    const to = path.join(build, 'tests/log', `stack-${name}`);
    fs.rmSync(to, { recursive: true, force: true });
    fs.mkdirSync(to, { recursive: true });
    for (const file of stack.logs()) fs.copyFileSync(file, path.join(to, path.basename(file)));
    console.log(`     logs of this stack: ${to}`);
}

const indent = (s) => String(s).split('\n').slice(0, 25).map((l) => `     ${l}`).join('\n');
