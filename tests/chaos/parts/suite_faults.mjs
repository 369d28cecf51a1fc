// Plays an end-to-end case while every n-th call of one kind fails in one program.  What the case expects
// is not judged, but what must hold whatever fails: honest replies, no crash, no hang, no leak, no
// half-written row, and a platform that works again.
import { Player } from '../../harness/case_play.mjs';
import { Client, World } from '../../harness/client.mjs';
import { eventually, request, sleep } from '../../harness/http.mjs';
import { Contract } from '../../harness/openapi.mjs';
import { signal, Stack } from '../../harness/stack.mjs';
import { BROKEN, Watch } from '../../harness/watch.mjs';
import { ENDS, dishonest } from './faults.mjs';
import { KINDS, Plans, PROGRAMS } from './plans.mjs';
import { halfWritten, watchEnds } from './states.mjs';
import { STEPS, Visitor } from './tour.mjs';

const TICK = 50; // ms from a call that failed until the next may: a platform where each fails tells nothing
const HEALTH_MS = 45000;
const STILL_MS = 8000; // that a virtual machine may be stopped for
const AFTER = ['projects', 'chat']; // steps of the tour that have to work afterwards

// Everybody of a case; keeps what is wrong with replies instead of throwing, and goes on.
class Witness extends Client {
    refused = [];
    wrong = [];

    async call(method, path, options) {
        try {
            return await super.call(method, path, options);
        } catch (e) {
            if (/no reply in/.test(e.message)) this.wrong.push(`hangs: ${e.message}`);
            throw e;
        }
    }

    check(method, path, reply) {
        if (reply.status >= 500) this.refused.push({ what: `${method} ${path}`, status: reply.status, code: reply.json?.code, id: reply.headers['x-request-id'] });
        try {
            super.check(method, path, reply);
        } catch (e) {
            this.wrong.push(`no honest reply: ${e.message}`);
        }
    }
}

// A scene goes on behind a line that did not hold.
class Patient extends Player {
    failed = 0;

    async scene({ steps }) {
        for (const step of steps) await this.step(step).catch(() => this.failed++);
    }
}

// One stack, on which one case file is played again and again.
export class SuiteFaults {
    static async start(one) {
        const self = new SuiteFaults();
        const { settings, gateways, chatd, demo, direct } = one;
        self.one = one;
        self.stack = await Stack.start({ settings, gateways, chatd, demo, direct, faults: true });
        self.settings = { ...self.stack.settings };
        self.world = new World();
        self.world.contract = new Contract((await request(self.stack.port, { path: '/openapi.json' })).json);
        self.plans = new Plans(self.stack);
        self.watch = new Watch(self.stack);
        await watchEnds(self.stack);
        return self;
    }

    // Without faults: how many calls of each kind there are, how long it takes, and what is so of itself.  The
    // first time has more calls, to prepare statements and open connections.
    async survey() {
        const begun = Date.now();
        await this.#play(600000);
        this.took = Date.now() - begun;
        await this.#rest();
        const before = this.#counts();
        await this.#play(4 * this.took + 90000);
        const after = this.#counts();
        await this.#rest();
        this.steps = [];
        for (const step of AFTER) if (!(await this.#step(step, 10000))) this.steps.push(step); // some settings forbid it
        this.known = (await halfWritten(this.stack, { within: 8000 })).map(({ rule }) => rule);
        this.watch.fresh();
        return Object.entries(after).flatMap(([key, calls]) => {
            const [program, kind] = key.split(' ');
            return calls > before[key] ? [{ program, kind, calls: calls - before[key] }] : [];
        });
    }

    #counts() {
        return Object.fromEntries(PROGRAMS.flatMap((program) => KINDS.map((kind) => [`${program} ${kind}`, this.plans.calls(program, kind)])));
    }

    // Resolves to {met, refused: {"500 internal": n}, findings: [text]}; undefined where the machine stood still
    // meanwhile, which says nothing of the platform.
    async play(point) {
        const [result, still] = await timed(() => this.#judged(point));
        return still < STILL_MS ? result : undefined;
    }

    async #judged({ program, kind, n }) {
        const findings = [];
        const before = this.plans.failed(program, kind);
        const witness = await this.#failing({ program, kind, n }, () => this.#play(4 * this.took + 90000));
        if (!witness) findings.push(`hangs: the case does not end within ${4 * this.took + 90000} ms`);
        else findings.push(...witness.wrong);
        const well = await this.#rest().then(() => true, (e) => (findings.push(`not well again: ${e.message}`), false));
        for (const step of well ? this.steps : []) {
            const failure = await this.#step(step, 30000);
            if (failure) findings.push(`does not work afterwards: ${step}: ${failure.message}`);
        }
        if (well) for (const { rule, rows } of await halfWritten(this.stack, { known: this.known })) findings.push(`half written: ${rule}: ${rows}`);
        this.known.push(...findings.flatMap((f) => /^half written: (.*?): \[/.exec(f)?.[1] ?? []));
        const lines = this.watch.fresh();
        findings.push(...ended(lines, kind), ...dishonest(lines, witness?.refused ?? []));
        const refused = {};
        for (const { status, code } of witness?.refused ?? []) refused[`${status} ${code}`] = (refused[`${status} ${code}`] ?? 0) + 1;
        this.well = well;
        return { met: this.plans.failed(program, kind) - before, refused, findings };
    }

    // While it runs, the n-th call fails, then the n-th after that, and so on.
    async #failing({ program, kind, n }, run) {
        let over = false;
        const again = async () => {
            for (let seen = -1; !over; await sleep(TICK)) {
                const failed = this.plans.failed(program, kind);
                if (failed !== seen) this.plans.arm(program, kind, n);
                seen = failed;
            }
            this.plans.arm(program, kind, 0);
        };
        const armed = again();
        const witness = await run().finally(() => (over = true));
        await armed;
        return witness;
    }

    // Resolves to who played it; undefined where it takes longer than that.
    async #play(limit) {
        const { one, stack } = this;
        const witness = new Witness(this.world, stack);
        const player = new Patient(witness, one.file);
        const all = async () => {
            await stack.apply(one.settings).catch(() => {});
            if (one.run) await one.run(this.#t(witness)).catch(() => {});
            else for (const scene of one.scenes) await player.scene(scene);
        };
        return Promise.race([all().then(() => witness), sleep(limit)]);
    }

    // What a program of a case gets.
    #t(client) {
        return {
            client,
            stack: this.stack,
            world: this.world,
            as: (name) => client.as(name),
            call: (...args) => client.call(...args),
            upload: (...args) => client.upload(...args),
            events: (...args) => client.events(...args),
            expectLog: () => {},
            test: async (name, fn) => void (await fn().catch(() => {})),
        };
    }

    // Undoes what the case may have left in its middle, and waits until all is well.
    async #rest() {
        const { stack } = this;
        Object.assign(stack.settings, this.settings);
        for (const pid of Object.values(stack.pids())) if (pid) signal(pid, 'SIGCONT');
        if (stack.provider) for (const what of ['reset', 'release']) await stack.tell(what).catch(() => {});
        if (stack.child.exitCode !== null || stack.child.signalCode) await stack.up();
        await stack.apply(this.one.settings).catch(() => {});
        const healthy = async () => (await request(stack.port, { path: '/health', timeout: 5000 })).json?.status === 'healthy';
        await eventually(healthy, { within: HEALTH_MS, every: 50, what: 'all is well again' });
    }

    // A step of the tour by somebody new; resolves to what fails.
    async #step(name, within) {
        const client = new Client(this.world, this.stack);
        const visitor = Object.assign(new Visitor(client), { word: `${client.nonce}s`, patience: within });
        try {
            await client.as('visitor');
            await STEPS[name](visitor);
        } catch (e) {
            return e;
        }
    }

    // What the end shows: leaks, and an end that does not come.
    async stop() {
        const findings = [];
        const [failure, still] = await timed(() => this.stack.stop().catch((e) => e));
        if (failure && still < STILL_MS) findings.push(`does not stop: ${failure.message}`);
        findings.push(...ended(this.watch.fresh(), 'memory'));
        this.plans.close();
        return findings;
    }
}

// Resolves to what fn() does, and how long at once nothing ran meanwhile, ms.
async function timed(fn) {
    let last = Date.now(), still = 0;
    const clock = setInterval(() => ([still, last] = [Math.max(still, Date.now() - last), Date.now()]), 500);
    const result = await fn().finally(() => clearInterval(clock));
    return [result, still];
}

// Processes that ended as none should: reports of sanitizers, signals of mistakes, settings refused.
function ended(lines, kind) {
    const dies = ENDS.includes(kind) ? 'SEGV|BUS|ILL|FPE|SYS' : 'SEGV|BUS|ILL|FPE|SYS|ABRT';
    const wrong = new RegExp(`was ended by signal (${dies})\\b|refuses its settings|ended with status (?!0\\b|1\\b|143\\b)\\d+`);
    return lines.filter(({ line }) => BROKEN.test(line) || wrong.test(line)).map(({ file, line }) => `crash: ${file}: ${line}`);
}
