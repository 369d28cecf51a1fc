// Statements against a stack's database, by psql, as one of its roles.
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import readline from 'node:readline';

// Runs one SELECT and resolves to its rows as objects; rejects when the server does not answer.
// The schemas' tables are named in full: chat.turn.
export async function select(stack, statement, role = 'postgres') {
    const child = psql(stack, role, `SELECT row_to_json(row) FROM (${statement}) row`);
    const rows = [];
    let why = '';
    child.stderr.on('data', (c) => (why += c));
    const ended = new Promise((done) => child.on('close', done));
    for await (const line of readline.createInterface({ input: child.stdout })) if (line) rows.push(JSON.parse(line));
    const code = await ended;
    if (code !== 0) throw new Error(`psql: ${code} ${why.trim()}`);
    return rows;
}

// Runs statements for their effect.
export async function execute(stack, statements, role = 'postgres') {
    const child = psql(stack, role, statements);
    let why = '';
    child.stderr.on('data', (c) => (why += c));
    child.stdout.resume();
    const code = await new Promise((done) => child.on('close', done));
    if (code !== 0) throw new Error(`psql: ${code} ${why.trim()}`);
}

// Runs statements as a role, each for itself; returns what psql said to each, errors included.
export function sql(stack, role, ...statements) {
    const { uid, gid } = fs.statSync(path.join(stack.data, 'postgres'));
    const input = statements.map((text, i) => `\\echo === ${i}\n${text};\n`).join('');
    const command = 'exec "$0" -X -q -A -t -v VERBOSITY=verbose -h "$1" -U "$2" -d chatbot 2>&1';
    const options = { input, encoding: 'utf8', cwd: '/', uid, gid, env: { PATH: process.env.PATH } };
    const { stdout } = spawnSync('sh', ['-c', command, program(stack), socketDirectory(stack), role], options);
    return stdout.split(/^=== \d+\n/m).slice(1).map((said) => said.trim());
}

// The psql of the cluster's version itself: the one in the PATH is a program in Perl that looks for it,
// and takes longer for that than psql for a statement.
const program = (stack) => `/usr/lib/postgresql/${fs.readFileSync(path.join(stack.data, 'postgres/PG_VERSION'), 'utf8').trim()}/bin/psql`;

function psql(stack, role, text) {
    const { uid, gid } = fs.statSync(path.join(stack.data, 'postgres'));
    const args = ['-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-h', socketDirectory(stack), '-U', role, '-d', 'chatbot', '-f', '-'];
    const child = spawn(program(stack), args, { cwd: '/', uid, gid, env: { PATH: process.env.PATH } });
    child.stdin.on('error', () => {});
    child.stdin.end(`${text}\n;\n`);
    return child;
}

// Where the server listens, as its own command line says; remembered, because it may be dead later.
const directories = new WeakMap();

export function socketDirectory(stack) {
    if (!directories.has(stack)) {
        const argv = fs.readFileSync(`/proc/${stack.pid('postgres')}/cmdline`, 'utf8').split('\0');
        directories.set(stack, argv.find((a) => a.startsWith('unix_socket_directories=')).split('=')[1]);
    }
    return directories.get(stack);
}
