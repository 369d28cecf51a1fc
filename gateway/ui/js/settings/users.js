// For admins: accounts. What people write is nobody's to see.
import { debounce, fill, h } from '../dom.js'
import { icon } from '../icons.js'
import { ago, date, number, plural, t } from '../i18n.js'
import { call, del, get, post, put } from '../api.js'
import { session } from '../session.js'
import { confirm, confirmTyped, dialog, showSecret } from '../dialog.js'
import { menuButton } from '../menu.js'
import { go } from '../router.js'
import { receiptLink } from '../erasure.js'
import { attempt, failed, tellUser } from '../toast.js'
import { card } from './account.js'

const PAGE = 50

export async function users() {
  const list = h('ul', { class: 'rows' })
  const foot = h('div', {})
  const search = h('input', { type: 'search', placeholder: t('Beginning of the address'), 'aria-label': t('Search accounts'), autocomplete: 'off', oninput: () => later() })
  let shown = 0
  const load = async () => {
    const mine = ++shown
    const reply = await call('GET', '/admin/users', { query: { q: search.value.trim() || undefined, limit: PAGE } })
    if (mine !== shown) return
    fill(list)
    add(reply)
    if (!reply.json.length) list.append(h('li', { class: 'quiet' }, t('Nobody found')))
  }
  const add = (reply) => {
    for (const one of reply.json) list.append(row(one))
    const next = reply.json.length ? reply.next : null
    fill(foot, next && h('button', { type: 'button', onclick: () => attempt(async () => add(await call('GET', next))) }, t('More')))
  }
  const later = debounce(() => load().catch(failed), 250)
  await load()
  return card(t('Users'), t('Accounts of this platform. What people write is not shown to anybody else.'), h('div', { class: 'form-narrow' }, search), list, foot)
}

function row(one) {
  const node = h('li', { class: 'tall' })
  paint(node, one)
  return node
}

function paint(node, one) {
  const mine = one.id === session.user
  const change = (what) => attempt(async () => paint(node, await put(`/admin/users/${one.id}`, what)))
  fill(node, icon('user'),
    h('div', { class: 'row-main' }, h('span', { class: 'row-name' }, one.email),
      h('span', { class: 'row-more' }, [t('since {when}', { when: date(one.created_at) }), plural(one.sessions, '{n} session', '{n} sessions'), plural(one.keys, '{n} key', '{n} keys'),
        one.last_used_at ? t('used {when}', { when: ago(one.last_used_at) }) : t('never used')].join(' · '))),
    h('div', { class: 'row-side' },
      mine && h('span', { class: 'chip' }, t('you')), one.role === 'admin' && h('span', { class: 'chip good' }, t('admin')),
      one.disabled && h('span', { class: 'chip bad' }, t('disabled')), one.totp && h('span', { class: 'chip' }, t('second factor')), one.reset_required && h('span', { class: 'chip warn' }, t('needs a password')),
      menuButton(t('Actions for {name}', { name: one.email }), () => [
        { label: t('Usage'), icon: 'info', act: () => usage(one) },
        { label: t('Audit'), icon: 'list', act: () => go(`/settings?part=audit&user=${one.id}`) },
        { label: t('End all sessions'), icon: 'logout', act: () => attempt(async () => { await del(`/admin/users/${one.id}/sessions`); paint(node, await get(`/admin/users/${one.id}`)); tellUser(t('All sessions have ended.')) }) },
        !mine && { label: one.role === 'admin' ? t('Make a plain user') : t('Make an admin'), icon: 'shield', act: () => role(one, change) },
        !mine && { label: t('Reset the password'), icon: 'key', act: () => reset(one, node) },
        one.totp && { label: t('Take the second factor away'), icon: 'phone', act: () => factor(one, node) },
        !mine && '-',
        !mine && { label: one.disabled ? t('Enable') : t('Disable'), icon: one.disabled ? 'check' : 'close', danger: !one.disabled, act: () => change({ disabled: !one.disabled }) },
        !mine && { label: t('Delete'), icon: 'trash', danger: true, act: () => erase(one, node) },
      ])))
}

async function role(one, change) {
  const up = one.role !== 'admin'
  if (await confirm({
    title: up ? t('Make {name} an admin?', { name: one.email }) : t('Take the role from {name}?', { name: one.email }), danger: false, action: t('Yes'),
    text: up ? t('Admins look after accounts, invitations and settings.') : t('They keep their account.'),
  })) await change({ role: up ? 'admin' : 'user' })
}

async function factor(one, node) {
  if (!await confirm({ title: t('Take the second factor of {name} away?', { name: one.email }), text: t('For somebody who lost the app and the recovery codes. The password alone lets in from then on: make sure who asks.'), action: t('Take it away') })) return
  await attempt(async () => {
    await del(`/admin/users/${one.id}/totp`)
    paint(node, await get(`/admin/users/${one.id}`))
  })
}

async function reset(one, node) {
  if (!await confirm({ title: t('Reset the password of {name}?', { name: one.email }), text: t('All sessions end. A link to set a new one is shown once; it works for 10 minutes.'), action: t('Reset it') })) return
  await attempt(async () => {
    const { token } = await post(`/admin/users/${one.id}/reset`)
    paint(node, await get(`/admin/users/${one.id}`))
    await showSecret({ title: t('Link for a new password'), text: t('Give it to {name}. It works once, for 10 minutes.', { name: one.email }), secret: `${location.origin}/#reset=${token}` })
  })
}

async function erase(one, node) {
  let receipt
  await confirmTyped({
    title: t('Delete the account of {name}?', { name: one.email }), word: one.email, action: t('Delete the account'),
    text: t('All projects, files and conversations of it go for ever, here and at the model provider.'),
    save: async () => { receipt = (await del(`/admin/users/${one.id}`)).json.receipt },
  })
  if (!receipt) return
  node.remove()
  await showSecret({ title: t('Receipt of the deletion'), text: t('Whoever has this link sees how far the erasure is. It names nobody.'), secret: receiptLink(receipt) })
}

function usage(one) {
  return attempt(async () => {
    const used = await get(`/admin/users/${one.id}/usage`, { days: 30 })
    await dialog({
      title: one.email,
      content: h('dl', { class: 'facts' },
        h('dt', {}, t('Last 30 days')), h('dd', {}, plural(used.turns, '{n} answer', '{n} answers')),
        h('dt', {}, t('Tokens in')), h('dd', {}, number(used.input_tokens)), h('dt', {}, t('Tokens out')), h('dd', {}, number(used.output_tokens))),
    })
  })
}
