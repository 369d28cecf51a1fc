// Who one is here, the password, and how this browser shows the pages.
import { field, fill, h, uid } from '../dom.js'
import { icon } from '../icons.js'
import { date, languageChoose, languageNow, LANGUAGES, t } from '../i18n.js'
import { get, put } from '../api.js'
import { logout } from '../session.js'
import { on } from '../bus.js'
import { passwordHints } from '../login.js'
import { themeNow, themes, themeSet } from '../appearance.js'
import { attempt, errorText, tellUser } from '../toast.js'

// A part of the settings: heading, a sentence, content.
export function card(title, text, ...content) {
  const id = uid('part')
  return h('section', { class: 'card', 'aria-labelledby': id },
    h('header', { class: 'card-head' }, h('h2', { id }, title), text && h('p', {}, text)), content)
}

export async function profile() {
  const me = await get('/users/me')
  return card(t('Your account'), null,
    h('dl', { class: 'facts' }, h('dt', {}, t('E-mail')), h('dd', {}, me.email), h('dt', {}, t('Since')), h('dd', {}, date(me.created_at)), h('dt', {}, t('Number')), h('dd', {}, String(me.id))),
    h('div', {}, h('button', { type: 'button', onclick: () => attempt(logout) }, icon('logout'), t('Log out'))))
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
  return card(t('Appearance'), t('For this browser.'), theme,
    choice('language', t('Language'), Object.entries(LANGUAGES), languageNow(), languageChoose))
}

export function password() {
  const input = (name, label, autocomplete) => field(label, h('input', { type: 'password', name, autocomplete, maxlength: 256, required: true }))
  const old = input('old_password', t('Current password'), 'current-password')
  const next = input('new_password', t('New password'), 'new-password')
  const again = input('again', t('New password once more'), 'new-password')
  const hints = passwordHints(next.control)
  next.append(hints.list)
  const problem = h('p', { class: 'form-error', role: 'alert', hidden: true })
  const save = h('button', { type: 'submit', class: 'primary' }, t('Change the password'))
  const rows = [old, next, again]
  async function submit(e) {
    e.preventDefault()
    rows.forEach((row) => row.fail(null))
    problem.hidden = true
    const fail = (row, text) => { row.fail(text); row.control.focus() }
    if (!old.control.value) return fail(old, t('Please fill this in.'))
    if (!hints.good()) return fail(next, t('The password does not meet all of the rules below.'))
    if (again.control.value !== next.control.value) return fail(again, t('The two are not the same.'))
    save.disabled = true
    try {
      await put('/users/me/password', { old_password: old.control.value, new_password: next.control.value })
      rows.forEach((row) => { row.control.value = ''; row.control.dispatchEvent(new Event('input')) })
      tellUser(t('The password is changed. Your other sessions have ended.'))
    } catch (error) {
      const row = rows.find((one) => one.control.name === error.field) ?? (error.code === 'bad_login' ? old : null)
      if (row) return fail(row, error.code === 'bad_login' ? t('This is not your password.') : errorText(error))
      fill(problem, errorText(error))
      problem.hidden = false
    } finally {
      save.disabled = false
    }
  }
  return card(t('Password'), t('A new password ends your other sessions.'),
    h('form', { class: 'stack form-narrow', novalidate: true, onsubmit: submit }, rows, problem, h('div', {}, save)))
}
