// The end of an account: what goes with it, a yes that is typed, and the receipt.
import { h } from '../dom.js'
import { icon } from '../icons.js'
import { t } from '../i18n.js'
import { call, get } from '../api.js'
import { formDialog } from '../dialog.js'
import { profileGet } from '../profile.js'
import { sessionGone } from '../session.js'
import { go } from '../router.js'
import { attempt } from '../toast.js'
import { card } from './account.js'

const GOES = [
  () => t('your address, password, sessions and API keys'),
  () => t('all projects with their prompts and files'),
  () => t('all conversations, and answers that are being made'),
  () => t('your archives, and the copies of files at the model provider'),
]

async function ask() {
  const { email } = await profileGet()
  const { totp } = await get('/users/me/security')
  let receipt
  await formDialog({
    title: t('Delete your account for ever?'), danger: true, action: t('Delete the account'),
    intro: t('You are logged out everywhere at once. Nobody can bring anything of it back.'),
    fields: [
      { name: 'word', label: t('Type “{word}” to go on', { word: email }), check: (text) => text.trim().toLowerCase() === email.toLowerCase() },
      { name: 'password', label: t('Password'), type: 'password', autocomplete: 'current-password', max: 256, check: (text) => text !== '' },
      ...totp ? [{ name: 'totp_code', label: t('Code'), hint: t('Of your app, or a recovery code.'), max: 64, autocomplete: 'one-time-code', check: (text) => text.trim() !== '' }] : []],
    save: async ({ password, totp_code: code }) => {
      const body = { password, ...code && { totp_code: code.replace(/\s/g, '') } }
      receipt = (await call('DELETE', '/users/me', { body })).json.receipt
    },
  })
  if (!receipt) return
  // the address first: the end of the session leads nowhere else then
  history.replaceState(null, '', `/#erasure=${receipt}`)
  sessionGone()
  go(`/#erasure=${receipt}`)
}

export function deletion() {
  const node = card(t('Delete the account'), t('For ever, here and at the model provider.'),
    h('p', {}, t('With it go:')), h('ul', { class: 'bullets' }, GOES.map((text) => h('li', {}, text()))),
    h('p', { class: 'quiet' }, t('What stays are entries of the audit, which hold numbers and no names, and copies that were made of the whole platform before.'), ' ',
      h('a', { href: '/settings?part=data' }, t('Make an archive first'))),
    h('div', {}, h('button', { type: 'button', class: 'danger', onclick: () => attempt(ask) }, icon('trash'), t('Delete the account'))))
  node.classList.add('danger-zone')
  return node
}
