// Who one is here, the password, and how this browser shows the pages.
import { field, fill, h, uid } from '../dom.js'
import { icon } from '../icons.js'
import { date, languageStored, LANGUAGES, t } from '../i18n.js'
import { call, get, post, put } from '../api.js'
import { formDialog } from '../dialog.js'
import { mailWorks } from '../health.js'
import { logout } from '../session.js'
import { on } from '../bus.js'
import { form, passwordField, passwordHints, wrong } from '../form.js'
import { languageSet, themeNow, themes, themeSet } from '../appearance.js'
import { profileGet, profileSet } from '../profile.js'
import { attempt, tellUser } from '../toast.js'

// A part of the settings: heading, a sentence, content.
export function card(title, text, ...content) {
  const id = uid('part')
  return h('section', { class: 'card', 'aria-labelledby': id },
    h('header', { class: 'card-head' }, h('h2', { id }, title), text && h('p', {}, text)), content)
}

// Behind the address: whether it is proved, which one takes its place, and the way to another one; where
// mail works.
async function addressLook(place, me) {
  if (!await mailWorks()) return
  const { email_verified: proved, pending_email: pending } = await get('/users/me/security')
  const prove = () => attempt(async () => {
    await post('/users/email/verify/ask', { email: me.email })
    tellUser(t('Another mail is on its way.'))
  })
  fill(place, h('div', { class: 'row wrap' }, me.email, proved ? h('span', { class: 'chip good' }, t('proved')) : h('span', { class: 'chip warn' }, t('not proved')),
    !proved && h('button', { type: 'button', class: 'small', onclick: prove }, t('Send another mail')),
    h('button', { type: 'button', class: 'small', onclick: async () => { if (await addressChange()) await attempt(() => addressLook(place, me)) } }, t('Change'))),
  pending && h('p', { class: 'field-hint' }, t('{email} takes its place once the link in the mail there was followed.', { email: pending })))
}

function addressChange() {
  return formDialog({
    title: t('Another address'), action: t('Send the mail'), intro: t('A mail goes to the new address. Once its link was followed, you log in with that one.'),
    fields: [
      { name: 'email', label: t('New address'), type: 'email', autocomplete: 'email', max: 254, check: (text) => /^\S+@\S+$/.test(text.trim()) },
      { name: 'password', label: t('Password'), type: 'password', autocomplete: 'current-password', max: 256, check: (text) => text !== '' }],
    save: async ({ email, password: secret }) => {
      await call('PUT', '/users/me/email', { body: { email: email.trim(), password: secret } })
      tellUser(t('A mail is on its way to {email}.', { email: email.trim() }))
    },
  })
}

export async function profile() {
  const me = await profileGet()
  const name = field(t('Name'), h('input', { type: 'text', name: 'name', autocomplete: 'name', maxlength: 120, value: me.name ?? '', placeholder: me.email }), t('What these pages call you.'))
  const address = h('dd', {}, me.email)
  addressLook(address, me).catch(() => {})
  const set = async () => {
    await profileSet({ name: name.control.value.trim() || null })
    tellUser(t('Saved.'))
  }
  return card(t('Your account'), null,
    h('dl', { class: 'facts' }, h('dt', {}, t('E-mail')), address, h('dt', {}, t('Since')), h('dd', {}, date(me.created_at)), h('dt', {}, t('Number')), h('dd', {}, String(me.id))),
    form({ rows: [name], action: t('Save'), submit: set, className: 'stack form-narrow' }),
    h('div', { class: 'card-end' }, h('button', { type: 'button', onclick: () => attempt(logout) }, icon('logout'), t('Log out'))))
}

function choice(name, legend, options, now, act) {
  return h('fieldset', { class: 'choices' }, h('legend', {}, legend), options.map(([value, label, sign]) =>
    h('label', { class: 'choice' }, h('input', { type: 'radio', name, value, checked: value === now, onchange: () => act(value) }), sign && icon(sign), label)))
}

export function appearance() {
  const theme = choice('theme', t('Theme'), themes(), themeNow(), themeSet)
  const off = on('theme', (name) => {
    if (!theme.isConnected) return off()
    for (const input of theme.querySelectorAll('input')) input.checked = input.value === name
  })
  const languages = [['', t('As the browser has it')], ...Object.entries(LANGUAGES)]
  return card(t('Appearance'), t('Follows your account to other devices.'), theme,
    choice('language', t('Language'), languages, languageStored() ?? '', (name) => attempt(() => languageSet(name || null))))
}

export function password() {
  const old = passwordField(t('Current password'), 'old_password', 'current-password')
  const next = passwordField(t('New password'), 'new_password', 'new-password')
  const again = passwordField(t('New password once more'), 'again', 'new-password')
  const hints = passwordHints(next.control)
  next.append(hints.list)
  const rows = [old, next, again]
  async function submit() {
    if (!hints.good()) throw wrong('new_password', t('The password does not meet all of the rules below.'))
    if (again.control.value !== next.control.value) throw wrong('again', t('The two are not the same.'))
    try {
      await put('/users/me/password', { old_password: old.control.value, new_password: next.control.value })
    } catch (e) {
      throw e.code === 'bad_login' ? wrong('old_password', t('This is not your password.')) : e
    }
    rows.forEach((row) => { row.control.value = ''; row.control.dispatchEvent(new Event('input')) })
    tellUser(t('The password is changed. Your other sessions have ended.'))
  }
  return card(t('Password'), t('A new password ends your other sessions.'), form({ rows, action: t('Change the password'), submit, className: 'stack form-narrow' }))
}
