// The goals of performance: which program measures each, and when it is met.  All bounds are of two
// cores that client, provider and PostgreSQL share.

// args: for a run that counts; quick: for one that only shows that all works.
export const PROGRAMS = {
    turn: { args: [], quick: ['--seconds', '1', '--rounds', '1'] },
    routes: { args: [], quick: ['--seconds', '1', '--rounds', '1', '--idle', '2'] },
    streams: { args: ['--seconds', '60'], quick: ['--seconds', '4'] },
    start: { args: [], quick: ['--rounds', '1', '--seconds', '2'] },
    bus: { args: ['128', '2', '3'], quick: ['128', '2', '1'] },
    queue: { args: [], quick: ['--turns', '50', '--rounds', '1'] },
    flood: { args: [], quick: ['--seconds', '2', '--rounds', '1'] },
    transfer: { args: [], quick: ['--seconds', '1', '--rounds', '1'] },
    hang: { args: [], quick: ['--calls', '50', '--seconds', '1', '--rounds', '1'] },
    history: { args: [], quick: ['--rounds', '1', '--seconds', '1', '--messages', '120000'] },
    cost: { args: [], quick: ['--rounds', '1', '--seconds', '1', '--count', '50'] },
};

// Figures of one program, found by their members.
export class Figures {
    constructor(list) {
        this.list = list;
    }

    all(like) {
        return this.list.filter((f) => Object.entries(like).every(([key, value]) => f[key] === value));
    }

    one(like) {
        return this.all(like).at(-1) ?? {};
    }
}

const at = (value, unit, digits = 2) => (Number.isFinite(value) ? `${value.toFixed(digits)} ${unit}` : 'not measured');
const most = (value, bound) => Number.isFinite(value) && value <= bound;
const least = (value, bound) => Number.isFinite(value) && value >= bound;
const worst = (list) => (list.length ? Math.max(...list) : NaN);

// Each goal: [number, what it asks for, program, figures => {said, met}].
export const GOALS = [
    ['P1', 'latency that a blocking, durable turn adds, 1 client: p50 <= 0.9 ms, p99 <= 2.7 ms', 'turn', (f) => {
        const { p50_ms, p99_ms } = f.one({ name: 'turn_added', c: 1 });
        return { said: `p50 ${at(p50_ms, 'ms')}, p99 ${at(p99_ms, 'ms')}`, met: most(p50_ms, 0.9) && most(p99_ms, 2.7) };
    }],
    ['P2', 'durable turns/s of 32 clients: >= 1,580 (twice the best stateless gateway), no errors', 'turn', (f) => {
        const { rate, errors } = f.one({ name: 'turn_added', c: 32 });
        return { said: `${at(rate, '/s', 0)}, ${errors} errors`, met: least(rate, 1580) && errors === 0 };
    }],
    ['P2', '256 clients, a provider that waits 200 ms: >= 95 % of the ideal 1,280/s', 'turn', (f) => {
        const { rate, share, errors } = f.one({ name: 'turn_late' });
        return { said: `${at(rate, '/s', 0)}, ${at(share * 100, '%', 0)}, ${errors} errors`, met: least(share, 0.95) && errors === 0 };
    }],
    ['P3', '1,000 streams of 50 frames/s: every token once, in order, to every client', 'streams', (f) => {
        const { whole, wrong, share } = f.one({ name: 'streams_added', c: 1000 });
        return { said: `${whole} whole, ${wrong} wrong, ${at(share * 100, "% of the provider's own rate", 1)}`, met: whole === 1000 && wrong === 0 };
    }],
    ...[[128, 5], [512, 25]].map(([c, bound]) => ['P4', `later first token and gap between frames, p99, ${c} streams: <= ${bound} ms`, 'streams', (f) => {
        const { first_p99_ms, gap_p99_ms } = f.one({ name: 'streams_added', c });
        return { said: `first ${at(first_p99_ms, 'ms')}, gap ${at(gap_p99_ms, 'ms')}`, met: most(first_p99_ms, bound) && most(gap_p99_ms, bound) };
    }]),
    ['P5', 'no plateau: p99 - p50 <= 5 ms with 1 client on every route', 'routes', (f) => {
        const found = f.all({ name: 'route', c: 1 }).filter(({ route }) => route !== 'provider');
        const [first] = [...found].sort((a, b) => b.p99_ms - b.p50_ms - (a.p99_ms - a.p50_ms));
        const gap = worst(found.map((r) => r.p99_ms - r.p50_ms));
        return { said: `at most ${at(gap, 'ms')} (${first?.route})`, met: most(gap, 5) };
    }],
    ['P6', 'GET /projects, 32 clients: >= 10,000/s (half of the floor), p99 <= 9 ms', 'routes', (f) => {
        const { rate, p99_ms, errors } = f.one({ name: 'route', route: 'project_list', c: 32 });
        return { said: `${at(rate, '/s', 0)}, p99 ${at(p99_ms, 'ms')}, ${errors} errors`, met: least(rate, 10000) && most(p99_ms, 9) && errors === 0 };
    }],
    ['P6', 'POST /projects, durable, 32 clients: >= 2,520/s, p99 <= 50 ms', 'routes', (f) => {
        const { rate, p99_ms, errors } = f.one({ name: 'route', route: 'project_create', c: 32 });
        return { said: `${at(rate, '/s', 0)}, p99 ${at(p99_ms, 'ms')}, ${errors} errors`, met: least(rate, 2520) && most(p99_ms, 50) && errors === 0 };
    }],
    ['P7', 'all daemons (PSS), 60 s after load: <= 48 MB', 'routes', (f) => {
        const mb = f.one({ name: 'idle' }).pss_kib / 1024;
        return { said: at(mb, 'MB', 1), met: most(mb, 48) };
    }],
    ['P7', 'all daemons (PSS), with 512 streams: <= 128 MB', 'streams', (f) => {
        const mb = f.one({ name: 'process', process: 'all', c: 512 }).pss_kib / 1024;
        return { said: at(mb, 'MB', 1), met: most(mb, 128) };
    }],
    ['P8', 'start to the first 200 of GET /health: <= 300 ms', 'start', (f) => {
        const { health_ms } = f.one({ name: 'start_median' });
        return { said: at(health_ms, 'ms', 0), met: most(health_ms, 300) };
    }],
    ['P8', 'each daemon restarted under load: no failed request', 'start', (f) => {
        const all = f.all({ name: 'restart' });
        const failed = all.reduce((sum, r) => sum + r.failed, 0);
        return { said: `${failed} of ${all.reduce((sum, r) => sum + r.requests, 0)} in ${all.length} restarts`, met: all.length > 0 && failed === 0 };
    }],
    ['P9', 'the broker, 300 bytes, 2 workers, 128 threads: >= 100,000 round trips/s', 'bus', (f) => {
        const { per_s } = f.one({ bench: 'bus' });
        return { said: at(per_s, '/s', 0), met: least(per_s, 100000) };
    }],
    ['P10', 'from the acknowledgement of a message, durable by then, to its call at the provider: p99 <= 2 ms', 'queue', (f) => {
        const { acknowledged_p50_ms, acknowledged_p99_ms, start_p99_ms } = f.one({ name: 'queue' });
        return { said: `p50 ${at(acknowledged_p50_ms, 'ms')}, p99 ${at(acknowledged_p99_ms, 'ms')} (from the request: p99 ${at(start_p99_ms, 'ms')})`, met: most(acknowledged_p99_ms, 2) };
    }],
    ['P11', 'ten times as many log-ins as can be checked: chat p99 <= 1.5 x quiet, refused within 50 ms', 'flood', (f) => {
        const { p99_ratio, refused_p99_ms, authd_mb } = f.one({ name: 'flood_median' });
        return { said: `${at(p99_ratio, 'x')}, refused p99 ${at(refused_p99_ms, 'ms', 1)}, authd ${at(authd_mb, 'MB', 0)}`, met: most(p99_ratio, 1.5) && most(refused_p99_ms, 50) };
    }],
    ['P12', 'an upload of 100 MiB in progress: gap p99 of streams <= 1.5 x; <= 1 MiB of memory for each', 'transfer', (f) => {
        const { p99_times } = f.one({ name: 'beside', probe: 'stream_gap', what: 'upload_1' });
        const each = f.all({ name: 'upload_pss' }).reduce((sum, { each_kib }) => sum + each_kib, 0);
        return { said: `${at(p99_times, 'x')}, ${at(each, 'KiB', 0)} each`, met: most(p99_times, 1.5) && most(each, 1024) };
    }],
    ['P13', 'a turn below 10,000 messages <= 1.2 x one below 10', 'history', (f) => {
        const { ratio } = f.one({ name: 'turn.full' });
        return { said: at(ratio, 'x'), met: most(ratio, 1.2) };
    }],
    ['P13', 'lists of projects and conversations flat to a million rows (<= 1.2 x)', 'history', (f) => {
        const ratios = ['projects', 'conversations', 'conversations_old'].map((name) => f.one({ name }).ratio ?? NaN);
        return { said: ratios.map((ratio) => at(ratio, 'x')).join(', '), met: ratios.every((ratio) => most(ratio, 1.2)) };
    }],
    ['P14', '150 calls hang: /health and GET /projects keep their p99 (<= 1.5 x); closed <= 1 s after the stop; all ends in time', 'hang', (f) => {
        const h = f.one({ name: 'hang' });
        const times = ['health', 'project_list'].map((route) => h[`${route}_hung_p99_ms`] / h[`${route}_quiet_p99_ms`]);
        return { said: `${times.map((n) => at(n, 'x')).join(', ')}; closed after ${at(h.freed_ms, 'ms', 0)}; ended after ${at(h.end_ms, 'ms', 0)}`, met: times.every((n) => most(n, 1.5)) && most(h.freed_ms, 1000) && most(h.end_ms, 30000) };
    }],
];
