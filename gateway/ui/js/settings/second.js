// The second factor: an app that makes codes, and the recovery codes for when it is lost.
import { fill, h } from '../dom.js'
import { icon } from '../icons.js'
import { plural, t } from '../i18n.js'
import { call, get, post } from '../api.js'
import { dialog, formDialog, formOf } from '../dialog.js'
import { qrCode } from '../qr.js'
import { attempt, tellUser } from '../toast.js'
import { card } from './account.js'

const codeField = () => ({ name: 'code', label: t('Code'), hint: t('Six digits that the app shows.'), max: 64, autocomplete: 'one-time-code', check: (text) => text.trim() !== '' })

// Recovery codes, which are told only now.
function codesShow(codes) {
  const text = `${codes.join('\n')}\n`
  const copy = h('button', { type: 'button', onclick: () => attempt(async () => { await navigator.clipboard.writeText(text); fill(copy, icon('check'), t('Copied')) }) }, icon('copy'), t('Copy'))
  const save = h('a', { class: 'button', href: URL.createObjectURL(new Blob([text], { type: 'text/plain' })), download: 'recovery-codes.txt' }, icon('download'), t('Save as a file'))
  return dialog({
    title: t('Recovery codes'),
    content: [
      h('p', {}, t('Each of them lets you in once when you do not have the app. They are shown only now: keep them in a safe place.')),
      h('ol', { class: 'codes' }, codes.map((code) => h('li', { class: 'mono' }, code))),
      h('div', { class: 'row' }, copy, save)],
    footer: (close) => h('button', { type: 'button', class: 'primary', onclick: () => close() }, t('I have kept them')),
  }).finally(() => URL.revokeObjectURL(save.href))
}

async function setUp() {
  const { otpauth_uri: uri, secret } = await post('/users/me/totp')
  const picture = await qrCode(uri, t('QR code for the app'))
  const made = await dialog({
    title: t('Set up the second factor'),
    content: (close) => [
      h('p', {}, t('Scan this with an app that makes codes (FreeOTP, Aegis, Google Authenticator, a password manager …), then type the code that it shows.')),
      h('div', { class: 'qr-frame' }, picture),
      h('details', {}, h('summary', {}, t('The camera does not work?')), h('p', { class: 'quiet' }, t('Type this secret into the app:')), h('p', { class: 'mono secret' }, secret.replace(/(.{4})(?=.)/g, '$1 '))),
      formOf({ fields: [codeField()], action: t('Turn it on'), close, save: ({ code }) => post('/users/me/totp/confirm', { code: code.replace(/\s/g, '') }) })],
  })
  if (made) await codesShow(made.recovery_codes)
}

const passwordDialog = (title, intro, action, save, danger) => formDialog({
  title, intro, action, danger,
  fields: [{ name: 'password', label: t('Password'), type: 'password', autocomplete: 'current-password', max: 256, check: (text) => text !== '' }],
  save,
})

async function codesRenew() {
  const made = await passwordDialog(t('New recovery codes'), t('Those that you have now will not work any more.'), t('Make new ones'), (body) => post('/users/me/totp/codes', body))
  if (made) await codesShow(made.recovery_codes)
}

async function turnOff() {
  const done = await passwordDialog(t('Turn off the second factor?'), t('From then on the password alone is enough.'), t('Turn it off'), (body) => call('DELETE', '/users/me/totp', { body }), true)
  if (done) tellUser(t('The second factor is off.'))
}

export async function second() {
  const place = h('div', { class: 'stack' })
  const load = async () => {
    const { totp, recovery_codes: left, totp_required: needed } = await get('/users/me/security')
    const then = (fn) => () => attempt(async () => { await fn(); await load() })
    fill(place, totp
      ? [h('div', {}, h('span', { class: 'chip good' }, t('on'))),
        h('p', {}, t('Logging in asks for a code of your app, too.'), ' ', plural(left, '{n} recovery code is left.', '{n} recovery codes are left.')),
        h('div', { class: 'row wrap' }, h('button', { type: 'button', onclick: then(codesRenew) }, t('New recovery codes')), h('button', { type: 'button', class: 'danger', onclick: then(turnOff) }, t('Turn it off')))]
      : [h('div', {}, h('span', { class: 'chip' }, t('off'))),
        needed && h('p', { class: 'note' }, icon('warning'), t('Your account needs one before anything else.')),
        h('div', {}, h('button', { type: 'button', class: 'primary', onclick: then(setUp) }, icon('shield'), t('Set it up')))])
  }
  await load()
  return card(t('Second factor'), t('A code of an app on your phone, besides the password: who knows the password alone does not get in.'), place)
}
