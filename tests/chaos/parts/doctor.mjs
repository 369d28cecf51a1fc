// Facts of a run, each made wrong in one way that the checker must see.
import { labelOf } from './facts.mjs';

// {what was done: {kind: what the checker has to call it, facts}}
export function doctored(facts) {
    const wrong = {};
    const make = (name, kind, change) => {
        const copy = { ...facts };
        for (const part of ['seen', 'calls', 'turns', 'messages', 'conversations', 'usage']) copy[part] = [...facts[part]];
        change(copy);
        wrong[name] = { kind, facts: copy };
    };
    const turn = facts.turns.find((t) => t.state === 'completed' && followed(facts, t));
    const next = followed(facts, turn);
    const question = facts.messages.find((m) => m.id === turn.user_message_id);
    const label = labelOf(question.content);
    const replace = (list, one, fields) => (list[list.indexOf(one)] = { ...one, ...fields });
    const answerOf = (list, t) => list.find((m) => m.id === t.message_id);
    const reply = facts.seen.find((r) => r.what === 'reply' && r.label === label && r.body?.turn_id);
    const end = facts.seen.find((r) => r.label === label && r.n && ['reply', 'closed', 'broken'].includes(r.what));

    make('a lost turn', 'lost', (f) => {
        f.turns = f.turns.filter((t) => t !== turn);
        f.messages = f.messages.filter((m) => m.turn_id !== turn.id);
    });
    make('a turn without its row', 'lost', (f) => (f.turns = f.turns.filter((t) => t !== turn)));
    make('a turn that never ends', 'unfinished', (f) => replace(f.turns, turn, { state: 'running', finished: false }));
    make('a turn that ended twice', 'doubled', (f) => replace(f.usage, f.usage.find((u) => u.owner_id === turn.owner_id), { turns: f.usage.find((u) => u.owner_id === turn.owner_id).turns + 1 }));
    make('a doubled answer', 'doubled', (f) => f.messages.push({ ...answerOf(f.messages, turn), id: 1e9 }));
    make('a doubled question', 'twice', (f) => f.messages.push({ ...question, id: 1e9 }));
    make('a key that became two turns', 'twice', (f) => f.seen.push({ ...reply, body: { ...reply.body, turn_id: 1e9 } }));
    make('a request without an end', 'answer', (f) => (f.seen = f.seen.filter((r) => r !== end)));
    make('an answer that was told otherwise', 'answer', (f) => replace(f.seen, reply, { status: 200, body: { ...reply.body, reply: 'something else', message_id: turn.message_id } }));
    make('a text that was said twice', 'text', (f) => replace(f.messages, answerOf(f.messages, turn), { content: answerOf(f.messages, turn).content.repeat(2) }));
    make('a text with a gap', 'text', (f) => replace(f.messages, answerOf(f.messages, turn), { content: answerOf(f.messages, turn).content.replace(/^(.{3})./s, '$1') }));
    make('a failure that nobody provoked', 'failed', (f) => replace(f.turns, turn, { state: 'failed', error_code: 'interrupted' }));
    make('swapped messages', 'order', (f) => swap(f, turn, next));
    make('an answer that was asked for too early', 'order', (f) => {
        const call = f.calls.find((c) => c.request_id === next.requests.at(-1).request_id);
        replace(f.calls, call, { started: 0 });
    });
    make('a model that was not told everything', 'order', (f) => {
        const call = f.calls.find((c) => c.request_id === next.requests.at(-1).request_id);
        replace(f.calls, call, { messages: call.messages - 2 });
    });
    make('a call that no attempt explains', 'calls', (f) => {
        const call = f.calls.find((c) => c.request_id === turn.requests.at(-1).request_id);
        f.total += 40;
        for (let n = 0; n < 40; n++) f.calls.push({ ...call, id: 1e9 + n, request_id: `req_${1e9 + n}` });
    });
    make('a call for a message that was never accepted', 'calls', (f) => {
        f.total++;
        f.calls.push({ ...f.calls[0], id: 1e9, request_id: 'req_none', last: 'u999c999m0p nobody' });
    });
    make('an attempt that the provider never saw', 'calls', (f) => replace(f.turns, turn, { requests: [...turn.requests, { ...turn.requests[0], request_id: 'req_0' }] }));
    make('an attempt that is not recorded', 'calls', (f) => replace(f.turns, turn, { attempt: turn.attempt + 1 }));
    make('records that break off', 'records', (f) => (f.whole = false));
    make('a call that was not written down', 'records', (f) => (f.calls = f.calls.slice(1)));
    return wrong;
}

// The completed turn right below another one, or undefined.
function followed(facts, turn) {
    const child = facts.messages.find((m) => m.parent_id === turn.message_id);
    return child && facts.turns.find((t) => t.user_message_id === child.id && t.state === 'completed' && t.requests.length === 1);
}

// As if the second message had been accepted first.
function swap(f, one, other) {
    const a = f.messages.find((m) => m.id === one.user_message_id);
    const b = f.messages.find((m) => m.id === other.user_message_id);
    f.messages[f.messages.indexOf(a)] = { ...a, content: b.content };
    f.messages[f.messages.indexOf(b)] = { ...b, content: a.content };
}
