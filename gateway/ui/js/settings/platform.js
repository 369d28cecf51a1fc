// For admins: who may register, who needs a second factor, and invitations.
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

// A choice among a few, as a form asks for it.
function choice(name, legend, options, now) {
  const node = h('fieldset', { class: 'choices' }, h('legend', {}, legend), options.map(([value, label]) =>
    h('label', { class: 'choice' }, h('input', { type: 'radio', name, value, checked: value === now }), label)))
  return { node, chosen: () => node.querySelector('input:checked').value }
}

const saved = async (what) => {
  const now = await put('/admin/settings', what)
  tellUser(t('Saved.'))
  return now
}

export async function registration() {
  const now = await get('/admin/settings')
  const mode = choice('mode', t('Who may register'), [['open', t('Everybody')], ['invite', t('With an invitation')], ['closed', t('Nobody')]], now.registration)
  const domains = field(t('Domains'), h('input', { type: 'text', name: 'registration_domains', maxlength: 1024, value: now.registration_domains, placeholder: 'example.com, example.org' }), t('Addresses of these alone may register without an invitation; empty: all.'))
  const factor = choice('factor', t('Who needs a second factor'), [['off', t('Nobody')], ['admins', t('Admins')], ['all', t('Everybody')]], now.totp_required)
  const submit = async () => {
    domains.control.value = (await saved({ registration: mode.chosen(), registration_domains: domains.control.value.trim() })).registration_domains
  }
  return [
    card(t('Registration'), t('Overrides what the settings’ file says.'), form({ rows: [mode.node, domains], action: t('Save'), submit })),
    card(t('Second factor'), t('Who needs one and has none reaches nothing but the page to set it up.'),
      form({ rows: [factor.node], action: t('Save'), submit: () => saved({ totp_required: factor.chosen() }) })),
  ]
}
