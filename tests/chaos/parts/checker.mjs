// Proves from the facts of a run that no acknowledged turn was lost, none was run or answered twice,
// and every conversation kept its order.  Every problem is {kind, what}.
import { labelOf, spoken } from './facts.mjs';

const ENDED = new Set(['completed', 'failed', 'cancelled']);
const TRIES_MAX = 3; // UPSTREAM_TRIES, of one attempt

export function check(facts) {
    const problems = [];
    const say = (kind, what) => problems.push({ kind, what });
    const index = indexed(facts, say);
    recordsAreWhole(facts, say);
    messagesAreOnce(index, say);
    turnsEndOnce(facts, index, say);
    usageIsCountedOnce(facts, say);
    answersAreTrue(index, say);
    callsAreAttempts(index, say);
    conversationsKeepOrder(index, say);
    return problems;
}

function grouped(list, key) {
    const map = new Map();
    for (const one of list) {
        const k = key(one);
        if (map.has(k)) map.get(k).push(one);
        else map.set(k, [one]);
    }
    return map;
}

const none = [];

// Everything by the label of the message that it belongs to.
function indexed(facts, say) {
    const sent = grouped(facts.seen.filter((r) => r.what === 'send' && r.path === '/chat'), (r) => r.label);
    const replies = grouped(facts.seen.filter((r) => (r.what === 'reply' || r.what === 'accepted') && r.path === '/chat'), (r) => r.label);
    const cancels = grouped(facts.seen.filter((r) => r.what === 'cancel'), (r) => r.label);
    const questions = grouped(facts.messages.filter((m) => m.role === 'user'), (m) => labelOf(m.content));
    const answers = grouped(facts.messages.filter((m) => m.role === 'assistant'), (m) => m.turn_id);
    const turns = grouped(facts.turns, (t) => t.user_message_id);
    const calls = grouped(facts.calls, (c) => labelOf(c.last));
    for (const label of questions.keys()) if (!sent.has(label)) say('stray', `nobody sent ${label}`);
    for (const label of calls.keys()) if (!questions.has(label)) say('calls', `${label} was asked of the model, but is no message`);
    const all = [...sent.keys()].map((label) => {
        const question = questions.get(label)?.[0];
        const turn = question && turns.get(question.id)?.[0];
        return {
            label,
            sends: sent.get(label),
            replies: replies.get(label) ?? none,
            cancelled: cancels.has(label),
            questions: questions.get(label) ?? none,
            turns: question ? (turns.get(question.id) ?? none) : none,
            question,
            turn,
            answers: turn ? (answers.get(turn.id) ?? none) : none,
            calls: calls.get(label) ?? none,
        };
    });
    return { all, messages: new Map(facts.messages.map((m) => [m.id, m])), conversations: facts.conversations };
}

function recordsAreWhole(facts, say) {
    if (!facts.whole) say('records', 'the records are not complete');
    if (facts.calls.length !== facts.total) say('records', `the provider counted ${facts.total} calls, ${facts.calls.length} are written down`);
    if (facts.still_running) say('unfinished', `${facts.still_running} calls still run at the provider`);
    const ended = new Set(facts.seen.filter((r) => r.what === 'reply' || r.what === 'broken' || r.what === 'closed').map((r) => r.n));
    for (const r of facts.seen.filter((one) => one.what === 'wrong')) say('text', `${r.label}: ${r.why}`);
    for (const r of facts.seen.filter((one) => one.what === 'send' && !ended.has(one.n))) say('answer', `request ${r.n} (${r.label}) never ended`);
    for (const r of facts.seen.filter((one) => one.what === 'gave_up')) say('answer', `${r.label} never got an answer`);
    for (const r of facts.seen.filter((one) => one.what === 'gone')) say('gone', `${r.name} did not come back: ${r.why}`);
}

// The turn that a reply speaks of: it is accepted, whatever else the reply says.
const acknowledged = (reply) => reply.body?.turn_id;

function messagesAreOnce({ all }, say) {
    for (const { label, sends, replies, questions, turns, turn } of all) {
        const promised = new Set(replies.map(acknowledged).filter(Boolean));
        if (promised.size && !questions.length) say('lost', `${label} was acknowledged and is not there`);
        if (questions.length > 1) say('twice', `${label} is there ${questions.length} times`);
        if (questions.length && turns.length !== 1) say(turns.length ? 'twice' : 'lost', `${label} has ${turns.length} turns`);
        for (const id of promised) if (turn && id !== turn.id) say('twice', `${label} was promised turn ${id} and is turn ${turn.id}`);
        if (sends[0].key && !replies.some((r) => r.status < 500 || acknowledged(r))) say('answer', `${label} was never answered`);
    }
}

function turnsEndOnce(facts, { all }, say) {
    const known = new Set(all.map((one) => one.turn?.id));
    for (const t of facts.turns) if (!known.has(t.id)) say('stray', `turn ${t.id} belongs to no message that was sent`);
    for (const { label, turn, answers, cancelled } of all) {
        if (!turn) continue;
        if (!ENDED.has(turn.state) || !turn.finished) say('unfinished', `${label} (turn ${turn.id}) is ${turn.state}`);
        if (answers.length !== 1) say('doubled', `${label} (turn ${turn.id}) has ${answers.length} answers`);
        else if (answers[0].status === 'pending') say('unfinished', `the answer to ${label} is pending`);
        if (turn.state === 'failed' && !label.endsWith('x')) say('failed', `${label} failed unprovoked: ${turn.error_code}`);
        if (turn.state === 'completed' && label.endsWith('x')) say('failed', `${label} had to fail`);
        if (turn.state === 'cancelled' && !cancelled) say('failed', `${label} was cancelled by nobody`);
    }
    for (const c of facts.conversations) if (c.active_turn !== null) say('unfinished', `conversation ${c.id} thinks that turn ${c.active_turn} runs`);
}

// A turn's end writes its usage in the same transaction: what ended twice is counted twice.
function usageIsCountedOnce(facts, say) {
    const turns = grouped(facts.turns, (t) => t.owner_id);
    const total = (list, name) => list.reduce((sum, t) => sum + (t[name] ?? 0), 0);
    for (const [owner, list] of turns) {
        const used = facts.usage.find((u) => u.owner_id === owner) ?? { turns: 0, input_tokens: 0, output_tokens: 0 };
        if (used.turns !== list.length) say('doubled', `account ${owner}: ${list.length} turns ended ${used.turns} times`);
        for (const name of ['input_tokens', 'output_tokens'])
            if (used[name] !== total(list, name)) say('doubled', `account ${owner}: ${name} ${used[name]}, its turns say ${total(list, name)}`);
    }
}

// What clients were told is what is kept; what is kept is what the provider said, once.
function answersAreTrue({ all }, say) {
    for (const { label, turn, answers, replies } of all) {
        if (!turn || answers.length !== 1) continue;
        const [{ content, id }] = answers;
        for (const { status, body } of replies) {
            if (body?.text !== undefined && body.text !== content) say('answer', `${label} was streamed as something else than what is kept`);
            if (status !== 200) continue;
            if (turn.state !== 'completed') say('answer', `${label} was answered, but is ${turn.state}`);
            else if (body.reply !== content) say('answer', `${label} was told something else than what is kept`);
            if (body.message_id !== id) say('answer', `${label} was told of message ${body.message_id}, its answer is ${id}`);
        }
    }
}

// The call that the turn's last attempt ended with.
export function winner({ turn, calls }) {
    const last = turn.requests.filter((r) => r.attempt === turn.attempt).at(-1);
    return last && calls.find((c) => c.request_id === last.request_id);
}

function callsAreAttempts({ all }, say) {
    for (const one of all) {
        const { label, turn, calls, answers } = one;
        if (!turn || !ENDED.has(turn.state)) continue;
        const recorded = turn.requests.filter((r) => r.request_id);
        const ids = new Set(recorded.map((r) => r.request_id));
        const attempts = turn.tries.map((t) => t.attempt).sort((x, y) => x - y);
        const missing = recorded.filter((r) => !calls.some((c) => c.request_id === r.request_id));
        const unrecorded = calls.filter((c) => !ids.has(c.request_id));
        const lost = turn.tries.filter((t) => !t.requests).length; // their process died with what it knew
        const unheard = turn.requests.length - recorded.length; // given up before the provider answered
        const each = label.endsWith('y') ? TRIES_MAX : 1;
        if (attempts.length !== turn.attempt || attempts.some((n, i) => n !== i + 1)) say('calls', `${label}: of ${turn.attempt} attempts these are recorded: ${attempts}`);
        if (ids.size !== recorded.length) say('calls', `${label}: a call is recorded twice`);
        for (const r of missing) say('calls', `${label}: attempt ${r.attempt} records ${r.request_id}, which the provider never saw`);
        if (unrecorded.length > lost * each + unheard) say('calls', `${label}: ${unrecorded.length} calls beside the recorded ones, ${lost} attempts were lost`);
        winnerIsTheAnswer(one, answers[0], say);
    }
}

function winnerIsTheAnswer(one, answer, say) {
    const { label, turn, calls } = one;
    const won = winner(one);
    if (turn.state === 'completed' && !won) return say('text', `${label}: its last attempt names no call of the provider`);
    if (!won || !answer) return undefined;
    if (turn.state === 'completed' && won.outcome !== 'completed') say('text', `${label}: the provider says that the call ended ${won.outcome}`);
    const said = spoken(won);
    if (turn.state === 'completed' ? answer.content !== said : !said.startsWith(answer.content))
        say('text', `${label}: the provider said ${JSON.stringify(said)}, kept is ${JSON.stringify(answer.content)}`);
    for (const c of calls) if (c.started > won.ended) say('calls', `${label}: run again ${c.started - won.ended} ms after its end`);
    return undefined;
}

function conversationsKeepOrder({ all, messages, conversations }, say) {
    const leaves = new Map(conversations.map((c) => [c.id, c.active_leaf]));
    const conversed = grouped(all.filter((one) => one.turn), (one) => one.turn.conversation_id);
    for (const [id, list] of conversed) {
        list.sort((a, b) => a.turn.id - b.turn.id);
        // of an answer that was stopped before its first word the model is told nothing
        const silent = (one) => messages.get(one.turn.message_id)?.content === '';
        list.forEach((one, i) => followsOn(list[i - 1], one, 2 * i + 1 - list.slice(0, i).filter(silent).length, messages, say));
        if (leaves.get(id) !== list.at(-1).turn.message_id) say('order', `conversation ${id} does not show its newest answer`);
        neverBefore(list, say);
    }
}

// One message after another: below its answer, asked with all that came before, and after it.
function followsOn(before, one, told, messages, say) {
    const { label, turn, question } = one;
    const answer = messages.get(turn.message_id);
    const above = before ? before.turn.message_id : null;
    if (question.parent_id !== above) say('order', `${label} hangs below message ${question.parent_id}, not ${above}`);
    if (answer && answer.parent_id !== question.id) say('order', `the answer to ${label} hangs below message ${answer.parent_id}`);
    const won = winner(one);
    if (won && won.messages !== told) say('order', `${label}: the model was told ${won.messages} messages instead of ${told}`);
    const first = before && winner(before);
    // a stopped call closes a little after its turn has ended
    if (won && first?.outcome === 'completed' && won.started < first.ended) say('order', `${label} was asked before the answer above it was there`);
}

// What was acknowledged before something else was sent comes before it.
function neverBefore(list, say) {
    list.forEach((one, i) => {
        const told = one.replies.find(acknowledged)?.at ?? Infinity;
        for (const other of list.slice(0, i)) if (other.sends[0].at > told) say('order', `${other.label} was sent after ${one.label} was answered, and stands before it`);
    });
}
