// One box that finds commands, projects and conversations.
import { debounce, fill, h, uid } from './dom.js'
import { icon } from './icons.js'
import { t } from './i18n.js'
import { all, get } from './api.js'
import { logout, session } from './session.js'
import { dialog } from './dialog.js'
import { go } from './router.js'
import { shortcutsShow } from './shortcuts.js'
import { themes, themeSet } from './appearance.js'
import { attempt } from './toast.js'
import { emit } from './bus.js'

const SHOWN = 12

const lastProject = () => Number(localStorage.getItem(`project:${session.user}`))

function commands() {
  const project = lastProject()
  return [
    { icon: 'plus', text: t('New conversation'), act: () => { go('/chat'); emit('chat-new') } },
    { icon: 'projects', text: t('Projects'), act: () => go('/dashboard') },
    { icon: 'plus', text: t('New project'), act: () => go('/dashboard?new=1') },
    ...project ? [{ icon: 'upload', text: t('Import conversations'), act: () => attempt(async () => (await import('./chat/import.js')).importShow(project)) }] : [],
    { icon: 'settings', text: t('Settings'), act: () => go('/settings') },
    { icon: 'key', text: t('API keys'), act: () => go('/settings?part=keys') },
    { icon: 'archive', text: t('Your data'), act: () => go('/settings?part=data') },
    ...themes().map(([name, text, sign]) => ({ icon: sign, text: `${t('Theme')}: ${text}`, act: () => themeSet(name) })),
    { icon: 'info', text: t('Keyboard'), act: shortcutsShow },
    { icon: 'logout', text: t('Log out'), act: () => attempt(logout) },
  ]
}

const plainSnippet = (text) => text.replaceAll(/[\u0002\u0003]/g, '')

async function found(q) {
  if (q.trim().length < 2) return []
  const hits = await get('/search', { q, limit: 20 })
  return hits.map((hit) => ({
    icon: 'chat', text: hit.title ?? t('Untitled'), more: hit.message_id ? plainSnippet(hit.snippet) : '',
    act: () => go(`/chat?conversation=${hit.conversation_id}${hit.message_id ? `&message=${hit.message_id}` : ''}`),
  }))
}

async function known() {
  const last = lastProject()
  const [projects, recent] = await Promise.all([
    all('/projects'),
    last ? get(`/projects/${last}/conversations`, { limit: 30 }).catch(() => []) : [],
  ])
  return [
    ...recent.map((c) => ({ icon: 'chat', text: c.title ?? t('Untitled'), act: () => go(`/chat?conversation=${c.id}`) })),
    ...projects.map((p) => ({ icon: 'bot', text: p.name, more: t('Project'), act: () => go(`/chat?project=${p.id}`) })),
  ]
}

export function palette() {
  return dialog({ label: t('Find'), wide: true, content: build }).then((item) => item?.act())
}

function build(close) {
  const id = uid('palette')
  const list = h('ul', { class: 'palette-list', role: 'listbox', id, 'aria-label': t('Results') })
  const input = h('input', {
    type: 'text', class: 'palette-input', placeholder: t('Find a conversation, project or command'), autofocus: true, autocomplete: 'off', spellcheck: 'false',
    role: 'combobox', 'aria-expanded': 'true', 'aria-controls': id, 'aria-autocomplete': 'list', 'aria-label': t('Find'),
  })
  let items = commands()
  let hits = []
  let at = 0
  let shown = []

  const matches = (item) => input.value.toLowerCase().split(/\s+/).every((word) => item.text.toLowerCase().includes(word))
  function paint() {
    const rest = items.filter(matches)
    shown = [...rest, ...hits.filter((hit) => !rest.some((r) => r.text === hit.text && !hit.more))].slice(0, SHOWN)
    at = Math.min(at, Math.max(0, shown.length - 1))
    fill(list, shown.map((item, i) => h('li', {
      id: `${id}-${i}`, role: 'option', 'aria-selected': String(i === at), class: i === at ? 'active' : null,
      onclick: () => close(item), onpointermove: () => { if (at !== i) { at = i; mark() } },
    }, icon(item.icon), h('span', { class: 'palette-text' }, item.text), item.more && h('span', { class: 'palette-more' }, item.more))))
    if (!shown.length) list.append(h('li', { class: 'palette-none', role: 'presentation' }, t('Nothing found')))
    mark()
  }
  function mark() {
    list.childNodes.forEach((node, i) => {
      node.classList.toggle('active', i === at)
      if (shown[i]) node.setAttribute('aria-selected', String(i === at))
    })
    input.setAttribute('aria-activedescendant', shown[at] ? `${id}-${at}` : '')
    list.childNodes[at]?.scrollIntoView({ block: 'nearest' })
  }
  const look = debounce(async (q) => {
    try {
      hits = await found(q)
    } catch { hits = [] }
    if (q === input.value) paint()
  }, 200)

  input.addEventListener('input', () => { at = 0; hits = []; paint(); look(input.value) })
  input.addEventListener('keydown', (e) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[e.key]
    if (step && shown.length) {
      at = (at + step + shown.length) % shown.length
      mark()
      e.preventDefault()
    } else if (e.key === 'Enter' && shown[at]) {
      e.preventDefault()
      close(shown[at])
    }
  })
  known().then((more) => { items = [...more.slice(0, 30), ...commands(), ...more.slice(30)]; paint() }, () => {})
  paint()
  return h('div', { class: 'palette' }, h('div', { class: 'palette-head' }, icon('search'), input), list)
}
