// Many people who talk to the platform, insist on their answers, and write down all that they see.
//
// Every message begins with a label of its own, by which its turn, its answer and its upstream calls
// are found again.  The label's last letter says what should become of it:
//   p  plain, with a key        n  plain, without a key: sent once, whatever happens
//   f  follows up while the answer before it runs
//   x  the model refuses it: has to fail       y  the model fails twice before it answers
import crypto from 'node:crypto';
import { request, sleep } from '../../harness/http.mjs';
import { now } from './records.mjs';

const PATIENCE = 90000; // ms that a client goes on asking for one answer
const PADS = ['Grüße', '漢字', '🦀🦀', 'naïve', 'ß', 'plain words', '“quoted”', 'a\tb', '\\ \n "'];

// What the provider does; spoken() in facts.mjs knows these answers.
export const script = ({ gap, deltas }) => ({
    models: {
        plain: { reply: '{call} {n} {last}', deltas, gap_ms: gap },
        refused: { status: 400, message: 'provoked' },
    },
});

export class Crowd {
    // options: users, turns (of all together), mix {n, f, x, y}: shares of the kinds, words: of a
    // message at most
    constructor(stack, records, { users, turns, mix, words = 8 }) {
        Object.assign(this, { stack, records, mix, words, left: turns, over: false, sent: 0 });
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

    async #ask(user, method, path, body, status) {
        const reply = await request(this.stack.port, { method, path, body, token: user.token });
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
        const { n, f } = this.mix;
        const dice = Math.random();
        if (dice < n) return 'n';
        return behind && dice < n + f ? 'f' : 'p';
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
}

const any = (list) => list[Math.floor(Math.random() * list.length)];
