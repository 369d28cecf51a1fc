// Expectations about a reply: what stands below a request in a .case file.
import assert from 'node:assert/strict';
import { heard } from './upstream.mjs';

const OPERATORS = ['==', '!=', '~', '!~', '>', '<', '>=', '<=', 'contains', 'exists', 'absent', 'is', 'length'];

// {subject: [words], operator, value} or {save, subject}.
export function parseExpectation(text) {
    const save = /^save ([a-z][a-z0-9_]*) = (.+)$/.exec(text);
    if (save) return { save: save[1], subject: save[2].split(' ') };
    const words = text.split(/ +/);
    if (words[0] === 'location') return { subject: ['header', 'Location'], operator: 'text', value: words[1] };
    if (words[0] === 'same') return { subject: words.slice(1), operator: 'same' };
    if (words[0] === 'upstream' && words[1] === 'calls') return { subject: words, operator: 'calls', value: words[2] };
    const at = words.findIndex((w) => OPERATORS.includes(w));
    if (at < 1) throw new Error(`not an expectation: ${text}`);
    const value = text.slice(text.indexOf(` ${words[at]}`) + words[at].length + 1).trim();
    return { subject: words.slice(0, at), operator: words[at], value };
}

// scope: {reply, all (replies of `together`), calls (upstream's count before), upstream, vars}
export function verify(expectation, scope, fill) {
    const { save, subject, operator } = expectation;
    const value = expectation.value === undefined ? undefined : fill(expectation.value);
    if (operator === 'calls') {
        const more = scope.upstream.count - scope.calls;
        return assert.equal(more, Number(value), `upstream calls: ${more} more, expected ${value}`);
    }
    const got = find(subject, scope);
    const what = `${subject.join(' ')} is ${JSON.stringify(got)?.slice(0, 300)}`;
    if (save) {
        assert.notEqual(got, undefined, `${what}: cannot be saved`);
        return scope.vars.set(save, got);
    }
    if (operator === 'same') {
        const every = scope.all.map((reply) => find(subject, { ...scope, reply }));
        return every.forEach((one) => assert.deepEqual(one, every[0], `${subject.join(' ')} differs`));
    }
    if (operator === 'text') return assert.equal(got, value);
    compare(operator, got, value, what);
}

function compare(operator, got, value, what) {
    const text = `${what}, expected ${operator} ${value}`;
    const json = () => JSON.parse(value);
    const checks = {
        '==': () => assert.deepEqual(got, json(), text),
        '!=': () => assert.notDeepEqual(got, json(), text),
        '~': () => assert.match(String(got), pattern(value), text),
        '!~': () => assert.doesNotMatch(String(got), pattern(value), text),
        '>': () => assert.ok(got > json(), text),
        '<': () => assert.ok(got < json(), text),
        '>=': () => assert.ok(got >= json(), text),
        '<=': () => assert.ok(got <= json(), text),
        contains: () => assert.ok((got ?? '').includes(json()), text),
        exists: () => assert.notEqual(got, undefined, text),
        absent: () => assert.equal(got, undefined, text),
        length: () => assert.equal(got?.length, Number(value), text),
        is: () => assert.equal(kind(got), value, text),
    };
    checks[operator]();
}

function kind(value) {
    if (value === null) return 'null';
    if (Array.isArray(value)) return 'array';
    if (Number.isInteger(value)) return 'integer';
    if (typeof value === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/.test(value)) return 'time';
    return typeof value;
}

function pattern(text) {
    const match = /^\/(.*)\/([a-z]*)$/s.exec(text);
    if (!match) throw new Error(`not a /pattern/: ${text}`);
    return new RegExp(match[1], match[2]);
}

// Subjects: .json.path[0], body, header NAME, upstream last system|user|model|header NAME|.path,
// upstream last input [N] [role|text].
function find(subject, { reply, upstream }) {
    const [word, ...rest] = subject;
    if (word.startsWith('.')) return walk(reply.json, word);
    if (word === 'body') return reply.text;
    if (word === 'header') return reply.headers[rest[0].toLowerCase()];
    if (word === 'upstream' && rest[0] === 'last') return said(upstream.last, rest.slice(1));
    throw new Error(`unknown subject: ${subject.join(' ')}`);
}

function said(call, [part, name]) {
    if (part.startsWith('.')) return walk(call?.body, part);
    if (part === 'header') return call?.headers[name.toLowerCase()];
    return walk(heard(call), `.${part}${name ?? ''}`);
}

function walk(value, path) {
    if (path === '.') return value;
    for (const [, name, index] of path.matchAll(/\.?([A-Za-z_][A-Za-z0-9_]*)|\.?\[(\d+)\]/g)) {
        if (value === undefined || value === null) return undefined;
        value = name !== undefined ? value[name] : value[Number(index)];
    }
    return value;
}
