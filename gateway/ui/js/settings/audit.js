// What happened to the account, and for admins to all of them: newest first, a page at a time.
import { debounce, field, fill, h } from '../dom.js'
import { icon } from '../icons.js'
import { ago, t, time } from '../i18n.js'
import { call, get } from '../api.js'
import { session } from '../session.js'
import { loading } from '../shell.js'
import { attempt, failed } from '../toast.js'
import { card } from './account.js'

const PAGE = 50

// action: [icon, text, whether it is a warning]
const ACTIONS = {
  registered: ['user', () => t('Account made')],
  login: ['door', () => t('Logged in')],
  logout: ['logout', () => t('Logged out')],
  login_failed: ['warning', () => t('Log-in failed'), true],
  login_locked: ['warning', () => t('Log-ins locked for a while'), true],
  login_refused: ['warning', () => t('Log-in refused'), true],
  login_code_wrong: ['warning', () => t('Wrong code at the log-in'), true],
  refresh_token_reused: ['warning', () => t('A copied session was ended'), true],
  session_ended: ['monitor', () => t('Session ended')],
  sessions_ended: ['monitor', () => t('Sessions ended')],
  password_changed: ['shield', () => t('Password changed')],
  password_reset: ['shield', () => t('Password set by a link')],
  password_voided: ['shield', () => t('Password taken away by an admin')],
  password_wrong: ['warning', () => t('Wrong password given')],
  code_wrong: ['warning', () => t('Wrong code given')],
  reset_asked: ['mail', () => t('New password asked for by mail')],
  proof_asked: ['mail', () => t('Mail to prove the address asked for')],
  address_change_asked: ['mail', () => t('Change of address asked for')],
  address_proved: ['mail', () => t('Address proved')],
  address_changed: ['mail', () => t('Address changed')],
  factor_on: ['phone', () => t('Second factor turned on')],
  factor_off: ['phone', () => t('Second factor turned off')],
  recovery_code_used: ['phone', () => t('Recovery code used')],
  recovery_codes_made: ['phone', () => t('Recovery codes made anew')],
  key_made: ['key', () => t('API key made')],
  key_revoked: ['key', () => t('API key revoked')],
  project_deleted: ['trash', () => t('Project deleted')],
  conversation_deleted: ['trash', () => t('Conversation deleted')],
  file_deleted: ['trash', () => t('File deleted')],
  export_made: ['archive', () => t('Archive asked for')],
  export_read: ['download', () => t('Archive fetched')],
  export_deleted: ['trash', () => t('Archive deleted')],
  account_imported: ['user', () => t('Account taken over')],
  role_changed: ['shield', () => t('Role changed')],
  account_disabled: ['close', () => t('Account disabled')],
  account_enabled: ['check', () => t('Account enabled')],
  account_deleted: ['trash', () => t('Account deleted')],
  account_erased: ['trash', () => t('Account erased')],
  invite_made: ['mail', () => t('Invitation made')],
  invite_removed: ['mail', () => t('Invitation taken back')],
  setting_changed: ['settings', () => t('Setting changed')],
  signing_key_made: ['key', () => t('Signing key made')],
}

const named = (action) => ACTIONS[action]?.[1]() ?? action.replaceAll('_', ' ')

// ---- whose number it is ----

const addresses = new Map() // of an account: a promise of its address

function addressOf(id) {
  if (!addresses.has(id)) addresses.set(id, get(`/admin/users/${id}`).then((one) => one.email, (e) => { if (e.status !== 404) addresses.delete(id) }))
  return addresses.get(id)
}

// An account; the address stands in for the number once it is known.
function account(id) {
  const node = h('span', { class: 'who' }, t('account {id}', { id }))
  addressOf(id).then((email) => { if (email) { node.textContent = email; node.title = t('account {id}', { id }) } })
  return node
}

// ---- the list ----

const dots = (parts) => parts.filter(Boolean).flatMap((part, i) => i ? [' · ', part] : [part])

function row(entry, about) {
  const [sign, , warns] = ACTIONS[entry.action] ?? ['info']
  return h('li', { class: warns ? 'audit-row warns' : 'audit-row' }, icon(sign),
    h('div', { class: 'row-main' }, h('span', { class: 'row-name' }, named(entry.action)),
      h('span', { class: 'row-more wrap' }, dots([...about(entry), entry.object?.replace(':', ' '), entry.detail, entry.address && t('from {address}', { address: entry.address })]))),
    h('time', { class: 'row-more', datetime: entry.at, title: time(entry.at) }, ago(entry.at)))
}

// Its node, load(query) that shows entries anew, none() that there are none. about(entry): what stands first below the action.
function entries(path, about) {
  const list = h('ul', { class: 'rows', 'aria-label': t('Entries') })
  const foot = h('div', {})
  const node = h('div', { class: 'stack' }, list, foot)
  let shown = 0
  const add = (reply) => {
    list.append(...reply.json.map((entry) => row(entry, about)))
    const next = reply.json.length ? reply.next : null
    fill(foot, next && h('button', { type: 'button', onclick: (e) => { e.target.disabled = true; attempt(async () => add(await call('GET', next))) } }, t('More')))
  }
  async function load(query) {
    const mine = ++shown
    if (!list.childNodes.length) fill(foot, loading())
    const reply = await call('GET', path, { query: { newest: true, limit: PAGE, ...query } })
    if (mine !== shown) return
    if (!reply.json.length) return none()
    fill(list)
    return add(reply)
  }
  function none() {
    shown++
    fill(list, h('li', { class: 'quiet' }, t('Nothing of that kind')))
    fill(foot)
  }
  return { node, load, none }
}

const actor = (id) => id === 0 ? t('by the platform or nobody known') : t('by an admin')

export async function activity() {
  const shown = entries('/users/me/audit', (entry) => [entry.actor_id !== session.user && actor(entry.actor_id)])
  await shown.load()
  return card(t('Activity'), t('What happened to your account, newest first. Never what you wrote. Look for what was not you: then change the password and end the sessions.'), shown.node)
}

// The account of a number or the beginning of an address; undefined: any, null: nobody's.
async function numberOf(text) {
  if (!text || /^\d+$/.test(text)) return text || undefined
  const [one] = await get('/admin/users', { q: text, limit: 1 })
  return one?.id ?? null
}

// wanted: the account that the address names
export async function audit(wanted) {
  const shown = entries('/admin/audit', (entry) => [
    entry.account_id ? account(entry.account_id) : t('the platform'),
    entry.actor_id !== entry.account_id && (entry.actor_id ? [`${t('by')} `, account(entry.actor_id)] : t('by the platform or nobody known'))])
  const select = (label, options, value) => field(label, h('select', {}, options.map(([key, text]) => h('option', { value: key, selected: key === value }, text))))
  const action = select(t('Action'), [['', t('All')], ...Object.keys(ACTIONS).map((name) => [name, named(name)]).sort((a, b) => a[1].localeCompare(b[1]))], '')
  const days = select(t('Time'), [['1', t('1 day')], ['7', t('7 days')], ['30', t('30 days')], ['90', t('90 days')], ['', t('All')]], '30')
  const who = field(t('Account'), h('input', { type: 'search', maxlength: 254, value: wanted ?? '', placeholder: t('Address or number'), autocomplete: 'off' }))
  const load = async () => {
    const id = await numberOf(who.control.value.trim())
    return id === null ? shown.none() : shown.load({ user_id: id, action: action.control.value || undefined, days: days.control.value || undefined })
  }
  const later = debounce(() => load().catch(failed), 250)
  const filters = h('form', { class: 'filters', oninput: () => later(), onsubmit: (e) => e.preventDefault(), 'aria-label': t('Filter') }, who, action, days)
  await load()
  return card(t('Audit'), t('What happened to accounts and to the platform, newest first: numbers, never what people wrote. Entries are chained and cannot be changed.'), filters, shown.node)
}
