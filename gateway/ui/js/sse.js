// Server-sent events read from a reply's body (WHATWG HTML, section 9.2), and the account's own.
import { stream } from './api.js'
import { sleep } from './dom.js'
import { emit } from './bus.js'

const SILENCE = 25000 // ms; the server says something every 10 s
const CLOSE_HIDDEN = 5000 // ms after which a tab that nobody sees gives its streams back

function parse(block) {
  const event = { event: 'message', data: [], id: null }
  for (const line of block.split(/\r\n|\r|\n/)) {
    const colon = line.indexOf(':')
    if (colon === 0) continue
    const name = colon < 0 ? line : line.slice(0, colon)
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '')
    if (name === 'data') event.data.push(value)
    else if (name === 'event' || name === 'id') event[name] = value
  }
  return event.data.length ? { ...event, data: JSON.parse(event.data.join('\n')) } : null
}

// The next piece; null: too long nothing came.
async function pieceOf(reader) {
  let timer
  const silence = new Promise((resolve) => { timer = setTimeout(() => resolve(null), SILENCE) })
  try {
    return await Promise.race([reader.read(), silence])
  } finally {
    clearTimeout(timer)
  }
}

// {event, data, id} of each event, until the stream ends or falls silent.
export async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader()
  let rest = ''
  try {
    for (;;) {
      const piece = await pieceOf(reader)
      if (!piece || piece.done) return
      rest += piece.value
      const blocks = rest.split(/\r\n\r\n|\n\n|\r\r/)
      rest = blocks.pop()
      for (const block of blocks) {
        const event = parse(block)
        if (event) yield event
      }
    }
  } finally {
    reader.cancel().catch(() => {})
  }
}

// Waits between tries: longer each time, sooner when the network or the reader comes back.
export class Backoff {
  constructor() { this.tries = 0 }
  reset() { this.tries = 0 }
  async wait(least = 0) {
    const ms = Math.max(least, Math.min(10000, 250 * 2 ** this.tries++) * (0.75 + Math.random() / 2))
    const sooner = new AbortController()
    const wake = () => sooner.abort()
    addEventListener('online', wake)
    await sleep(ms, sooner.signal)
    removeEventListener('online', wake)
  }
}

// Resolves when somebody looks at this page.
export function visible() {
  if (!document.hidden) return Promise.resolve()
  return new Promise((resolve) => {
    const look = () => {
      if (document.hidden) return
      document.removeEventListener('visibilitychange', look)
      resolve()
    }
    document.addEventListener('visibilitychange', look)
  })
}

// Aborts controller() once the page has been hidden for a while. Returns what ends that.
export function closeWhenHidden(abort) {
  let timer
  const look = () => {
    clearTimeout(timer)
    if (document.hidden) timer = setTimeout(abort, CLOSE_HIDDEN)
  }
  document.addEventListener('visibilitychange', look)
  look()
  return () => { clearTimeout(timer); document.removeEventListener('visibilitychange', look) }
}

// Keeps GET /events open while the page is seen: emits 'turn' and 'conversation-news' for each change, and 'resync' whenever
// something may have been missed. Returns what ends it.
export function accountEvents() {
  const backoff = new Backoff()
  let over = false
  let controller
  async function once() {
    controller = new AbortController()
    const unwatch = closeWhenHidden(() => controller.abort())
    try {
      const reply = await stream('GET', '/events', { accept: 'text/event-stream', signal: controller.signal })
      for await (const { event, data } of events(reply.body)) {
        backoff.reset()
        if (event === 'hello') emit('resync')
        else if (event === 'turn') emit('turn', data)
        else if (event === 'conversation') emit('conversation-news', data)
      }
    } finally {
      unwatch()
      controller.abort()
    }
  }
  async function run() {
    while (!over) {
      await visible()
      let least = 0
      try {
        await once()
      } catch (e) {
        if (e.status === 401) return
        least = (e.retryAfter ?? 0) * 1000
      }
      if (!over && !document.hidden) await backoff.wait(least)
    }
  }
  run()
  return () => { over = true; controller?.abort() }
}
