// The receipt of a deleted account: what of it is still there, looked at until the last copy is gone.
import { fill, h, sleep } from './dom.js'
import { icon } from './icons.js'
import { t, time } from './i18n.js'
import { send } from './http.js'
import { errorText } from './problems.js'

const LOOK = 2000 // ms between two looks while something is left

const PARTS = {
  auth: () => t('The account: log-in, sessions, keys'),
  project: () => t('Projects and prompts'),
  chat: () => t('Conversations'),
  file: () => t('Files and archives'),
  provider: () => t('Copies of files at the model provider'),
}

// What a receipt is called by: whoever has the address sees how far it is.
export const receiptLink = (receipt) => `${location.origin}/#erasure=${receipt}`

// The parts and their state, as a list.
function partsList(parts) {
  return h('ul', { class: 'rows' }, Object.entries(PARTS).filter(([name]) => name in parts).map(([name, label]) => h('li', {},
    h('div', { class: 'row-main' }, label()),
    h('div', { class: 'row-side' }, parts[name] === 'erased' ? h('span', { class: 'chip good' }, t('erased')) : h('span', { class: 'chip warn' }, t('is being erased'))))))
}

// Fills the place, and goes on looking as long as it is in the page and something is left.
async function watch(receipt, heading, place) {
  for (;;) {
    const told = (await send('GET', `/users/erasures/${encodeURIComponent(receipt)}`)).json
    const done = told.state === 'erased'
    heading.textContent = done ? t('Everything is erased') : t('The account is deleted')
    fill(place,
      h('p', { role: 'status' }, done
        ? t('The last copy went on {when}.', { when: time(told.erased_at) })
        : t('Nobody can log in any more. What it left behind is being erased; nothing has to be done for that.')),
      partsList(told.parts))
    if (done) return
    await sleep(LOOK)
    if (!place.isConnected) return
  }
}

// Heading and content for a page without log-in.
export function erasure(receipt) {
  const heading = h('h1', {}, t('The account is deleted'))
  const place = h('div', { class: 'stack', 'aria-live': 'polite' }, h('div', { class: 'loading' }, h('span', { class: 'spinner', 'aria-hidden': 'true' }), t('Loading…')))
  const copy = h('button', {
    type: 'button', onclick: async () => {
      await navigator.clipboard.writeText(receiptLink(receipt))
      fill(copy, icon('check'), t('Copied'))
    },
  }, icon('copy'), t('Copy the receipt'))
  const look = () => watch(receipt, heading, place).catch((e) => {
    if (e.status === 404) {
      heading.textContent = t('There is no such receipt')
      return fill(place, h('p', {}, t('Receipts are good for 30 days after the last copy has gone.')))
    }
    return fill(place, h('p', { class: 'form-error', role: 'alert' }, errorText(e)),
      h('div', {}, h('button', { type: 'button', onclick: look }, icon('refresh'), t('Try again'))))
  })
  look()
  return [heading, place, h('div', { class: 'row wrap' }, copy),
    h('p', { class: 'field-hint' }, t('This page is the receipt: keep its address to look again. It names nobody.'))]
}
