// For admins: who may register, and invitations.
import { field, fill, h } from '../dom.js'
import { icon } from '../icons.js'
import { date, t } from '../i18n.js'
import { all, del, get, post, put } from '../api.js'
import { formDialog, showSecret } from '../dialog.js'
import { form } from '../form.js'
import { attempt, tellUser } from '../toast.js'
import { card } from './account.js'

export async function invites() {
  const place = h('div', {})
  const load = async () => {
    const rows = (await all('/admin/invites')).reverse()
    const takeBack = (one) => attempt(async () => { await del(`/admin/invites/${one.id}`); await load() })
    fill(place, rows.length ? h('ul', { class: 'rows' }, rows.map((one) => h('li', {}, icon('mail'),
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
  const domains = field(t('Domains'), h('input', { type: 'text', name: 'registration_domains', maxlength: 1024, value: now.registration_domains, placeholder: 'example.com, example.org' }), t('Addresses of these alone may register without an invitation; empty: all.'))
  const submit = async () => {
    const set = await put('/admin/settings', { registration: mode.querySelector('input:checked').value, registration_domains: domains.control.value.trim() })
    domains.control.value = set.registration_domains
    tellUser(t('Saved.'))
  }
  return card(t('Registration'), t('Overrides what the settings’ file says.'), form({ rows: [mode, domains], action: t('Save'), submit }))
}
