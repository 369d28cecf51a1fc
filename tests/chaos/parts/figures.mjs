// What a run was like, in figures: how many kills hit a process that held running turns, how long
// takeovers took, how clients fared.
import { labelOf } from './facts.mjs';

const HIT_MS = 500; // time within which a death shows at those who were connected

export function figures(facts) {
    const kills = facts.seen.filter((r) => r.what === 'kill');
    const holding = kills.filter((kill) => held(facts, kill) > 0);
    const replies = facts.seen.filter((r) => r.what === 'reply' && r.path === '/chat');
    const asked = facts.seen.filter((r) => r.what === 'send' && r.path === '/chat');
    const takeovers = gaps(facts);
    const ends = afterGateways(facts, kills);
    return {
        messages: new Set(asked.map((r) => r.label)).size,
        turns: facts.turns.length,
        acknowledged: new Set(replies.filter((r) => r.body?.turn_id).map((r) => r.label)).size,
        requests: asked.length,
        broken: facts.seen.filter((r) => r.what === 'broken').length,
        kills: kills.length,
        kills_holding: holding.length,
        killed: counted(kills, (k) => k.name.replace(/-\d+$/, '')),
        attempts: facts.turns.reduce((n, t) => n + t.attempt, 0),
        takeovers: facts.turns.reduce((n, t) => n + t.takeovers, 0),
        calls: facts.total,
        again_ms: spread(takeovers.all),
        again_last_ms: spread(takeovers.last),
        again_calm_ms: spread(takeovers.calm),
        gateway_ends_ms: spread(ends),
        streams: facts.seen.filter((r) => r.what === 'send' && (r.after !== undefined)).length,
        resumes: facts.seen.filter((r) => r.what === 'send' && r.path.endsWith('/events')).length,
        stop_ms: spread(stops(facts)),
        states: counted(facts.turns, (t) => t.state),
    };
}

// How many running turns a killed process held, as others saw it: the provider's calls that its death
// closed, the requests that broke, for PostgreSQL the calls under way.
export function held(facts, kill) {
    const { at, name } = kill;
    const soon = (t) => t >= at - 1 && t <= at + HIT_MS;
    if (name.startsWith('chatd')) return facts.calls.filter((c) => c.outcome === 'client_closed' && soon(c.ended)).length;
    if (name.startsWith('gateway')) return facts.seen.filter((r) => r.what === 'broken' && r.path === '/chat' && r.port === kill.port && soon(r.at)).length;
    if (name === 'postgres') return facts.calls.filter((c) => c.started < at && c.ended > at).length;
    return 0;
}

// From the end of a call whose process died, or the database's return where that was later, to the next
// call for the same turn, in ms: {all, last, calm}, calm where nothing that a takeover needs (another chatd,
// the database) died meanwhile; last counts from the last such death, as who watches then begins anew.
function gaps(facts) {
    const returns = facts.seen.filter((r) => r.what === 'back' && r.name === 'postgres').map((r) => r.at);
    const needed = facts.seen.filter((r) => r.what === 'kill' && /^(chatd|postgres)/.test(r.name));
    const last = new Map();
    const found = { all: [], last: [], calm: [] };
    for (const call of [...facts.calls].sort((a, b) => a.started - b.started)) {
        const label = labelOf(call.last);
        const before = last.get(label);
        last.set(label, call);
        if (before?.outcome !== 'client_closed') continue;
        const storm = needed.filter((k) => k.at > before.ended - (k.name === 'postgres' ? 5000 : -HIT_MS) && k.at < call.started);
        const since = Math.max(before.ended, ...returns.filter((at) => at < call.started));
        found.all.push(call.started - since);
        if (!storm.length) found.calm.push(call.started - since);
        found.last.push(call.started - Math.max(since, ...storm.map((k) => k.at)));
    }
    return found;
}

// From the wish to stop a turn to the end of its upstream call, in ms.
function stops(facts) {
    const asked = new Map(facts.seen.filter((r) => r.what === 'cancel').map((r) => [r.label, r.at]));
    const closed = facts.calls.filter((c) => c.outcome === 'client_closed' && c.ended >= asked.get(labelOf(c.last)));
    return closed.map((c) => c.ended - asked.get(labelOf(c.last)));
}

// From a gateway's return to the end of each request that its death met, in ms; 0 for those that had
// ended before.
function afterGateways(facts, kills) {
    const replies = new Map(facts.seen.filter((r) => r.what === 'reply' || r.what === 'broken' || r.what === 'closed').map((r) => [r.n, r.at]));
    const sends = facts.seen.filter((r) => r.what === 'send');
    return kills.flatMap((kill) => {
        if (!kill.port) return [];
        const back = facts.seen.find((r) => r.what === 'back' && r.name === kill.name && r.at > kill.at)?.at ?? Infinity;
        const met = sends.filter((s) => s.port === kill.port && s.at < kill.at && (replies.get(s.n) ?? Infinity) >= kill.at);
        return met.map((s) => Math.max(0, (replies.get(s.n) ?? Infinity) - back));
    });
}

const counted = (list, key) => list.reduce((map, one) => ({ ...map, [key(one)]: (map[key(one)] ?? 0) + 1 }), {});

export function spread(list) {
    const sorted = [...list].sort((a, b) => a - b);
    const at = (p) => Math.round(sorted[Math.floor(p * (sorted.length - 1))] ?? 0);
    return { n: sorted.length, p50: at(0.5), p99: at(0.99), max: at(1) };
}

const list = (counts) => Object.entries(counts).map(([name, n]) => `${name} ${n}`).join(', ');
const times = ({ n, p50, p99, max }) => `p50 ${p50} ms, p99 ${p99} ms, max ${max} ms (${n})`;

// The same for people.
export function told(f) {
    return [
        `turns ${f.turns} of ${f.messages} messages, ${f.acknowledged} acknowledged; ${list(f.states)}`,
        `requests ${f.requests}, of them broken off ${f.broken}`,
        ...(f.streams ? [`streams ${f.streams}, of them resumed ${f.resumes}; a stopped turn closed its upstream call after ${times(f.stop_ms)}`] : []),
        `attempts ${f.attempts}, takeovers ${f.takeovers}, calls of the provider ${f.calls}`,
        ...(f.kills ? killed(f) : []),
    ].join('\n');
}

const killed = (f) => [
    `kills ${f.kills}: ${list(f.killed)}; ${f.kills_holding} hit a process that held running turns`,
    `an interrupted turn ran again after ${times(f.again_calm_ms)}; with another chatd or PostgreSQL killed meanwhile too (from its return): ${times(f.again_ms)}, from the last of these deaths: ${times(f.again_last_ms)}`,
    `requests that met a gateway's death ended after its return: ${times(f.gateway_ends_ms)}`,
];
