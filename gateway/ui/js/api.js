// The API as whoever is logged in: tokens are renewed, and what nobody answered is asked again, with the
// same idempotency key, so that it happens once.
import { ApiError, NetworkError, newKey, open, send } from './http.js'
import { accessToken } from './session.js'
import { sleep } from './dom.js'

export { ApiError, NetworkError, newKey }

const PAUSES = [300, 900, 2000] // ms before another try
const PAGES = 10

const withQuery = (path, query) => {
  const list = new URLSearchParams(Object.entries(query ?? {}).filter(([, value]) => value !== undefined && value !== null))
  return list.size ? `${path}?${list}` : path
}

const isRefused = (e) => e instanceof ApiError && e.status === 401 && (e.code === 'unauthorized' || !e.code)

// Runs fn(token); a refused token is renewed, once. A wrong password is no reason.
async function authorized(fn) {
  const token = await accessToken()
  try {
    return await fn(token)
  } catch (e) {
    if (!isRefused(e)) throw e
    return fn(await accessToken(token))
  }
}

const mayPass = (e) => e instanceof NetworkError || e instanceof ApiError && [502, 503, 504].includes(e.status) && e.retryAfter <= 2

async function persistent(fn, signal) {
  for (const pause of PAUSES) {
    try {
      return await fn()
    } catch (e) {
      if (signal?.aborted || !mayPass(e)) throw e
      await sleep(pause, signal)
    }
  }
  return fn()
}

export async function call(method, path, { body, query, key, signal, keepalive } = {}) {
  const target = withQuery(path, query)
  const once = method === 'GET' ? undefined : key ?? newKey()
  return persistent(() => authorized((token) => send(method, target, { body, token, key: once, signal, keepalive })), signal)
}

export const get = async (path, query, signal) => (await call('GET', path, { query, signal })).json
export const post = async (path, body, options) => (await call('POST', path, { body, ...options })).json
export const put = async (path, body, options) => (await call('PUT', path, { body, ...options })).json
export const del = (path, options) => call('DELETE', path, options)

// A list with all its pages (at most PAGES).
export async function all(path, query) {
  const found = []
  let next = withQuery(path, { limit: 200, ...query })
  for (let pages = 0; next && pages < PAGES; pages++) {
    const reply = await call('GET', next)
    found.push(...reply.json)
    next = reply.json.length ? reply.next : undefined
  }
  return found
}

// A reply that is read as it comes (events, files); one try.
export function stream(method, path, options) {
  return authorized((token) => open(method, path, { ...options, token }))
}

// Sends a file with progress: told(share of 1). Resolves to the file, rejects as the others do.
export async function upload(path, file, told, signal) {
  const form = new FormData()
  form.append('file', file, file.name)
  const key = newKey()
  const once = (token) => new Promise((resolve, reject) => {
    const request = new XMLHttpRequest()
    request.open('POST', path)
    request.setRequestHeader('Authorization', `Bearer ${token}`)
    request.setRequestHeader('Idempotency-Key', key)
    request.responseType = 'json'
    request.upload.onprogress = (e) => e.lengthComputable && told(e.loaded / e.total)
    request.onerror = () => reject(new NetworkError('the connection broke'))
    request.onabort = () => reject(new DOMException('stopped', 'AbortError'))
    request.onload = () => {
      if (request.status < 300) return resolve(request.response)
      const headers = { get: (name) => request.getResponseHeader(name) }
      reject(new ApiError({ status: request.status, statusText: request.statusText, headers }, request.response ?? {}))
    }
    signal?.addEventListener('abort', () => request.abort(), { once: true })
    request.send(form)
  })
  return persistent(() => authorized(once), signal)
}

const PIECE = 16777216 // bytes of a large file that are asked for at once

function save(blob, name) {
  const url = URL.createObjectURL(blob)
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(url), 60000)
}

// Saves a file of the API under its name.
export async function download(path, name) {
  const reply = await stream('GET', path, { accept: '*/*' })
  save(await reply.blob(), name)
}

// The same of one that may take long: told(share of 1) between its pieces, each of which is asked for
// again when the connection breaks.
export async function downloadLarge(path, name, { bytes, told, signal }) {
  const pieces = []
  let tag
  for (let at = 0; at < bytes; at += PIECE) {
    const headers = { Range: `bytes=${at}-${Math.min(at + PIECE, bytes) - 1}`, ...tag && { 'If-Range': tag } }
    pieces.push(await persistent(async () => {
      const reply = await stream('GET', path, { accept: '*/*', headers, signal })
      if (reply.status !== 206) throw new Error('the file has changed')
      tag = reply.headers.get('etag')
      return readWhole(reply, signal)
    }, signal))
    told(Math.min(1, (at + PIECE) / bytes))
  }
  save(new Blob(pieces), name)
}

async function readWhole(reply, signal) {
  try {
    return await reply.blob()
  } catch (e) {
    if (signal?.aborted) throw e
    throw new NetworkError(e.message)
  }
}
