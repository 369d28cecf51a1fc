// Lets the n-th call of each kind fail in each program, for every step of the tour, and judges what
// people, processes and logs say of it.
import { BROKEN, Watch } from '../../harness/watch.mjs';
import { eventually, request, sleep } from '../../harness/http.mjs';
import { KINDS, Plans, PROGRAMS } from './plans.mjs';
import { STEPS, Visitor } from './tour.mjs';

export const STACK = {
    settings: { REQUEST_WAIT: '10', CHAT_WAIT: '15', MAX_TURNS_PER_USER: '16', UPSTREAM_TRIES: '3', ACCESS_TOKEN_MINUTES: '1440' },
    direct: true,
    faults: true,
};

export const ENDS = ['memory', 'system']; // whom these meet may end; it begins anew
const HEALTH_MS = 30000;

export class Faults {
    // client: somebody who is logged in; say: gets each finding
    constructor(client, say) {
        Object.assign(this, { client, stack: client.stack, say, word: 0, points: 0, met: 0, names: new Map(), refusals: {} });
        this.plans = new Plans(this.stack);
        this.watch = new Watch(this.stack);
    }

    async #step(name, mayBreak = false) {
        const visitor = Object.assign(new Visitor(this.client), { mayBreak });
        visitor.word = `${this.client.nonce}s${this.word++}`;
        try {
            await STEPS[name](visitor);
        } catch (e) {
            visitor.failure = e;
        }
        return visitor;
    }

    async #healthy() {
        const healthy = async () => (await request(this.stack.port, { path: '/health', timeout: 5000 })).json?.status === 'healthy';
        await eventually(healthy, { within: HEALTH_MS, every: 30, what: 'all is well again' });
    }

    // How many calls of each kind a step makes: [{step, program, kind, calls}].  The first time has more
    // of them, to prepare statements and open connections.
    async survey(only = {}) {
        const found = [];
        for (const step of Object.keys(STEPS).filter((name) => !only.step || name === only.step)) {
            const before = this.#counts();
            const { failure } = await this.#step(step);
            if (failure) throw failure;
            const after = this.#counts();
            for (const [key, calls] of Object.entries(after)) {
                const [program, kind] = key.split(' ');
                const fits = (!only.program || only.program === program) && (!only.kind || only.kind === kind);
                if (fits && calls > before[key]) found.push({ step, program, kind, calls: calls - before[key] });
            }
        }
        return found;
    }

    #counts() {
        return Object.fromEntries(PROGRAMS.flatMap((program) => KINDS.map((kind) => [`${program} ${kind}`, this.plans.calls(program, kind)])));
    }

    // One call fails, in a step; then all has to be well.  Resolves to whether the call was made, and what
    // was refused: {met, refused: ["500 internal"]}.
    async point({ step, program, kind, n = 1, only = '' }) {
        const pids = this.stack.pids();
        const before = this.plans.failed(program, kind);
        this.plans.arm(program, kind, n, only);
        const visitor = await this.#step(step, program === 'gateway' && ENDS.includes(kind));
        const met = this.plans.failed(program, kind) > before;
        this.plans.arm(program, kind, 0);
        this.points++;
        if (met) this.#count(program, kind);
        const where = `${step} ${program} ${kind} ${only || n}${met ? ` (${this.plans.name(program, kind)})` : ', not met'}`;
        const wrong = (what) => this.say({ where, what });
        if (visitor.failure) wrong(visitor.failure.code === 'ERR_ASSERTION' ? visitor.failure.message : visitor.failure.stack);
        if (met && kind === 'memory') await this.#replaced(program, pids); // which may come a little later
        const well = await this.#healthy().then(() => true, (e) => wrong(e.message));
        this.#processes(program, kind, pids, wrong);
        this.#logs(visitor, kind, wrong);
        for (const { status, code } of visitor.refused) this.refusals[`${status} ${code}`] = (this.refusals[`${status} ${code}`] ?? 0) + 1;
        if (!well) await this.stack.down().then(() => this.stack.up()); // the next ones are not to blame
        return { met, refused: visitor.refused.map(({ status, code }) => `${status} ${code}`) };
    }

    async #replaced(program, before) {
        const other = () => Object.entries(this.stack.pids()).every(([, pid]) => pid) && Object.entries(this.stack.pids()).some(([name, pid]) => name.startsWith(program) && pid !== before[name]);
        await eventually(other, { within: 3000, every: 20 }).catch(() => {}); // it did without
    }

    #count(program, kind) {
        this.met++;
        const key = `${program} ${kind}`;
        if (!this.names.has(key)) this.names.set(key, new Map());
        const names = this.names.get(key);
        const name = this.plans.name(program, kind);
        names.set(name, (names.get(name) ?? 0) + 1);
    }

    // Nobody died, but for those that lack memory or threads.
    #processes(program, kind, before, wrong) {
        for (const [name, pid] of Object.entries(this.stack.pids()))
            if (pid !== before[name] && !(ENDS.includes(kind) && name.replace(/-\d+$/, '') === program)) wrong(`${name} died`);
    }

    // No report of a sanitizer, and honest refusals.
    #logs(visitor, kind, wrong) {
        const lines = this.watch.fresh();
        for (const { file, line } of lines) {
            if (BROKEN.test(line)) wrong(`${file}: ${line}`);
            if (/ended by signal (4|7|8|11)\b|status (132|135|136|139)\b/.test(line)) wrong(`${file}: ${line}`);
        }
        dishonest(lines, visitor.refused).forEach(wrong);
    }

    // What failed, as text.
    told() {
        const kinds = [...this.names].map(([key, names]) => `${key}: ${[...names].sort((a, b) => b[1] - a[1]).map(([name, n]) => `${name} ${n}`).join(', ')}`);
        return [`${this.points} points, ${this.met} calls failed; refused meanwhile: ${JSON.stringify(this.refusals)}`, ...kinds.sort()].join('\n');
    }
}

// What is wrong with lines of logs and the refusals ({what, status, id}) that they belong to: each is in the
// log under its request, a 500 with its fault; what is said about a call says which.
export function dishonest(lines, refused) {
    const nameless = lines.filter(({ line }) => / op=\w+ caller=/.test(line) && !/ trace=/.test(line));
    const found = nameless.map(({ file, line }) => `${file}: a call without its request: ${line}`);
    for (const { what, status, id } of refused.filter((r) => r.status)) {
        const about = lines.filter(({ line }) => line.includes(`trace=${id} `));
        if (!id || !about.length) found.push(`${what}: ${status}, and no line about request ${id}`);
        else if (status === 500 && !about.some(({ line }) => / fault at=/.test(line))) found.push(`${what}: 500, and no fault in the log of request ${id}`);
    }
    return found;
}

// Everything of the survey, or at most so many of each step, program and kind, evenly.
export function pointsOf(survey, most) {
    return survey.flatMap(({ step, program, kind, calls }) => {
        const limit = kind === 'memory' ? Math.ceil(most / 4) : most; // a new process each time
        const n = Math.min(calls, limit);
        return Array.from({ length: n }, (_, i) => ({ step, program, kind, n: 1 + Math.floor((i * calls) / n) }));
    });
}

// Lets calls of all kinds fail under load, as kill.mjs lets processes die; all that is acknowledged
// has to be right.  What is left out would rightly make turns fail.
export class Faulter {
    constructor(stack, records, { every, faults }) {
        Object.assign(this, { records, every, left: faults, over: false, armed: 0, plans: new Plans(stack) });
    }

    async rage() {
        const kinds = ['asked', 'answered', 'sent', 'received', 'files', 'called', 'memory'];
        const any = (list) => list[Math.floor(Math.random() * list.length)];
        for (; this.left > 0 && !this.over; this.left--) {
            const [program, kind] = [any(['chatd', 'chatd', ...PROGRAMS]), any(kinds)];
            const most = kind === 'memory' ? 2000 : 20;
            this.plans.arm(program, kind, 1 + Math.floor(Math.random() * most));
            this.armed++;
            await sleep(this.every * (0.3 + Math.random() * 1.4));
        }
        for (const program of PROGRAMS) for (const kind of kinds) this.plans.arm(program, kind, 0);
    }
}
