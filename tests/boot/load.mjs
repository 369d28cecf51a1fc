// A light load of all that users do, which counts what goes wrong.
import http from 'node:http';
import https from 'node:https';
import { call, sleep } from './host.mjs';

export async function account(base, email) {
    const body = { email, password: 'SecurePass123' };
    const made = await call(base, 'POST', '/users/register', { body });
    if (made.status !== 201 && made.status !== 409) throw new Error(`register: ${made.status} ${made.text}`);
    const login = await call(base, 'POST', '/users/login', { body });
    if (login.status !== 200) throw new Error(`login: ${login.status} ${login.text}`);
    return login.json.access_token;
}

export class Load {
    // Begins: `workers` people, each with a project of their own.
    static async start(base, token, { workers = 6 } = {}) {
        const load = new Load();
        const kind = base.startsWith('https:') ? https : http;
        Object.assign(load, { base, token, served: 0, failed: [], conflicts: 0, twice: [], slowest: 0 });
        load.agent = new kind.Agent({ keepAlive: true, maxSockets: workers });
        load.running = Array.from({ length: workers }, (_, i) => load.#work(i));
        await load.more(workers * 2);
        return load;
    }

    // Until that many calls more were served.
    async more(n) {
        const until = this.served + n;
        const end = Date.now() + 60000;
        while (this.served < until) {
            if (Date.now() > end) throw new Error(`the load stands still; failed: ${this.failed.slice(0, 3)}`);
            await sleep(20);
        }
    }

    // Ends it.  Resolves to {served, failed, conflicts, twice}.
    async stop() {
        this.over = true;
        await Promise.all(this.running);
        this.agent.destroy();
        return this;
    }

    // What went wrong, as one text; "" is what tests want.
    wrong() {
        return [...this.failed, ...this.twice].slice(0, 10).join('\n');
    }

    async #call(method, path, body, headers = {}) {
        const begun = Date.now();
        try {
            const { base, token, agent } = this;
            const reply = await call(base, method, path, { body, token, headers, agent });
            this.slowest = Math.max(this.slowest, Date.now() - begun);
            if (reply.status < 300) {
                this.served++;
                return reply;
            }
            // the same call still runs, sent by a gateway that died: an honest answer
            if (reply.status === 409 && reply.json?.code === 'in_flight') this.conflicts++;
            else this.failed.push(`${method} ${path}: ${reply.status} ${reply.text.slice(0, 200)}`);
        } catch (e) {
            this.failed.push(`${method} ${path}: ${e.message}`);
        }
        return undefined;
    }

    async #work(i) {
        const project = (await this.#call('POST', '/projects', { name: `Load ${i}` }))?.json.id;
        let conversation;
        for (let n = 0; project && !this.over; n++) {
            const name = `prompt ${i}-${n}`;
            const key = n % 2 ? { 'Idempotency-Key': `${project}-${name}` } : {};
            await this.#call('GET', '/projects?limit=5');
            await this.#call('POST', `/projects/${project}/prompts`, { name, content: 'Be brief.' }, key);
            const prompts = (await this.#call('GET', `/projects/${project}/prompts`))?.json ?? [];
            if (prompts.filter((p) => p.name === name).length > 1) this.twice.push(`done twice: ${name}`);
            for (const p of prompts) await this.#call('DELETE', `/projects/prompts/${p.id}`);
            const body = { project_id: project, message: `hello ${n}`, conversation_id: conversation };
            const chat = await this.#call('POST', '/chat', body, key['Idempotency-Key'] ? { 'Idempotency-Key': `chat-${project}-${n}` } : {});
            conversation = chat?.json.conversation_id ?? conversation;
            if (chat && !chat.json.reply) this.failed.push(`chat without a reply: ${chat.text}`);
            await sleep(30);
        }
    }
}
