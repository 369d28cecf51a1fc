// The frame around the pages for those who are logged in: sidebar, account, shortcuts, palette.
import { fill, h } from './dom.js'
import { icon, mark } from './icons.js'
import { t } from './i18n.js'
import { profileGet } from './profile.js'
import { healthGet } from './health.js'
import { logout } from './session.js'
import { openMenu } from './menu.js'
import { attempt } from './toast.js'
import { errorText } from './problems.js'
import { go } from './router.js'
import { on } from './bus.js'
import { shortcutsStart } from './shortcuts.js'
import { themeMenu } from './appearance.js'

const LINKS = [['chat', '/chat', 'Chat'], ['dashboard', '/dashboard', 'Projects'], ['settings', '/settings', 'Settings']]
const ICONS = { chat: 'chat', dashboard: 'projects', settings: 'settings' }
const LABELS = { chat: () => t('Chat'), dashboard: () => t('Projects'), settings: () => t('Settings') }

async function modelLook(node) {
  let model
  try {
    model = (await healthGet()).model
  } catch {
    return
  }
  if (model === 'configured') return
  node.hidden = false
  node.textContent = model === 'demo' ? t('Demo model') : t('No model configured')
  node.title = model === 'demo' ? t('Answers show what the model was sent. Set OPENAI_API_KEY for a real one.') : t('Set OPENAI_API_KEY or OPENAI_BASE_URL.')
}

// Whoever is logged in, by name or address.
async function nameLook(node) {
  try {
    const { name, email } = await profileGet()
    node.textContent = name ?? email
    node.title = email
  } catch { /* the page itself says what does not work */ }
}

function accountButton() {
  const name = h('span', { class: 'account-name' }, t('Account'))
  const button = h('button', {
    type: 'button', class: 'account', 'aria-haspopup': 'menu', 'aria-expanded': 'false',
    onclick: () => openMenu(button, [
      ...themeMenu(), '-',
      { label: t('Settings'), icon: 'settings', act: () => go('/settings') },
      { label: t('API'), icon: 'info', act: () => { location.href = '/docs' } },
      { label: t('Log out'), icon: 'logout', act: () => attempt(logout) },
    ]),
  }, icon('user'), name, icon('up'))
  nameLook(name)
  const off = on('profile', () => name.isConnected ? nameLook(name) : off())
  return button
}

// Narrow windows show the sidebar over the page.
function drawer(app, sidebar, opener) {
  const set = (open) => {
    app.classList.toggle('drawer-open', open)
    opener.setAttribute('aria-expanded', String(open))
    if (open) sidebar.querySelector('a, button, input')?.focus()
  }
  sidebar.addEventListener('keydown', (e) => {
    if (e.key !== 'Escape' || !app.classList.contains('drawer-open')) return
    set(false)
    opener.focus()
  })
  return set
}

function networkBar() {
  const bar = h('div', { class: 'offline', role: 'status', hidden: navigator.onLine }, icon('warning'), t('No connection. What you write is kept and sent when it is back.'))
  const look = () => { bar.hidden = navigator.onLine }
  addEventListener('online', look)
  addEventListener('offline', look)
  return bar
}

// Builds the frame in root: {side, head, body, title(text), closeDrawer}; side, head and body are for the page.
export function frame(root, active) {
  const side = h('div', { class: 'side-content' })
  const head = h('div', { class: 'topbar-content' })
  const body = h('div', { class: 'main-content' })
  const opener = h('button', { type: 'button', class: 'ghost square drawer-button', 'aria-label': t('Open the sidebar'), 'aria-controls': 'sidebar', 'aria-expanded': 'false', onclick: () => set(true) }, icon('menu'))
  const closer = h('button', { type: 'button', class: 'ghost square drawer-close', 'aria-label': t('Close the sidebar'), onclick: () => { set(false); opener.focus() } }, icon('close'))
  const chip = h('span', { class: 'chip warn', hidden: true })
  const sidebar = h('aside', { class: 'sidebar', id: 'sidebar', 'aria-label': t('Sidebar') },
    h('div', { class: 'side-head' }, h('a', { class: 'brand', href: '/chat' }, mark(), h('span', {}, 'Chatbot')), chip, closer),
    h('nav', { class: 'side-nav', 'aria-label': t('Pages') }, LINKS.map(([name, href]) =>
      h('a', { href, class: name === active ? 'active' : null, 'aria-current': name === active ? 'page' : null }, icon(ICONS[name]), LABELS[name]()))),
    side, h('div', { class: 'side-foot' }, accountButton()))
  const main = h('main', { class: 'main', id: 'main', tabindex: '-1' }, networkBar(), h('header', { class: 'topbar' }, opener, head), body)
  const app = h('div', { class: `app app-${active}` },
    h('a', { class: 'skip', href: '#main', onclick: (e) => { e.preventDefault(); main.focus() } }, t('Skip to the content')),
    sidebar, h('div', { class: 'scrim', onclick: () => set(false) }), main)
  const set = drawer(app, sidebar, opener)
  fill(root, app)
  modelLook(chip)
  shortcutsStart()
  return {
    side, head, body, main,
    title: (text) => { document.title = text ? `${text} · Chatbot` : 'Chatbot' },
    closeDrawer: () => set(false),
  }
}

// What stands in for things that are not there (yet).
export function empty({ name, title, text, action }) {
  return h('div', { class: 'empty' }, name && h('div', { class: 'empty-icon' }, icon(name)), h('h2', {}, title), text && h('p', {}, text), action)
}

export const loading = (text) => h('div', { class: 'loading', role: 'status' }, h('span', { class: 'spinner', 'aria-hidden': 'true' }), text ?? t('Loading…'))

// A place that fn() fills; when it fails the place says so and offers to try again.
export async function loadInto(node, fn, failure) {
  fill(node, loading())
  try {
    await fn()
  } catch (e) {
    if (e?.name === 'AbortError' || e?.status === 401) return
    if (e?.code === 'totp_setup') return go('/settings?part=second', { replace: true })
    const again = h('button', { type: 'button', onclick: () => loadInto(node, fn, failure) }, icon('refresh'), t('Try again'))
    fill(node, empty({ name: 'warning', title: failure ?? t('This could not be loaded'), text: errorText(e), action: again }))
  }
}
