// Begins: language, session, and the page that the address names.
import { fill, h } from './dom.js'
import { languageLoad, t } from './i18n.js'
import { loggedOutElsewhere, restore, session } from './session.js'
import { on } from './bus.js'
import { appearanceFollow } from './appearance.js'
import { go, routerStart, where } from './router.js'
import { errorText } from './problems.js'

const LOADERS = {
  login: () => import('./login.js'),
  chat: () => import('./chat/page.js'),
  dashboard: () => import('./dashboard/page.js'),
  settings: () => import('./settings/page.js'),
}

const root = document.getElementById('app')
let current = null // {name, page}
let turn = 0 // counts what was asked to be shown: only the newest is

function returnPath() {
  const wanted = new URLSearchParams(location.hash.slice(1)).get('then')
  return wanted && /^\/(chat|dashboard|settings)(\?|$)/.test(wanted) ? wanted : '/dashboard'
}

async function show(place) {
  const mine = ++turn
  let name = place.page
  if (name === 'login' && session.open && !/^#(reset|verify|erasure)=/.test(place.hash)) return go(returnPath(), { replace: true })
  if (name !== 'login' && !session.open) return go(`/#then=${encodeURIComponent(place.path)}`, { replace: true })
  if (current?.name === name && current.page.update) return current.page.update(place)
  try {
    const module = await LOADERS[name]()
    if (mine !== turn) return
    current?.page.close?.()
    current = { name, page: module.page(root, place) }
  } catch (e) {
    if (mine === turn) broken(e)
  }
}

// Something without which nothing can be shown did not come.
function broken(e) {
  console.error(e)
  document.title = t('Not reachable')
  fill(root, h('main', { class: 'lone' },
    h('h1', {}, t('This did not work')), h('p', {}, errorText(e)),
    h('button', { type: 'button', class: 'primary', onclick: () => location.reload() }, t('Try again'))))
}

// Theme and language of the account; a page without them is as good for the moment.
const follow = () => { if (session.open) appearanceFollow().catch(() => {}) }

async function begin() {
  root.setAttribute('aria-busy', 'true')
  try {
    await Promise.all([languageLoad(), restore()])
  } catch (e) {
    root.removeAttribute('aria-busy')
    return broken(e)
  }
  root.removeAttribute('aria-busy')
  on('logout-elsewhere', loggedOutElsewhere)
  on('login', () => { follow(); go(returnPath(), { replace: true }) })
  on('language', () => {
    current?.page.close?.()
    current = null
    show(where())
  })
  on('logout', () => {
    const { page, path } = where()
    current?.page.close?.()
    current = null
    if (page !== 'login') go(`/#then=${encodeURIComponent(path)}`, { replace: true })
  })
  await routerStart(show)
  follow()
}

begin()
