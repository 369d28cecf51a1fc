// The first page: log in, make an account, set a new password with a token that a mail or an admin gave, or
// see what became of a deleted account.
import { field, fill, h } from './dom.js'
import { icon, mark } from './icons.js'
import { t } from './i18n.js'
import { send } from './http.js'
import { login, session } from './session.js'
import { form, passwordField, passwordHints, wrong } from './form.js'
import { errorText } from './problems.js'
import { healthGet, mailWorks } from './health.js'
import { erasure } from './erasure.js'

function loginForm(show, given) {
  const email = field(t('E-mail'), h('input', { type: 'email', name: 'email', autocomplete: 'username', required: true, maxlength: 254, value: given.email ?? '' }))
  const password = passwordField(t('Password'), 'password', 'current-password')
  const remember = h('input', { type: 'checkbox', checked: true })
  const forgotten = h('p', { class: 'auth-switch', hidden: true }, linkTo(() => show('forgotten', { email: email.control.value }), t('Forgot your password?')))
  mailWorks().then((works) => { forgotten.hidden = !works })
  return [
    h('h1', {}, t('Log in')),
    given.note && h('p', { class: 'note good', role: 'status' }, icon('check'), given.note),
    form({
      rows: [email, password, h('label', { class: 'check' }, remember, h('span', {}, t('Keep me logged in on this device')))],
      action: t('Log in'),
      kind: 'primary block',
      submit: async () => {
        const asked = [email.control.value.trim(), password.control.value, remember.checked]
        try {
          await login(...asked)
        } catch (e) {
          if (e.code === 'totp_required') show('code', { asked })
          else if (e.code === 'email_unverified') show('unproved', { email: asked[0] })
          else throw e
        }
      },
    }),
    forgotten,
    h('p', { class: 'auth-switch' }, t('No account yet?'), ' ', linkTo(() => show('register', { email: email.control.value }), t('Register here'))),
  ]
}

// Asks for a mail with a link to set a new password.
function forgottenForm(show, given) {
  const email = field(t('E-mail'), h('input', { type: 'email', name: 'email', autocomplete: 'username', required: true, maxlength: 254, value: given.email ?? '' }))
  return [
    h('h1', {}, t('Forgot your password?')),
    form({
      rows: [h('p', { class: 'quiet' }, t('A mail with a link to set a new one is sent to the address of your account.')), email],
      action: t('Send the mail'),
      kind: 'primary block',
      submit: async () => {
        await send('POST', '/users/password/reset', { body: { email: email.control.value.trim() } })
        show('login', { email: email.control.value, note: t('If there is an account with this address, a mail is on its way. Its link works for 10 minutes.') })
      },
    }),
    h('p', { class: 'auth-switch' }, back(show)),
  ]
}

// An account whose address was not proved yet. fresh: it was made just now, and its mail is on its way.
function unprovedForm(show, { email, fresh }) {
  const note = h('p', { class: 'note good', role: 'status', hidden: true })
  return [
    h('h1', {}, t('Prove your address')),
    form({
      rows: [h('p', {}, fresh ? t('A mail is on its way to {email}. Follow its link, then log in.', { email }) : t('Follow the link in the mail that went to {email}, then log in.', { email })), note],
      action: t('Send another mail'),
      kind: 'block',
      submit: async () => {
        await send('POST', '/users/email/verify/ask', { body: { email } })
        fill(note, icon('check'), t('Another mail is on its way.'))
        note.hidden = false
      },
    }),
    h('p', { class: 'auth-switch' }, back(show)),
  ]
}

// The link of a mail that proves an address.
function verifyForm(show, { token }) {
  return [
    h('h1', {}, t('Prove your address')),
    form({
      rows: [h('p', {}, t('With this the address is yours for this platform.'))],
      action: t('It is my address'),
      kind: 'primary block',
      submit: async () => {
        await send('POST', '/users/email/verify', { body: { token } })
        history.replaceState(null, '', '/')
        if (session.open) return location.assign('/settings')
        show('login', { note: t('The address is proved. You can log in.') })
      },
    }),
    h('p', { class: 'auth-switch' }, back(show)),
  ]
}

// The second step, for accounts with a second factor.
function codeForm(show, { asked }) {
  const code = field(t('Code'), h('input', { type: 'text', name: 'totp_code', autocomplete: 'one-time-code', inputmode: 'numeric', required: true, maxlength: 64 }), t('Of your app; or one of your recovery codes.'))
  return [
    h('h1', {}, t('One more step')),
    form({
      rows: [code],
      action: t('Log in'),
      kind: 'primary block',
      submit: async () => {
        try {
          await login(...asked, code.control.value.trim())
        } catch (e) {
          throw e.code === 'totp_wrong' ? wrong('totp_code', errorText(e)) : e
        }
      },
    }),
    h('p', { class: 'auth-switch' }, linkTo(() => show('login', { email: asked[0] }), t('Back to the login'))),
  ]
}

function registerForm(show, given) {
  const email = field(t('E-mail'), h('input', { type: 'email', name: 'email', autocomplete: 'username', required: true, maxlength: 254, value: given.email ?? '' }))
  const password = passwordField(t('Password'), 'password', 'new-password')
  const hints = passwordHints(password.control)
  password.append(hints.list)
  const invite = field(t('Invitation'), h('input', { type: 'text', name: 'invite', autocomplete: 'off', maxlength: 128, value: given.invite ?? '' }), t('The token that you were given.'))
  invite.hidden = !given.invite
  const ask = h('p', { class: 'auth-switch', hidden: !!given.invite }, linkTo(() => { invite.hidden = false; ask.hidden = true; invite.control.focus() }, t('I have an invitation')))
  return [
    h('h1', {}, t('Create an account')),
    form({
      rows: [email, password, invite],
      action: t('Register'),
      kind: 'primary block',
      submit: async () => {
        if (!/^\S+@\S+$/.test(email.control.value.trim())) throw wrong('email', t('This is no e-mail address.'))
        if (!hints.good()) throw wrong('password', t('The password does not meet all of the rules below.'))
        const body = { email: email.control.value.trim(), password: password.control.value }
        if (invite.control.value.trim()) body.invite = invite.control.value.trim()
        try {
          await send('POST', '/users/register', { body })
        } catch (e) {
          if (e.status === 409) throw wrong('email', t('There is an account with this address already.'))
          if (e.status === 403 || e.field === 'invite') { invite.hidden = false; ask.hidden = true }
          throw e
        }
        try {
          await login(body.email, body.password, true)
        } catch (e) {
          if (e.code !== 'email_unverified') throw e
          show('unproved', { email: body.email, fresh: true })
        }
      },
    }),
    ask,
    h('p', { class: 'auth-switch' }, t('Already have an account?'), ' ', linkTo(() => show('login', { email: email.control.value }), t('Log in'))),
  ]
}

function resetForm(show, { token }) {
  const password = passwordField(t('New password'), 'password', 'new-password')
  const hints = passwordHints(password.control)
  password.append(hints.list)
  return [
    h('h1', {}, t('Set a new password')),
    form({
      rows: [password],
      action: t('Save the password'),
      kind: 'primary block',
      submit: async () => {
        if (!hints.good()) throw wrong('password', t('The password does not meet all of the rules below.'))
        await send('POST', '/users/password/reset/confirm', { body: { token, password: password.control.value } })
        history.replaceState(null, '', '/')
        show('login', { note: t('The password is saved. Log in with it.') })
      },
    }),
    h('p', { class: 'auth-switch' }, back(show)),
  ]
}

const back = (show) => linkTo(() => { history.replaceState(null, '', '/'); show('login', {}) }, t('Back to the login'))

const linkTo = (act, text) => h('button', { type: 'button', class: 'link', onclick: act }, text)

const erased = (show, { receipt }) => [...erasure(receipt), h('p', { class: 'auth-switch' }, back(show))]

const FORMS = { erased, login: loginForm, forgotten: forgottenForm, unproved: unprovedForm, verify: verifyForm, code: codeForm, register: registerForm, reset: resetForm }

// Which model answers, where that is worth a word.
async function modelNote(node) {
  try {
    const { model } = await healthGet()
    if (model === 'demo') node.textContent = t('A demo model answers here: it shows what it was sent.')
    else if (model === 'missing') node.textContent = t('No model is configured yet.')
    node.hidden = !node.textContent
  } catch { /* the form says what does not work */ }
}

export function page(root) {
  const card = h('div', { class: 'auth-card' })
  const model = h('p', { class: 'auth-model', hidden: true })
  const show = (name, given) => {
    fill(card, FORMS[name](show, given))
    document.title = card.querySelector('h1').textContent
    card.querySelector('input:placeholder-shown, input')?.focus()
  }
  fill(root, h('main', { class: 'auth' },
    h('div', { class: 'auth-brand' }, mark(), h('span', {}, 'Chatbot')), card, model,
    h('p', { class: 'auth-foot' }, h('a', { href: '/docs' }, t('API')), h('a', { href: '/health' }, t('Health')))))
  const asked = new URLSearchParams(location.hash.slice(1))
  if (asked.has('erasure')) show('erased', { receipt: asked.get('erasure') })
  else if (asked.has('verify')) show('verify', { token: asked.get('verify') })
  else if (asked.has('reset')) show('reset', { token: asked.get('reset') })
  else if (asked.has('invite')) show('register', { invite: asked.get('invite') })
  else show('login', {})
  modelNote(model)
  return {}
}
