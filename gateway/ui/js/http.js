// One request, one reply: problem documents become errors. Knows nothing of sessions.

// The API said no.
export class ApiError extends Error {
  constructor(reply, problem) {
    super(problem.detail || `${reply.status} ${reply.statusText}`)
    this.status = reply.status
    this.code = problem.code ?? ''
    this.field = problem.field
    this.turn = problem.turn_id
    this.request = problem.request_id ?? reply.headers.get('x-request-id')
    this.retryAfter = Number(reply.headers.get('retry-after')) || 0
  }
}

// Nobody answered.
export class NetworkError extends Error {}

async function problemOf(reply) {
  try {
    return await reply.json()
  } catch {
    return {}
  }
}

// The reply of the server as fetch gives it; errors are thrown.
export async function open(method, path, { body, form, headers = {}, token, key, accept, signal, keepalive } = {}) {
  const send = { Accept: accept ?? 'application/json', ...headers }
  if (token) send.Authorization = `Bearer ${token}`
  if (key) send['Idempotency-Key'] = key
  if (body !== undefined) send['Content-Type'] = 'application/json'
  let reply
  try {
    reply = await fetch(path, {
      method, headers: send, signal, keepalive, cache: 'no-store',
      body: form ?? (body === undefined ? undefined : JSON.stringify(body)),
    })
  } catch (e) {
    if (signal?.aborted) throw e
    throw new NetworkError(e.message)
  }
  if (!reply.ok) throw new ApiError(reply, await problemOf(reply))
  return reply
}

// The same with its JSON read: {status, json, next}; next is the path of the next page of a list.
export async function send(method, path, options) {
  const reply = await open(method, path, options)
  const link = /<([^>]*)>; *rel="next"/.exec(reply.headers.get('link') ?? '')
  try {
    const text = await reply.text() // 202 may have none
    return { status: reply.status, json: text ? JSON.parse(text) : null, next: link?.[1] }
  } catch (e) {
    if (options?.signal?.aborted) throw e
    throw new NetworkError(e.message)
  }
}

export const newKey = () => crypto.randomUUID?.() ?? Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, '0')).join('')
