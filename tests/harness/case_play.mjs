// Plays one scene of a .case file against a stack.
import assert from 'node:assert/strict';
import { pairs } from './case_parse.mjs';
import { parseExpectation, verify } from './expect.mjs';
import { eventually, sleep } from './http.mjs';

export class Player {
    constructor(client, file) {
        this.client = client;
        this.file = file;
        this.vars = new Map([['nonce', client.nonce]]);
        this.allowed = []; // patterns of log lines that may appear
        this.pending = new Map();
    }

    async scene(scene) {
        for (const step of scene.steps) {
            try {
                await this.step(step);
            } catch (e) {
                e.where = `${this.file}:${e.line ?? step.line}`;
                e.message = `${e.where}: ${e.message}`;
                throw e;
            }
        }
    }

    async step(step) {
        const { stack } = this.client;
        const rest = step.rest && this.fill(step.rest);
        if (step.verb === 'request') return this.request(step);
        if (step.verb === 'as' || step.verb === 'login') return this.#become(step);
        if (step.verb === 'set') return void this.vars.set(step.args[0], this.fill(step.args.slice(2).join(' ')));
        if (step.verb === 'sleep') return sleep(Number(step.args[0].replace('ms', '')));
        if (step.verb === 'expect-log') return void this.allowed.push(regex(step.rest));
        if (step.verb === 'reload') return stack.reload(step.args[0], pairs(step.args.slice(1)));
        if (step.verb === 'upstream') return this.#upstream(step.args, rest);
        if (step.verb === 'finish') return this.#finish(step);
    }

    // What a call is released from must have come: a turn that says `running` may not have sent it yet.
    async #upstream([what, n], rest) {
        const { stack } = this.client;
        if (what === 'held' || what === 'release') await stack.held(Number(n ?? 1));
        if (what !== 'held') await stack.tell(what, what === 'script' ? JSON.parse(rest.slice(what.length)) : {});
    }

    async #become({ verb, args: [name] }) {
        const person = await this.client.as(name);
        if (verb === 'login') await this.client.login(name);
        if (!person) return;
        for (const key of ['email', 'password', 'token', 'id']) this.vars.set(key === 'id' ? 'me' : key, person[key]);
        for (const key of ['email', 'token', 'id']) this.vars.set(`${name}_${key}`, person[key]);
    }

    // One request with its details; `-> later NAME` leaves it running for `finish NAME -> ...`.
    async request(step) {
        const plan = this.#plan(step);
        const later = /^later (\S+)$/.exec(step.result);
        if (later) {
            const calls = this.client.stack.upstream?.count;
            const run = this.#send(step, plan);
            run.catch(() => {});
            return void this.pending.set(later[1], { run, step, calls });
        }
        if (plan.within)
            await eventually(() => this.#once(step, plan).then(() => true), { within: plan.within, every: 100 });
        else for (let i = 0; i < plan.times; i++) await this.#once(step, plan);
    }

    async #once(step, plan) {
        const { upstream } = this.client.stack;
        const calls = upstream?.count;
        const replies = await Promise.all(Array.from({ length: plan.together }, () => this.#send(step, plan)));
        for (const reply of replies) this.#judge(step.result, reply, plan, calls, replies);
    }

    async #finish(step) {
        const [name] = step.args;
        const { run, step: asked, calls } = this.pending.get(name);
        this.pending.delete(name);
        const reply = await run;
        this.#judge(step.rest.slice(step.rest.indexOf('->') + 3), reply, this.#plan({ ...asked, details: step.details }), calls, [reply]);
    }

    #plan(step) {
        const plan = { headers: {}, times: 1, together: 1, expectations: [] };
        if (step.body !== undefined) plan.body = this.fill(step.body);
        for (const { line, text } of step.details) {
            const [word] = text.split(' ', 1);
            const rest = text.slice(word.length + 1);
            if (word === 'send') {
                const filled = this.fill(rest);
                plan.headers[filled.slice(0, filled.indexOf(':'))] = filled.slice(filled.indexOf(':') + 1).trim();
            } else if (word === 'key') plan.headers['Idempotency-Key'] = this.fill(rest);
            else if (word === 'times') plan.times = Number(rest);
            else if (word === 'together') plan.together = Number(rest);
            else if (word === 'within') plan.within = Number(rest.replace('s', '')) * 1000;
            else plan.expectations.push({ line, text });
        }
        return plan;
    }

    #send(step, plan) {
        return this.client.call(step.method, this.fill(step.path), {
            body: plan.body,
            headers: plan.headers,
            port: this.client.stack.ports[step.gateway],
        });
    }

    #judge(result, reply, plan, calls, all) {
        const [status, code, field] = result.split(/ +/);
        const shown = `${reply.status} ${reply.text.slice(0, 400)}`;
        assert.equal(String(reply.status), status, `expected ${result}, got ${shown}`);
        if (code) assert.equal(reply.json?.code, code, `expected ${result}, got ${shown}`);
        if (field) assert.equal(reply.json?.field, field, `expected ${result}, got ${shown}`);
        const scope = { reply, all, calls, upstream: this.client.stack.upstream, vars: this.vars };
        for (const { line, text } of plan.expectations) {
            try {
                verify(parseExpectation(text), scope, (s) => this.fill(s));
            } catch (e) {
                e.line = line;
                throw e;
            }
        }
    }

    // Puts variables into text: $name, $(repeat x 120).
    fill(text) {
        return text
            .replace(/\$\(repeat (\S+) (\d+)\)/g, (_, what, n) => what.repeat(Number(n)))
            .replace(/\$([a-z][a-z0-9_]*)/g, (_, name) => {
                if (!this.vars.has(name)) throw new Error(`$${name} is not set`);
                return this.vars.get(name);
            });
    }
}

export function regex(text) {
    const match = /^\/(.*)\/([a-z]*)$/.exec(text.trim());
    if (!match) throw new Error(`not a /pattern/: ${text}`);
    return new RegExp(match[1], match[2]);
}
