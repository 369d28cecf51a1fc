// All that people do, at once and for long: everything that is made is deleted some minutes later,
// so that what is there does not grow.
import crypto from 'node:crypto';
import { request, sleep } from '../../harness/http.mjs';
import { Follower } from '../../chaos/parts/follower.mjs';

const PATIENCE = 60000; // ms that anybody asks for one answer
const PASSING = [0, 502, 503, 504]; // while a process is restarted

export class Mixed {
    // kept: ms that a conversation lives
    constructor(bench, { kept }) {
        Object.assign(this, { bench, kept, over: false, counts: {}, wrong: [], again: 0 });
    }

    #port() {
        const { ports } = this.bench.stack;
        return ports[Math.floor(Math.random() * ports.length)];
    }

    // Asks until it is answered; what is wrong is kept.
    async ask(method, path, { body, token, headers = {}, want = [200, 201, 202, 204] } = {}) {
        const send = method === 'GET' ? headers : { ...headers, 'Idempotency-Key': crypto.randomUUID() };
        for (const end = Date.now() + PATIENCE; ; await sleep(100)) {
            const reply = await request(this.#port(), { method, path, body, token, headers: send, timeout: 30000 }).catch((e) => ({ status: 0, text: e.message }));
            if (want.includes(reply.status)) return reply;
            if (!(PASSING.includes(reply.status) || reply.json?.code === 'in_flight') || Date.now() > end) throw new Error(`${method} ${path}: ${reply.status} ${reply.text}`);
            this.again++;
        }
    }

    // Repeats what somebody does until all is over, with a pause of about so many ms.
    async #forever(name, pause, work) {
        for (let n = 0; !this.over; n++) {
            try {
                await work(n);
                this.counts[name] = (this.counts[name] ?? 0) + 1;
            } catch (e) {
                this.wrong.push(`${name}: ${e.message}`);
            }
            await sleep(pause * (0.5 + Math.random()));
        }
    }

    // What was made is deleted later, also when all is over by then.
    #later(made) {
        (this.graveyard ??= []).push({ at: Date.now() + this.kept, ...made });
    }

    async #bury(all = false) {
        const due = (this.graveyard ?? []).filter((one) => all || one.at < Date.now());
        this.graveyard = (this.graveyard ?? []).filter((one) => !due.includes(one));
        const next = async () => {
            for (let one = due.pop(); one; one = due.pop()) await this.ask('DELETE', one.path, { token: one.token, want: [204, 404] });
        };
        await Promise.all([next(), next(), next(), next()]);
    }

    async #talk(token, project) {
        let conversation;
        for (let m = 0; m < 4 && !this.over; m++) {
            const body = { project_id: project, message: `message ${m} ${'of some words '.repeat(Math.random() * 30)}`, ...(conversation && { conversation_id: conversation }) };
            const { json } = await this.ask('POST', '/chat', { body, token });
            if (!json.reply) throw new Error(`an answer without text: ${JSON.stringify(json)}`);
            conversation = json.conversation_id;
        }
        if (conversation) this.#later({ path: `/conversations/${conversation}`, token });
    }

    async #stream(token, project) {
        const follower = new Follower();
        const key = crypto.randomUUID();
        for (const end = Date.now() + PATIENCE; !follower.last && Date.now() < end; await sleep(20)) {
            const first = { method: 'POST', path: '/chat', headers: { 'Idempotency-Key': key }, body: { project_id: project, message: 'a stream', stream: true } };
            const again = { path: `/chat/turns/${follower.turn}/events`, headers: { 'Last-Event-ID': String(follower.id) } };
            const got = await follower.connect(this.#port(), { ...(follower.turn ? again : first), token });
            if (got.wrong) throw new Error(got.wrong);
        }
        if (follower.last?.name !== 'completed') throw new Error(`a stream ended ${JSON.stringify(follower.last)}`);
        this.#later({ path: `/conversations/${follower.of('accepted')[0].conversation_id}`, token });
    }

    async #upload(token, project) {
        const content = crypto.randomBytes(10000 + Math.floor(Math.random() * 400000));
        const boundary = crypto.randomUUID();
        const head = `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="soak.bin"\r\nContent-Type: application/octet-stream\r\n\r\n`;
        const body = Buffer.concat([Buffer.from(head), content, Buffer.from(`\r\n--${boundary}--\r\n`)]);
        const { json } = await this.ask('POST', `/projects/${project}/files`, { body, token, headers: { 'Content-Type': `multipart/form-data; boundary=${boundary}` } });
        const back = await this.ask('GET', `/projects/files/${json.id}/content`, { token });
        if (!back.bytes.equals(content)) throw new Error('a file came back as something else');
        await this.ask('DELETE', `/projects/files/${json.id}`, { token });
    }

    async #look(token, project) {
        for (const path of ['/projects', `/projects/${project}/conversations`, '/search?q=words', '/users/me/sessions', `/projects/${project}/usage`, '/health/live']) await this.ask('GET', path, { token });
    }

    async #session(who) {
        const { json } = await this.ask('POST', '/users/login', { body: who });
        const renewed = await this.ask('POST', '/users/refresh', { body: { refresh_token: json.refresh_token }, want: [200, 401] }); // 401: an answer was lost
        await this.ask('POST', '/users/logout', { token: renewed.json.access_token ?? json.access_token, want: [204, 401] });
    }

    async #project(token) {
        const { json } = await this.ask('POST', '/projects', { body: { name: 'soak' }, token });
        const prompt = await this.ask('POST', `/projects/${json.id}/prompts`, { body: { name: 'p', content: 'x'.repeat(2000) }, token });
        for (let n = 0; n < 5; n++) await this.ask('PUT', `/projects/prompts/${prompt.json.id}`, { body: { content: `y${n}`.repeat(1000) }, token });
        await this.#talk(token, json.id);
        await this.ask('DELETE', `/projects/${json.id}`, { token });
    }

    async #account(n) {
        const who = { email: `soak${n}.${crypto.randomBytes(4).toString('hex')}@example.com`, password: 'Soaks-4-ever' };
        await this.ask('POST', '/users/register', { body: who });
        const token = (await this.ask('POST', '/users/login', { body: who })).json.access_token;
        const project = (await this.ask('POST', '/projects', { body: { name: 'short' }, token })).json.id;
        await this.#upload(token, project);
        await this.ask('POST', '/chat', { body: { project_id: project, message: 'hello' }, token });
        await this.ask('DELETE', '/users/me', { body: { password: who.password }, token, want: [202, 401] }); // 401: an answer was lost
    }

    // Does all of it until over is set.
    async go() {
        const { bench } = this;
        const login = { email: 'load0@example.com', password: 'Load4ever' };
        const own = async (token, model) => (await bench.ask('POST', '/projects', { name: model, model }, token)).id;
        const works = [];
        for (const token of bench.people) {
            const echo = await own(token, 'echo');
            const text = await own(token, 'n-40x20');
            works.push(this.#forever('conversations', 50, () => this.#talk(token, echo)), this.#forever('streams', 50, () => this.#stream(token, text)));
            works.push(this.#forever('uploads', 700, () => this.#upload(token, echo)), this.#forever('looks', 300, () => this.#look(token, echo)));
        }
        works.push(this.#forever('sessions', 1500, () => this.#session(login)), this.#forever('projects', 500, () => this.#project(bench.people[0])));
        works.push(this.#forever('accounts', 6000, (n) => this.#account(n)), this.#forever('deletions', 1000, () => this.#bury()));
        await Promise.all(works);
        await this.#bury(true);
    }
}
