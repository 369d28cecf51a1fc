// Who is logged in. The access token lives in this page's memory alone; what renews it is a cookie
// that no script can read, or, for those who do not want to be remembered, in memory too.
import { NetworkError, ApiError, send } from './http.js'
import { emit } from './bus.js'

const HINT = 'session' // in storage: there may be a cookie. Says nothing else.
const EARLY = 30000 // ms before its end a token counts as ended

let token = null
let ends = 0
let refresh = null // the refresh token of a session without cookie
let claims = {}

export const session = {
  get user() { return claims.id ?? 0 },
  get open() { return token !== null },
}

// What the token says of itself, for what is shown; who may do what is decided behind the API.
function claimsOf(text) {
  try {
    const part = text.split('.')[1].replaceAll('-', '+').replaceAll('_', '/')
    return { id: Number(JSON.parse(atob(part)).sub) }
  } catch {
    return {}
  }
}

function take(reply) {
  token = reply.access_token
  ends = Date.now() + reply.expires_in * 1000
  refresh = reply.refresh_token
  claims = claimsOf(token)
}

function forget() {
  token = refresh = null
  claims = {}
}

// Pages of this site over plain HTTP from elsewhere get no cookie: then one session of this page.
// code: of a second factor, where the account has one.
export async function login(email, password, remember, code) {
  const ask = (cookie) => send('POST', '/users/login', { body: { email, password, cookie, ...code && { totp_code: code } } })
  let reply
  try {
    reply = await ask(remember)
  } catch (e) {
    if (!(e instanceof ApiError) || e.field !== 'cookie') throw e
    reply = await ask(false)
  }
  take(reply.json)
  if (refresh === null) localStorage.setItem(HINT, '1')
  emit('login')
}

async function renew() {
  const body = refresh === null ? {} : { refresh_token: refresh }
  const before = session.user
  take((await send('POST', '/users/refresh', { body })).json)
  if (before && session.user !== before) location.reload() // somebody else has logged in, in another tab
}

let renewing = null

// A new access token. Each refresh token works once, so that tabs take turns.
function renewOnce(old) {
  renewing ??= (async () => {
    try {
      if (refresh !== null || !navigator.locks) await renew()
      else await navigator.locks.request('session', () => token === old ? renew() : undefined)
    } catch (e) {
      if (e instanceof NetworkError || e.status >= 500 || e.status === 429) throw e
      over()
      throw e
    } finally {
      renewing = null
    }
  })()
  return renewing
}

// The session has ended, here or elsewhere.
function over() {
  forget()
  localStorage.removeItem(HINT)
  emit('logout')
}

// A token that is good for some time. old: one that was refused.
export async function accessToken(old) {
  if (token === null || token === old || Date.now() > ends - EARLY) await renewOnce(token)
  return token
}

// Takes up the session of this browser. False: there is none.
export async function restore() {
  if (token !== null) return true
  if (!localStorage.getItem(HINT)) return false
  try {
    await renewOnce(null)
    return true
  } catch (e) {
    if (e instanceof NetworkError || e.status >= 500 || e.status === 429) throw e
    return false
  }
}

export async function logout() {
  try {
    if (token !== null) await send('POST', '/users/logout', { token: await accessToken() })
  } catch (e) {
    if (!(e instanceof ApiError) || e.status !== 401) throw e
  }
  sessionGone()
}

// The session has ended for all tabs, and nothing of it stays here.
export function sessionGone() {
  for (const key of Object.keys(localStorage))
    if (/^(draft|outbox|project):/.test(key)) localStorage.removeItem(key)
  over()
  emit('tabs', { what: 'logout' })
}

// Another tab has logged out.
export function loggedOutElsewhere() {
  if (token !== null && refresh === null) over()
}
