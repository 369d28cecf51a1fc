// Many people who talk to the platform, insist on their answers, and write down all that they see.
//
// Every message begins with a label of its own, by which its turn, its answer and its upstream calls
// are found again.  The label's last letter says what should become of it:
//   p  plain, with a key        n  plain, without a key: sent once, whatever happens
//   f  follows up while the answer before it runs
//   s  streamed: resumed at any gateway with the last event's id; some with a second tab
//   c  streamed, and stopped on the way
//   x  the model refuses it: has to fail       y  the model fails twice before it answers
import crypto from 'node:crypto';
import { request, sleep } from '../../harness/http.mjs';
import { now } from './records.mjs';
import { Follower } from './follower.mjs';

const PATIENCE = 90000; // ms that a client goes on asking for one answer
const TABS = 0.2; // share of streams that a second tab follows
const PADS = ['Grüße', '漢字', '🦀🦀', 'naïve', 'ß', 'plain words', '“quoted”', 'a\tb', '\\ \n "'];

// What the provider does; spoken() in facts.mjs knows these answers.
export const script = ({ gap, deltas }) => ({
    models: {
        plain: { reply: '{call} {n} {last}', deltas, gap_ms: gap },
        refused: { status: 400, message: 'provoked' },
    },
});

export class Crowd {
    // options: users, turns (of all together), mix {n, f, s, c, x, y}: shares of the kinds, words: of
    // a message at most, ports: where streams are asked for
    constructor(stack, records, { users, turns, mix, words = 8, ports = stack.ports }) {
        Object.assign(this, { stack, records, mix, words, ports, left: turns, over: false, sent: 0 });
        this.users = Array.from({ length: users }, (_, n) => ({ n, email: `user${n}.${crypto.randomBytes(4).toString('hex')}@example.com`, password: 'Chaos-4-ever' }));
    }

    // Makes the accounts and their projects, in peace.
    async prepare() {
        for (const user of this.users) {
            const { email, password } = user;
            await this.#ask(user, 'POST', '/users/register', { email, password }, 201);
            user.token = (await this.#ask(user, 'POST', '/users/login', { email, password }, 200)).access_token;
            user.plain = (await this.#ask(user, 'POST', '/projects', { name: 'plain', model: 'plain' }, 201)).id;
            user.refused = (await this.#ask(user, 'POST', '/projects', { name: 'refused', model: 'refused' }, 201)).id;
        }
    }

    // A machine that is busy with something else may be late.
    async #ask(user, method, path, body, status) {
        const headers = path === '/users/login' ? {} : { 'Idempotency-Key': crypto.randomUUID() };
        const one = () => request(this.stack.port, { method, path, body, headers, token: user.token, timeout: 30000 });
        let reply = await one();
        for (const end = Date.now() + PATIENCE; reply.status >= 503 && Date.now() < end; reply = await one()) await sleep(500);
        if (reply.status !== status) throw new Error(`${method} ${path}: ${reply.status} ${reply.text}`);
        return reply.json;
    }

    // Talks until all turns are used up, or over is set; resolves when the last answer is there.
    async talk() {
        await Promise.all(this.users.map((user) => this.#chat(user)));
    }

    take() {
        return !this.over && this.left-- > 0;
    }

    async #chat(user) {
        for (let c = 0; !this.over && this.left > 0; c++) {
            const kind = this.#kind();
            if (kind === 'x') await this.#single(user, user.refused, c, 'x');
            else if (kind === 'y') await this.#single(user, await this.#moody(user, c), c, 'y');
            else await this.#conversation(user, c);
        }
    }

    #kind() {
        const dice = Math.random();
        const { x, y } = this.mix;
        return dice < x ? 'x' : dice < x + y ? 'y' : 'p';
    }

    async #single(user, project, c, kind) {
        if (project && this.take()) await this.#turn(user, { project, conversation: 0, name: `u${user.n}c${c}`, m: 0, kind });
    }

    // A project whose model answers 500 to its first two calls.
    async #moody(user, c) {
        const model = `echo.u${user.n}c${c}+status=500+times=2`;
        const reply = await this.#persist(user, { label: `project-u${user.n}c${c}`, path: '/projects', body: { name: 'moody', model }, key: crypto.randomUUID() });
        return reply?.json?.id;
    }

    // How a message of a conversation is sent; only behind another one it can follow up.
    #sort(behind) {
        const { n, s, c, f } = this.mix;
        const dice = Math.random();
        if (dice < n) return 'n';
        if (dice < n + s) return 's';
        if (dice < n + s + c) return 'c';
        return behind && dice < n + s + c + f ? 'f' : 'p';
    }

    // A few messages one after the other; some are sent before the answer above has come.
    async #conversation(user, c) {
        const length = 1 + Math.floor(Math.random() * 6);
        let conversation = 0;
        let before;
        for (let m = 0; m < length && this.take(); m++) {
            const kind = this.#sort(m > 0);
            if (kind === 'f') await sleep(20 + Math.random() * 80);
            else await before;
            const turn = this.#turn(user, { project: user.plain, conversation, name: `u${user.n}c${c}`, m, kind });
            if (!conversation) {
                conversation = (await turn)?.json?.conversation_id;
                if (!conversation) return; // a message without a key that was cut off
            }
            before = Promise.all([before, turn]);
        }
        await before;
    }

    async #turn(user, { project, conversation, name, m, kind }) {
        const label = `${name}m${m}${kind}`;
        const words = Array.from({ length: 1 + Math.floor(Math.random() * this.words) }, () => PADS[Math.floor(Math.random() * PADS.length)]);
        const body = { project_id: project, message: [label, ...words].join(' ') };
        if (conversation) body.conversation_id = conversation;
        if (kind === 's' || kind === 'c') return this.#stream(user, { label, body, key: crypto.randomUUID(), stop: kind === 'c' });
        return this.#persist(user, { label, path: '/chat', body, key: kind === 'n' ? undefined : crypto.randomUUID() });
    }

    // Asks until there is an answer, at whichever gateway; without a key only once.
    async #persist(user, { label, path, body, key }) {
        const end = Date.now() + PATIENCE;
        for (let tries = 1; ; tries++) {
            const reply = await this.#send(user, { label, path, body, key, tries });
            const again = reply.status === 0 || reply.status === 503 || (reply.status === 504 && reply.json?.code !== 'timeout_total') || reply.json?.code === 'in_flight';
            if (!again || !key) return reply;
            if (Date.now() > end) {
                this.records.add({ at: now(), what: 'gave_up', label });
                return reply;
            }
            await sleep(50 + Math.random() * 200);
        }
    }

    #note(record) {
        this.records.add({ at: now(), ...record });
    }

    async #send(user, { label, path, body, key, tries }) {
        const port = any(this.stack.ports);
        const n = ++this.sent;
        const headers = key ? { 'Idempotency-Key': key } : {};
        this.#note({ what: 'send', n, label, path, key, port, tries, text: body.message });
        const reply = await request(port, { method: 'POST', path, body, headers, token: user.token }).catch((e) => ({ status: 0, why: e.code ?? e.message }));
        this.#note({ what: reply.status ? 'reply' : 'broken', n, label, port, status: reply.status, why: reply.why, path, body: reply.json });
        return reply;
    }

    // The same as events: asks until it has them all, wherever the streams break off.
    async #stream(user, { label, body, key, stop }) {
        const follower = new Follower();
        const ask = { method: 'POST', path: '/chat', headers: { 'Idempotency-Key': key }, body: { ...body, stream: true } };
        const told = {};
        const heard = ({ name, data }) => {
            if (name === 'accepted' && !told.accepted) {
                told.accepted = data;
                this.#note({ what: 'accepted', label, path: '/chat', body: data });
                if (Math.random() < TABS) told.tab = this.#tab(user, label, data.turn_id);
            }
            if (name === 'delta' && stop && !told.stop && Math.random() < 0.3) told.stop = this.#cancel(user, label, follower.turn);
        };
        const refusal = await this.#follow(user, { label, key, follower, ask, heard });
        await told.stop;
        const reply = refusal ?? ended(follower, told.accepted);
        this.#note({ what: 'reply', label, path: '/chat', status: reply.status, body: reply.json });
        const text = await told.tab;
        if (text !== undefined && follower.last && text !== follower.text) this.#note({ what: 'wrong', label, why: 'two tabs saw different texts' });
        return reply;
    }

    // Opens streams until the turn has ended; resolves to a final answer that is no stream, if any.
    async #follow(user, { label, key, follower, ask, heard }) {
        for (const end = Date.now() + PATIENCE; Date.now() < end; await sleep(Math.random() * 100)) {
            const port = any(this.ports);
            const n = ++this.sent;
            const headers = follower.id === undefined ? {} : { 'Last-Event-ID': String(follower.id) };
            const one = follower.turn ? { path: `/chat/turns/${follower.turn}/events`, headers } : ask;
            this.#note({ what: 'send', n, label, path: one.path, key, port, tries: 1, after: String(follower.id), text: one.body?.message });
            follower.heard = heard;
            const got = await follower.connect(port, { ...one, token: user.token });
            this.#note({ what: follower.last ? 'closed' : 'broken', n, label, port, path: one.path, status: got.status, why: got.why, body: got.json });
            if (got.wrong) this.#note({ what: 'wrong', label, why: got.wrong });
            if (follower.last || got.wrong) return undefined;
            const final = got.status >= 400 && ![503, 504].includes(got.status) && got.json?.code !== 'in_flight';
            if (final) return { status: got.status, json: got.json };
        }
        this.#note({ what: 'gave_up', label });
        return { status: 0 };
    }

    // Another tab reads the turn from its beginning; resolves to what it saw in the end.
    async #tab(user, label, turn) {
        const follower = new Follower();
        follower.turn = turn;
        await this.#follow(user, { label, follower, heard: () => {} });
        return follower.last && follower.text;
    }

    // Asks for the turn's end until somebody has heard it.
    async #cancel(user, label, turn) {
        this.#note({ what: 'cancel', label, turn });
        for (const end = Date.now() + PATIENCE; Date.now() < end; await sleep(50)) {
            const reply = await request(any(this.stack.ports), { method: 'POST', path: `/chat/turns/${turn}/cancel`, token: user.token }).catch(() => ({ status: 0 }));
            if (reply.status && reply.status < 500) return void this.#note({ what: 'cancelled', label, turn, status: reply.status });
        }
        return undefined;
    }
}

const any = (list) => list[Math.floor(Math.random() * list.length)];

// A stream's end in the words of a blocking answer.
function ended({ last, text, turn }, accepted) {
    if (!last) return { status: 0 };
    const { name, data } = last;
    const { conversation_id } = accepted ?? {};
    if (name === 'completed') return { status: 200, json: { reply: text, conversation_id, turn_id: turn, message_id: data.message_id } };
    return { status: name === 'cancelled' ? 409 : 502, json: { turn_id: turn, conversation_id, code: data.code ?? name, text } };
}
