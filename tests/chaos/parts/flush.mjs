// Whether an acknowledgement is a promise: PostgreSQL is shut down immediately right after one, and
// everything that was acknowledged has to be there after recovery.
import crypto from 'node:crypto';
import { eventually, request, sleep } from '../../harness/http.mjs';

const WRITERS = 8;

export class Flush {
    constructor(stack, client) {
        Object.assign(this, { stack, client, acknowledged: 0, lost: [], rounds: 0 });
    }

    async prepare() {
        const { email, password, token } = this.client.who;
        Object.assign(this, { email, password, token });
        this.project = (await this.client.call('POST', '/projects', { body: { name: 'flush', model: 'echo' } })).json.id;
    }

    // One round: writes, an immediate shutdown in the moment of an acknowledgement, and a look.
    // Returns how many acknowledged changes were lost.
    async round() {
        const postmaster = this.stack.pid('postgres');
        const promises = []; // {what, check}
        const strike = 20 + Math.floor(Math.random() * 60);
        this.struck = false;
        const acknowledge = (what, check) => {
            promises.push({ what, check });
            if (promises.length !== strike) return;
            process.kill(postmaster, 'SIGQUIT'); // what pg_ctl stop -m immediate sends
            this.struck = true;
        };
        await Promise.all(Array.from({ length: WRITERS }, (_, n) => this.#write(n, acknowledge)));
        await eventually(() => this.#healed(postmaster), { within: 60000, what: 'PostgreSQL is back' });
        const lost = [];
        for (const { what, check } of promises) if (!(await check())) lost.push(what);
        this.rounds++;
        this.acknowledged += promises.length;
        this.lost.push(...lost);
        return lost.length;
    }

    async #healed(before) {
        const pid = this.stack.pid('postgres');
        if (!pid || pid === before) return false;
        return (await this.#send('GET', '/health')).status === 200 && (await this.#send('GET', '/projects?limit=1')).status === 200;
    }

    // Changes one thing after the other until the shutdown.
    async #write(n, acknowledge) {
        const own = (await this.#send('POST', '/projects', { name: `writer ${n}` })).json?.id;
        for (let i = 0; !this.struck; i++) {
            const name = `${n}-${i}-${crypto.randomBytes(4).toString('hex')}`;
            if (n === 0) await this.#register(name, acknowledge);
            else if (n < 4) await this.#chat(name, acknowledge);
            else if (n < 6) await this.#create(name, acknowledge);
            else if (n === 6 && own) await this.#rename(own, name, acknowledge);
            else if (own) await this.#prompt(own, name, acknowledge);
            else await sleep(20);
        }
    }

    async #send(method, path, body, token = this.token) {
        return request(this.stack.port, { method, path, body, token, timeout: 30000 }).catch(() => ({ status: 0 }));
    }

    // Looks until the platform can say.
    async #look(path, found, method = 'GET', body = undefined) {
        const said = async () => {
            const r = await this.#send(method, path, body);
            return r.status && r.status < 500 ? r : undefined;
        };
        const { status, json } = await eventually(said, { within: 30000, what: path });
        return status === 200 && found(json);
    }

    async #register(name, acknowledge) {
        const body = { email: `${name}@example.com`, password: 'Flush-4-ever' };
        const { status } = await this.#send('POST', '/users/register', body, null);
        if (status === 201) acknowledge(`account ${name}`, () => this.#look('/users/login', () => true, 'POST', body));
    }

    async #create(name, acknowledge) {
        const { status, json } = await this.#send('POST', '/projects', { name });
        if (status === 201) acknowledge(`project ${json.id}`, () => this.#look(`/projects/${json.id}`, (p) => p.name === name));
    }

    // A later rename may be there already, though nobody was told; an earlier one may not.
    async #rename(id, name, acknowledge) {
        const { status, json } = await this.#send('PUT', `/projects/${id}`, { name });
        if (status === 200) acknowledge(`name ${name}`, () => this.#look(`/projects/${id}`, (p) => p.updated_at >= json.updated_at));
    }

    async #prompt(id, name, acknowledge) {
        const { status, json } = await this.#send('POST', `/projects/${id}/prompts`, { name, content: name });
        if (status === 409) await sleep(20); // 50 of them: that is all
        if (status === 201) acknowledge(`prompt ${json.id}`, () => this.#look(`/projects/${id}/prompts?after=${json.id - 1}&limit=1`, (list) => list[0]?.id === json.id));
    }

    async #chat(name, acknowledge) {
        const { status, json } = await this.#send('POST', '/chat', { project_id: this.project, message: name });
        if (status === 200)
            acknowledge(`turn ${json.turn_id}`, () => this.#look(`/chat/turns/${json.turn_id}`, (t) => t.state === 'completed' && t.text === json.reply && t.text === name));
    }
}

// Makes commits of all daemons return before the WAL is flushed (or again after it): what the test
// has to notice.  It acts on connections that are made later.
export const unsafe = (on) =>
    ['authd', 'projectd', 'chatd'].map((role) => `ALTER ROLE ${role} ${on ? 'SET synchronous_commit = off' : 'RESET synchronous_commit'}`).join(';\n');
