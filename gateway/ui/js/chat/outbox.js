// Messages that the API does not have yet. They are kept in this browser until it does, each with the key
// under which it happens once, and sent again when the page or the connection comes back.
import { session } from '../session.js'
import { newKey } from '../api.js'

const AGE = 20 * 3600 * 1000 // ms; the API knows keys for a day

const name = () => `outbox:${session.user}`

function read() {
  try {
    return JSON.parse(localStorage.getItem(name()) ?? '[]').filter((one) => Date.now() - one.at < AGE)
  } catch {
    return []
  }
}

function write(list) {
  try {
    if (list.length) localStorage.setItem(name(), JSON.stringify(list))
    else localStorage.removeItem(name())
  } catch { /* no room: it lives as long as the page */ }
}

// body as POST /chat takes it. Returns {key, body, at}.
export function put(body) {
  const one = { key: newKey(), body, at: Date.now() }
  write([...read(), one])
  return one
}

export function drop(key) {
  write(read().filter((one) => one.key !== key))
}

// What waits for a conversation (null: for a new one of the project).
export function waiting(project, conversation) {
  return read().filter(({ body }) => body.project_id === project && (body.conversation_id ?? null) === conversation)
}
