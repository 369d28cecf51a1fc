// How PostgreSQL runs a stack's statements, as auto_explain tells: which indexes, how many pages.
import fs from 'node:fs';
import path from 'node:path';
import { execute, select } from '../../harness/database.mjs';
import { eventually, sleep } from '../../harness/http.mjs';

const LOUD = ["session_preload_libraries = 'auto_explain'", 'auto_explain.log_min_duration = 0', 'auto_explain.log_analyze = on', 'auto_explain.log_buffers = on', 'auto_explain.log_timing = off', 'auto_explain.log_format = json'];
const ROLES = ['chatd', 'projectd'];
const LARGE = 1000; // rows: a table of fewer may be read as a whole
// What daemons do by themselves.
const OWN = /UPDATE owner|FROM owner|INTO owner|search_todo|title_due|outbox|^WITH (running|next|gone) AS|FROM turn WHERE process|min\(created_at\)|FROM erasure|staged_at|project_ref WHERE/;

export class Plans {
    static async of(bench) {
        const plans = new Plans();
        plans.bench = bench;
        plans.log = path.join(bench.stack.data, 'log/postgres.log');
        plans.found = [];
        const rows = await select(bench.stack, 'SELECT relname, reltuples FROM pg_class WHERE relkind = \'r\'');
        plans.rows = Object.fromEntries(rows.map((r) => [r.relname, r.reltuples]));
        await plans.#set(LOUD.map((what) => `SET ${what}`));
        return plans;
    }

    async end() {
        await this.#set(LOUD.map((what) => `RESET ${what.split(' ')[0]}`));
    }

    // For new connections, so the daemons begin anew.
    async #set(changes) {
        const { stack } = this.bench;
        await execute(stack, ROLES.flatMap((role) => changes.map((change) => `ALTER ROLE ${role} ${change}`)).join(';'));
        for (const name of ['chatd-1', 'projectd']) {
            const old = stack.pid(name);
            stack.signal(name, 'SIGTERM');
            await eventually(() => stack.pid(name) && stack.pid(name) !== old, { what: `${name} is back` });
        }
        await eventually(async () => (await this.bench.ask('GET', '/health').catch(() => ({}))).status === 'healthy', { what: 'all is well again' });
        await sleep(1000);
    }

    // The plans of the statements that run meanwhile, twice, as the first time fills caches.
    async while(work) {
        await work();
        await sleep(300);
        const from = fs.statSync(this.log).size;
        await work();
        await sleep(300);
        return parse(fs.readFileSync(this.log, 'utf8').slice(from)).filter((plan) => !OWN.test(plan['Query Text']));
    }

    add(name, plans) {
        this.found.push({ name, statements: plans.map((plan) => this.#read(plan)) });
    }

    #read({ 'Query Text': text, Plan: top }) {
        const nodes = [...walk(top)];
        const indexes = [...new Set(nodes.map((n) => n['Index Name']).filter(Boolean))].sort();
        const whole = nodes.filter((n) => n['Node Type'] === 'Seq Scan' && this.rows[n['Relation Name']] > LARGE).map((n) => n['Relation Name']);
        return { statement: text.replace(/\s+/g, ' ').slice(0, 60), indexes, whole, pages: top['Shared Hit Blocks'] + top['Shared Read Blocks'] };
    }

    print(print) {
        for (const { name, statements } of this.found) {
            const read = statements.filter((s) => s.indexes.length || s.whole.length);
            const sum = read.reduce((all, s) => all + s.pages, 0);
            const whole = [...new Set(read.flatMap((s) => s.whole))];
            const indexes = [...new Set(read.flatMap((s) => s.indexes))];
            print(`${name.padEnd(16)} ${String(sum).padStart(6)} pages, ${whole.length ? `READ AS A WHOLE: ${whole.join(' ')}` : 'by indexes alone'}: ${indexes.join(' ')}`, { name: `plan.${name}`, pages: sum, whole, statements: read });
        }
    }
}

function* walk(node) {
    yield node;
    for (const child of node.Plans ?? []) yield* walk(child);
}

// Each stands behind "plan:", on lines that begin with a tab.
function parse(log) {
    return [...log.matchAll(/ plan:\n((?:\t.*\n)+)/g)].map(([, text]) => JSON.parse(text.replace(/^\t/gm, '')));
}
