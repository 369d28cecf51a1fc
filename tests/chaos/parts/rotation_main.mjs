// Signing keys that follow each other each minute under load, and sessions that end meanwhile.
import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import path from 'node:path';
import { request, sleep } from '../../harness/http.mjs';
import { build, Stack, stopAll, top } from '../../harness/stack.mjs';
import { options } from './options.mjs';

const USAGE = `usage: tests/chaos/rotation [--minutes N] [--clients N]

Two gateways, whose keys get a successor each minute (KEY_ROTATION_MINUTES=1, the least there is; tokens
live for two). Clients (8) ask both all the time and renew their tokens; others log out, are disabled,
change their passwords, or revoke API keys, sometimes while authd is stopped for two seconds, and each
gateway is asked until it refuses. Prints how many keys signed, wrong 401s (there must be none), how long
after its end a session or an API key was still taken by each gateway, and 200s later than a second. For so
many minutes (5). Exit 1 when a right token was refused, an ended one taken later than a second, or one of
the ways to end was not tried. BUILD_DIR names the build.`;

const { minutes, clients } = options(USAGE, { minutes: 5, clients: 8 });
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => stopAll().finally(() => process.exit(1)));

const stack = await Stack.start({ settings: { KEY_ROTATION_MINUTES: '1', ACCESS_TOKEN_MINUTES: '2' }, direct: true, gateways: 2 });
const end = Date.now() + minutes * 60000;
const kids = new Set();
const ended = new Set(); // kinds
const wrong = [];
const found = { asked: 0, unavailable: 0, wrong: 0, ends: 0, late: 0, longest_ms: {} };
let number = 0;
let authdStopped = 0; // until when its answers do not count as wrong

const ask = (method, path, { port = stack.ports[0], ...options } = {}) => request(port, { method, path, ...options });
const kid = (token) => JSON.parse(Buffer.from(token.split('.')[0], 'base64url')).kid;

// One request, again while nobody can answer it; on a machine with too much to do that may be long.
async function surely(method, path, options) {
    const headers = { 'Idempotency-Key': randomUUID() };
    for (;;) {
        const reply = await ask(method, path, { ...options, headers });
        if (![429, 503, 504].includes(reply.status)) return reply;
        await sleep(100);
    }
}

async function person() {
    const who = { email: `rotation${number++}@example.com`, password: 'Rotates4ever' };
    const made = await surely('POST', '/users/register', { body: who });
    if (made.status !== 201) throw new Error(made.text);
    who.id = made.json.id;
    return login(who);
}

async function login(who) {
    const reply = await surely('POST', '/users/login', { body: { email: who.email, password: who.password } });
    if (reply.status !== 200) throw new Error(`log-in: ${reply.status} ${reply.text}`);
    Object.assign(who, { token: reply.json.access_token, refresh: reply.json.refresh_token, renew: Date.now() + 60000 + Math.random() * 50000 });
    kids.add(kid(who.token));
    return who;
}

async function renew(who) {
    const reply = await surely('POST', '/users/refresh', { body: { refresh_token: who.refresh } });
    if (reply.status !== 200) throw new Error(`refresh: ${reply.status} ${reply.text}`);
    Object.assign(who, { token: reply.json.access_token, refresh: reply.json.refresh_token, renew: Date.now() + 60000 + Math.random() * 50000 });
    kids.add(kid(who.token));
}

async function client() {
    const who = await person();
    for (let n = 0; Date.now() < end; n++) {
        if (Date.now() > who.renew) await renew(who);
        const { status } = await ask('GET', '/users/me', { token: who.token, port: stack.ports[n % 2] });
        found.asked++;
        if (status === 503 || status === 504) found.unavailable++;
        else if (status !== 200) wrong.push(`${new Date().toISOString()} ${status} ${kid(who.token)}`);
        await sleep(20);
    }
}

// Asks a gateway until it refuses; remembers how long it did not, from the moment of the answer on.
async function refused(kind, port, token, begun) {
    let last = 0;
    for (;;) {
        const sent = Date.now();
        const { status } = await ask('GET', '/users/me', { token, port });
        if (status === 401) break;
        if (status === 200) last = sent - begun;
        await sleep(10);
    }
    found.longest_ms[kind] = Math.max(found.longest_ms[kind] ?? 0, last);
    if (last > 1000) found.late++;
}

// An API key, as if it were a session: its end is watched in the same way.
async function keyed(who) {
    const reply = await surely('POST', '/users/me/keys', { token: who.token, body: { name: 'robot', scopes: 'read' } });
    if (reply.status !== 201) throw new Error(`key: ${reply.status} ${reply.text}`);
    return { id: reply.json.id, token: reply.json.key };
}

const KINDS = ['logout', 'password', 'disable', 'key', 'cut'];

async function ending(root) {
    for (let n = 0; Date.now() < end; n++) {
        const kind = KINDS[n % KINDS.length];
        const who = await person();
        for (const port of stack.ports) await surely('GET', '/users/me', { token: who.token, port });
        const other = kind === 'key' ? await keyed(who) : await login({ ...who }); // whose end is watched
        for (const port of stack.ports) await surely('GET', '/users/me', { token: other.token, port });
        let reply;
        if (kind === 'password') reply = await surely('PUT', '/users/me/password', { token: who.token, body: { old_password: who.password, new_password: 'Changed4ever' } });
        else if (kind === 'disable') reply = await surely('PUT', `/admin/users/${who.id}`, { token: root.token, body: { disabled: true } });
        else if (kind === 'key') reply = await surely('DELETE', `/users/me/keys/${other.id}`, { token: who.token });
        else reply = await surely('POST', '/users/logout', { token: other.token });
        const begun = Date.now();
        if (reply.status >= 300) throw new Error(`${kind}: ${reply.status} ${reply.text}`);
        found.ends++;
        ended.add(kind);
        if (kind === 'cut') {
            stack.signal('authd', 'SIGSTOP');
            authdStopped = Date.now() + 2000;
            setTimeout(() => stack.signal('authd', 'SIGCONT'), 2000);
        }
        await Promise.all(stack.ports.map((port) => refused(kind, port, other.token, begun)));
        while (Date.now() < authdStopped) await sleep(50);
        await sleep(500);
    }
}

// Who disables accounts.
const root = await person();
const said = spawnSync(path.join(top, 'deploy/chatbot-admin'), ['--data', stack.data, 'create-admin', root.email], { encoding: 'utf8', env: { ...process.env, BUILD_DIR: build } });
if (said.status !== 0) throw new Error(said.stderr);
await login(root);
const all = Array.from({ length: clients }, client);
all.push(ending(root));
all.push(
    (async () => {
        while (Date.now() < end) {
            if (Date.now() > root.renew) await renew(root);
            await sleep(1000);
        }
    })(),
);
try {
    await Promise.all(all);
} finally {
    await stack.stop();
    stack.remove();
}
found.wrong = wrong.length;
found.keys = kids.size;
for (const line of wrong.slice(0, 20)) console.log(`wrong: ${line}`);
console.log(
    `${kids.size} keys signed, ${found.asked} requests, ${wrong.length} wrongly refused, ${found.unavailable} not answered; ${found.ends} sessions and API keys ended, taken for at most ` +
        `${Object.entries(found.longest_ms).map(([kind, ms]) => `${ms} ms (${kind})`).join(', ')} after, ${found.late} later than a second\n${JSON.stringify({ name: 'rotation', ...found })}`,
);
process.exit(wrong.length || found.late || kids.size < 2 || ended.size < KINDS.length ? 1 : 0);
