// For admins: who may register, invitations, and how the services are.
import { field, fill, h } from '../dom.js'
import { icon } from '../icons.js'
import { date, plural, t } from '../i18n.js'
import { all, del, get, post, put } from '../api.js'
import { formDialog, showSecret } from '../dialog.js'
import { attempt, errorText, tellUser } from '../toast.js'
import { card } from './account.js'

export async function invites() {
  const place = h('div', {})
  const load = async () => {
    const rows = (await all('/admin/invites')).reverse()
    const takeBack = (one) => attempt(async () => { await del(`/admin/invites/${one.id}`); await load() })
    fill(place, rows.length ? h('ul', { class: 'rows' }, rows.map((one) => h('li', {}, icon('send'),
      h('div', { class: 'row-main' }, h('span', { class: 'row-name' }, one.email ?? t('anybody with the link')), h('span', { class: 'row-more' }, t('until {when}', { when: date(one.expires_at) }))),
      h('div', { class: 'row-side' }, h('button', { type: 'button', class: 'small', onclick: () => takeBack(one) }, t('Take back')))))) : h('p', { class: 'quiet' }, t('No open invitations.')))
  }
  const invite = async () => {
    const made = await formDialog({
      title: t('Invite somebody'), action: t('Invite'),
      fields: [{ name: 'email', label: t('E-mail'), type: 'email', hint: t('The only address that it is good for; empty: any.') }, { name: 'days', label: t('Days until it ends'), type: 'number', min: 1, most: 30, placeholder: '7' }],
      save: ({ email, days }) => post('/admin/invites', { email: email.trim() || null, days: days ? Number(days) : null }),
    })
    if (!made) return
    await showSecret({ title: t('The invitation'), text: t('The link is shown only now.'), secret: `${location.origin}/#invite=${made.token}` })
    await attempt(load)
  }
  await load()
  return card(t('Invitations'), t('An invitation lets somebody register even where registration is restricted.'), place,
    h('div', {}, h('button', { type: 'button', class: 'primary', onclick: invite }, icon('plus'), t('Invite'))))
}

export async function registration() {
  const now = await get('/admin/settings')
  const modes = [['open', t('Everybody')], ['invite', t('With an invitation')], ['closed', t('Nobody')]]
  const mode = h('fieldset', { class: 'choices' }, h('legend', {}, t('Who may register')), modes.map(([value, label]) =>
    h('label', { class: 'choice' }, h('input', { type: 'radio', name: 'mode', value, checked: value === now.registration }), label)))
  const domains = field(t('Domains'), h('input', { type: 'text', maxlength: 1024, value: now.registration_domains, placeholder: 'example.com, example.org' }), t('Addresses of these alone may register without an invitation; empty: all.'))
  const save = h('button', { type: 'submit', class: 'primary' }, t('Save'))
  return card(t('Registration'), t('Overrides what the settings’ file says.'), h('form', {
    class: 'stack', novalidate: true,
    onsubmit: async (e) => {
      e.preventDefault()
      domains.fail(null)
      save.disabled = true
      try {
        const set = await put('/admin/settings', { registration: mode.querySelector('input:checked').value, registration_domains: domains.control.value.trim() })
        domains.control.value = set.registration_domains
        tellUser(t('Saved.'))
      } catch (error) {
        domains.fail(errorText(error))
      } finally {
        save.disabled = false
      }
    },
  }, mode, domains, h('div', {}, save)))
}

async function healthGet() {
  const reply = await fetch('/health', { cache: 'no-store' }) // 503 says as much as 200
  return reply.json()
}

const NAMES = { auth: () => t('Accounts'), project: () => t('Projects and prompts'), chat: () => t('Conversations'), file: () => t('Files') }

export async function services() {
  const place = h('div', { class: 'stack' })
  const load = async () => {
    const now = await healthGet()
    const states = { healthy: [t('All is well'), 'good'], degraded: [t('Something is missing'), 'warn'], unhealthy: [t('It does not work'), 'bad'] }
    const models = { configured: t('configured'), demo: t('demo'), missing: t('missing') }
    const [text, kind] = states[now.status] ?? [now.status, '']
    fill(place,
      h('div', {}, h('span', { class: `chip ${kind}` }, text)),
      h('ul', { class: 'rows' },
        Object.entries(now.services).map(([name, one]) => h('li', {}, h('div', { class: 'row-main' }, h('span', { class: 'row-name' }, NAMES[name]?.() ?? name)),
          h('div', { class: 'row-side' }, h('span', { class: 'quiet' }, plural(one.instances, '{n} process', '{n} processes')), h('span', { class: one.status === 'up' ? 'chip good' : 'chip bad' }, one.status === 'up' ? t('up') : t('down'))))),
        h('li', {}, h('div', { class: 'row-main' }, h('span', { class: 'row-name' }, t('Database'))), h('div', { class: 'row-side' }, h('span', { class: now.database === 'connected' ? 'chip good' : 'chip bad' }, now.database === 'connected' ? t('connected') : t('disconnected')))),
        h('li', {}, h('div', { class: 'row-main' }, h('span', { class: 'row-name' }, t('Model'))), h('div', { class: 'row-side' }, now.model_paused && h('span', { class: 'chip warn' }, t('paused by its provider')), h('span', { class: now.model === 'configured' ? 'chip good' : 'chip warn' }, models[now.model] ?? now.model)))))
  }
  await load()
  const timer = setInterval(() => {
    if (!place.isConnected) clearInterval(timer)
    else if (!document.hidden) load().catch(() => {})
  }, 5000)
  return card(t('Services'), t('Updated every five seconds.'), place)
}
