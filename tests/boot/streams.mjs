// Many event streams at once, each held open in the middle of its answer.
import http from 'node:http';
import { call, eventually, gateway } from './host.mjs';
import { account } from './load.mjs';

const PER_USER = 16; // streams that one user may have
const DELTAS = 30; // before the provider holds the rest back
const held = async (provider) => (await call(provider, 'GET', '/_/stats')).json.held;

// One stream; resolves to all that it said.
function stream(token, project) {
    const body = JSON.stringify({ project_id: project, message: 'hello', stream: true });
    const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json', 'Content-Length': body.length };
    return new Promise((resolve, reject) => {
        const req = http.request(new URL('/chat', gateway), { method: 'POST', headers, agent: false }, (res) => {
            let text = '';
            res.setEncoding('utf8');
            res.on('data', (c) => (text += c));
            res.on('error', reject);
            res.on('end', () => resolve(res.statusCode === 200 ? text : `${res.statusCode} ${text}`));
        });
        req.on('error', reject);
        req.end(body);
    });
}

// Opens `count` streams, calls fn while all of them are open, lets them end.  Resolves to how many came
// whole; `provider` is the scripted one's address.
export async function withStreams(count, provider, fn) {
    const people = [];
    for (let i = 0; i < count / PER_USER; i++) {
        const token = await account(gateway, `stream${i}@example.com`);
        const project = await call(gateway, 'POST', '/projects', { token, body: { name: 'S', model: `hold-${DELTAS}+deltas=${DELTAS * 2}` } });
        people.push({ token, project: project.json.id });
    }
    const running = Array.from({ length: count }, (_, i) => {
        const { token, project } = people[i % people.length];
        return stream(token, project);
    });
    const early = Promise.race(running).then((text) => Promise.reject(new Error(`a stream ended early: ${text.slice(-500)}`)));
    early.catch(() => {}); // later they all end
    await Promise.race([early, eventually(async () => (await held(provider)) === count, { what: `${count} streams are open` })]);
    await fn();
    await call(provider, 'POST', '/_/release', { body: {} });
    const whole = (text) => (text.match(/^event: delta$/gm) ?? []).length > 0 && /\nevent: completed\n/.test(text) && !/\nevent: restarted\n/.test(text);
    return (await Promise.all(running)).filter(whole).length;
}
