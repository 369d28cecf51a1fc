// Turns as this page follows them: one object for each, whoever began it. A stream that breaks is taken
// up where it was (Last-Event-ID), so that no text is missed or doubled.
import { ApiError, get, stream } from '../api.js'
import { emit } from '../bus.js'
import { Backoff, closeWhenHidden, events, visible } from '../sse.js'

const ENDED = new Set(['completed', 'failed', 'cancelled'])
const KEPT = 50 // ended turns that are remembered
const UNWATCHED = 1500 // ms

const turns = new Map()

export class Turn {
  constructor() {
    this.id = 0
    this.state = 'sending' // then queued, running, completed, failed, cancelled
    this.text = ''
    this.attempt = 0
    this.restarts = 0
    this.lastId = null
    this.position = 0
    this.reconnecting = false
    this.usage = null
    this.error = null
    this.finish = null
    this.model = ''
    this.listeners = new Set()
    this.accepted = new Promise((resolve, reject) => { this.accept = resolve; this.refuse = reject })
    this.accepted.catch(() => {})
  }

  get ended() { return ENDED.has(this.state) }

  // Calls fn(turn) with each change; returns what ends that. A turn that nobody watches any more is left
  // after a moment: browsers hold few connections to one server.
  watch(fn) {
    this.listeners.add(fn)
    return () => {
      this.listeners.delete(fn)
      setTimeout(() => { if (!this.listeners.size && this.id) leave(this) }, UNWATCHED)
    }
  }

  changed() {
    for (const fn of [...this.listeners]) fn(this)
  }

  take({ event, data, id }) {
    if (id !== null) this.lastId = id
    if (this.reconnecting) this.reconnecting = false
    const read = READERS[event]
    if (read) read(this, data)
    this.changed()
    if (this.ended) ended(this)
  }
}

const READERS = {
  accepted(turn, data) {
    turn.id = data.turn_id
    turn.conversation = data.conversation_id
    turn.message = data.message_id
    if (turn.state === 'sending') turn.state = 'queued'
    turns.set(turn.id, turn)
    turn.accept(turn)
  },
  queued(turn, data) { turn.state = 'queued'; turn.position = data.position ?? 0 },
  started(turn, data) { turn.state = 'running'; turn.model = data.model; turn.attempt = data.attempt },
  delta(turn, data) { turn.state = 'running'; turn.text += data.text },
  restarted(turn, data) { turn.state = 'running'; turn.text = ''; turn.attempt = data.attempt; turn.restarts++ },
  usage(turn, data) { turn.usage = data },
  completed(turn, data) { turn.state = 'completed'; turn.finish = data.finish_reason },
  failed(turn, data) { turn.state = 'failed'; turn.error = data },
  cancelled(turn) { turn.state = 'cancelled' },
}

function ended(turn) {
  emit('turn-ended', turn)
  const old = [...turns.values()].filter((one) => one.ended)
  for (const one of old.slice(0, Math.max(0, old.length - KEPT))) turns.delete(one.id)
}

// What the API says of a turn whose stream is over.
async function look(turn) {
  const now = await get(`/chat/turns/${turn.id}`)
  Object.assign(turn, { state: now.state, text: now.text, usage: now.usage, error: now.error, model: now.model, conversation: now.conversation_id, message: now.message_id })
  turn.changed()
  if (turn.ended) ended(turn)
}

async function read(turn, open) {
  const controller = new AbortController()
  const unwatch = closeWhenHidden(() => controller.abort())
  turn.leave = () => controller.abort()
  try {
    const reply = await open(controller.signal)
    if (reply.status === 204) return await look(turn)
    for await (const event of events(reply.body)) {
      turn.take(event)
      if (turn.ended) return
    }
  } finally {
    unwatch()
    controller.abort()
  }
}

const resume = (turn) => (signal) => stream('GET', `/chat/turns/${turn.id}/events`, {
  accept: 'text/event-stream', signal, headers: turn.lastId === null ? {} : { 'Last-Event-ID': turn.lastId },
})

// Reads the turn's events to their end, over as many connections as it takes.
async function followOn(turn) {
  const backoff = new Backoff()
  while (!turn.ended && !turn.left) {
    await visible()
    const before = turn.lastId
    let least = 0
    try {
      await read(turn, resume(turn))
    } catch (e) {
      if (e instanceof ApiError && [401, 403].includes(e.status)) return
      if (e instanceof ApiError && [404, 410, 422].includes(e.status)) return look(turn).catch(() => lost(turn))
      least = (e.retryAfter ?? 0) * 1000
    }
    if (turn.ended || turn.left) return
    if (turn.lastId !== before) backoff.reset()
    if (!document.hidden) {
      turn.reconnecting = true
      turn.changed()
      await backoff.wait(least)
    }
  }
}

// There is no such turn any more: its conversation was deleted.
function lost(turn) {
  turn.state = 'cancelled'
  turn.changed()
}

// The turn with that id; follows it unless that is done already.
export function follow(id) {
  let turn = turns.get(id)
  if (turn && !turn.left) return turn
  turn = new Turn()
  turn.id = id
  turn.state = 'queued'
  turns.set(id, turn)
  turn.accept(turn)
  followOn(turn)
  return turn
}

export const known = (id) => turns.get(id)

// Refusals that a later try, with the same key, may not meet; those without a code are a proxy's.
const PASSING = new Set(['', 'busy', 'unavailable', 'too_late', 'in_flight', 'body_timeout', 'rate_limited', 'internal'])
const isDefinite = (e) => e instanceof ApiError && !PASSING.has(e.code)

// Begins a turn: path is /chat, or one that answers like it. It happens once, however often it has to be
// sent. turn.accepted resolves when the API has it, rejects when it is refused.
export function begin(path, body, key) {
  const turn = new Turn()
  const backoff = new Backoff()
  const open = (signal) => stream('POST', path, { body: { ...body, stream: true }, key, accept: 'text/event-stream', signal })
  const run = async () => {
    while (turn.state === 'sending') {
      let least = 0
      try {
        await read(turn, open)
      } catch (e) {
        if (turn.left) return
        if (turn.state === 'sending' && isDefinite(e)) return turn.refuse(e)
        least = (e.retryAfter ?? 0) * 1000
      }
      if (turn.state === 'sending') {
        turn.reconnecting = true
        turn.changed()
        await backoff.wait(least)
      }
    }
    await followOn(turn)
  }
  run()
  return turn
}

// Gives up sending it. What reached the API all the same is told by its lists.
export function recall(turn) {
  turn.state = 'cancelled'
  leave(turn, true)
  turn.refuse(new DOMException('taken back', 'AbortError'))
}

function leave(turn, anyway = false) {
  if (turn.left || turn.ended && !anyway) return
  turn.left = true
  turn.leave?.()
  if (turns.get(turn.id) === turn) turns.delete(turn.id)
}

// Nobody looks at these any more.
export function leaveAll() {
  for (const turn of [...turns.values()]) leave(turn)
}
