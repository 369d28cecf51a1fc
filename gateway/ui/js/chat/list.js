// The conversations of a project: pinned ones, then by day; search; what is put away.
import { debounce, fill, h } from '../dom.js'
import { icon } from '../icons.js'
import { ago, date, t } from '../i18n.js'
import { all, call, del, download, get, put } from '../api.js'
import { formDialog } from '../dialog.js'
import { menuButton } from '../menu.js'
import { attempt, failed, withUndo } from '../toast.js'
import { errorText } from '../problems.js'
import { loading } from '../shell.js'
import { importShow } from './import.js'
import { on, tell } from '../bus.js'

const PAGE = 60
const DAY = 86400000
const TITLE_LOOKS = [1500, 4000, 10000] // ms after an answer: titles come behind it

function groupOf(conversation) {
  if (conversation.pinned) return t('Pinned')
  const midnight = new Date().setHours(0, 0, 0, 0)
  const at = new Date(conversation.updated_at).getTime()
  if (at >= midnight) return t('Today')
  if (at >= midnight - DAY) return t('Yesterday')
  if (at >= midnight - 6 * DAY) return t('Last 7 days')
  if (at >= midnight - 29 * DAY) return t('Last 30 days')
  return date(conversation.updated_at, { month: 'long', year: 'numeric' })
}

const titleOf = (conversation) => conversation.title ?? t('New conversation')

// The pieces of a hit: what matched stands between U+0002 and U+0003.
export const snippetNodes = (text) => text.split('\u0002').flatMap((piece, i) => {
  const [hit, rest] = i ? piece.split('\u0003') : [null, piece]
  return [hit && h('mark', {}, hit), rest]
})

export class ConversationList {
  // on: {open(id, message), gone(id), changed(conversation)}
  constructor(on_) {
    this.on = on_
    this.rows = new Map()
    this.search = h('input', { type: 'search', class: 'side-search', placeholder: t('Search'), 'aria-label': t('Search conversations'), autocomplete: 'off', oninput: () => this.#typed() })
    this.archive = h('button', { type: 'button', class: 'ghost square small', 'aria-pressed': 'false', 'aria-label': t('Archived conversations'), title: t('Archived conversations'), onclick: () => this.#toggle() }, icon('archive'))
    const bring = h('button', { type: 'button', class: 'ghost square small', 'aria-label': t('Import conversations'), title: t('Import conversations'), 'aria-haspopup': 'dialog', onclick: () => importShow(this.project) }, icon('upload'))
    this.body = h('div', { class: 'conversations' })
    this.node = h('div', { class: 'side-list' }, h('div', { class: 'side-tools' }, h('div', { class: 'search-box' }, icon('search'), this.search), this.archive, bring), this.body)
    this.look = debounce(() => this.#search(), 220)
    this.archived = false
    this.offs = [
      on('conversation', (one) => this.take(one)),
      on('conversation-gone', (id) => this.forget(id)),
    ]
  }

  close() {
    this.offs.forEach((off) => off())
    this.look.cancel()
  }

  async open(project) {
    this.project = project
    this.search.value = ''
    fill(this.body, loading())
    await this.load()
  }

  async load() {
    const { project, archived } = this
    try {
      const [pinned, others] = await Promise.all([
        all(`/projects/${project}/conversations`, { pinned: true, archived }),
        call('GET', `/projects/${project}/conversations`, { query: { pinned: false, archived, limit: PAGE } })])
      if (project !== this.project || archived !== this.archived) return
      this.rows = new Map([...pinned, ...others.json].map((one) => [one.id, one]))
      this.next = others.next
      this.paint()
    } catch (e) {
      if (e.status === 401) return
      fill(this.body, h('div', { class: 'side-note' }, h('p', {}, t('The list could not be loaded.'), ' ', errorText(e)),
        h('button', { type: 'button', class: 'small', onclick: () => this.load() }, t('Try again'))))
    }
  }

  // One of them has changed, or is new.
  take(conversation) {
    if (conversation.project_id !== this.project) return
    if (conversation.archived !== this.archived) this.rows.delete(conversation.id)
    else this.rows.set(conversation.id, conversation)
    this.on.changed(conversation)
    this.paint()
  }

  forget(id) {
    if (!this.rows.delete(id)) return
    this.paint()
  }

  // Reads one anew. titled: its title may still be on its way.
  async refresh(id, titled = false) {
    try {
      const one = await get(`/conversations/${id}`)
      this.take(one)
      if (!titled || one.title !== null) return
      for (const pause of TITLE_LOOKS) {
        await new Promise((resolve) => setTimeout(resolve, pause))
        const now = await get(`/conversations/${id}`)
        if (now.title !== null) return tell('conversation', now)
      }
    } catch (e) {
      if (e.status === 404) this.forget(id)
    }
  }

  set current(id) {
    this.shown = id
    for (const node of this.body.querySelectorAll('[data-conversation]')) {
      if (Number(node.dataset.conversation) === id) node.setAttribute('aria-current', 'page')
      else node.removeAttribute('aria-current')
    }
  }

  // ---- what is shown ----

  paint() {
    if (this.search.value.trim()) return
    const rows = [...this.rows.values()].sort((a, b) => b.pinned - a.pinned || b.updated_at.localeCompare(a.updated_at) || b.id - a.id)
    const groups = Map.groupBy ? Map.groupBy(rows, groupOf) : rows.reduce((map, one) => map.set(groupOf(one), [...map.get(groupOf(one)) ?? [], one]), new Map())
    const focused = document.activeElement?.closest?.('[data-conversation]')?.dataset.conversation
    fill(this.body,
      this.archived && h('p', { class: 'side-note' }, t('Archived conversations')),
      [...groups].map(([name, list]) => h('section', {}, h('h2', { class: 'side-group' }, name), h('ul', {}, list.map((one) => this.#row(one))))),
      !rows.length && h('p', { class: 'side-note' }, this.archived ? t('Nothing is archived.') : t('No conversations yet. Write the first message.')),
      this.next && h('button', { type: 'button', class: 'ghost block small', onclick: () => attempt(() => this.#more()) }, t('Older ones')))
    this.current = this.shown
    if (focused) this.body.querySelector(`[data-conversation="${focused}"]`)?.focus()
  }

  async #more() {
    const reply = await call('GET', this.next)
    for (const one of reply.json) this.rows.set(one.id, one)
    this.next = reply.json.length ? reply.next : null
    this.paint()
  }

  #row(one) {
    return h('li', { class: 'conversation' },
      h('a', { href: `/chat?conversation=${one.id}`, data: { conversation: one.id }, class: one.title === null ? 'untitled' : null, title: titleOf(one) },
        one.pinned && icon('pin'), h('span', { class: 'conversation-title' }, titleOf(one)),
        one.active_turn !== null && h('span', { class: 'pulse', role: 'img', 'aria-label': t('is being answered') })),
      menuButton(t('Actions for {name}', { name: titleOf(one) }), () => this.menu(one)))
  }

  menu(one) {
    return [
      { label: t('Rename'), icon: 'edit', act: () => this.rename(one) },
      { label: one.pinned ? t('Unpin') : t('Pin'), icon: 'pin', act: () => attempt(() => this.change(one, { pinned: !one.pinned })) },
      { label: one.archived ? t('Unarchive') : t('Archive'), icon: one.archived ? 'unarchive' : 'archive', act: () => attempt(() => this.change(one, { archived: !one.archived })) },
      { label: t('Export as Markdown'), icon: 'download', act: () => this.export(one, 'markdown', 'md') },
      { label: t('Export as JSON'), icon: 'download', act: () => this.export(one, 'json', 'json') },
      '-',
      { label: t('Delete'), icon: 'trash', danger: true, act: () => this.remove(one) },
    ]
  }

  async change(one, what) {
    tell('conversation', await put(`/conversations/${one.id}`, what))
  }

  export(one, format, ending) {
    const name = titleOf(one).replace(/[\\/:*?"<>|\p{Cc}]+/gu, ' ').trim().slice(0, 80) || String(one.id)
    return attempt(() => download(`/conversations/${one.id}/export?format=${format}`, `${name}.${ending}`))
  }

  rename(one) {
    return formDialog({
      title: t('Rename the conversation'),
      fields: [{ name: 'title', label: t('Title'), value: one.title ?? '', max: 120 }],
      save: ({ title }) => this.change(one, { title: title.trim() || null }),
    })
  }

  // Gone from the list at once, from the server when nobody has wanted it back.
  remove(one) {
    tell('conversation-gone', one.id)
    this.on.gone(one.id)
    withUndo(t('“{name}” is deleted.', { name: titleOf(one) }), {
      act: (leaving) => del(`/conversations/${one.id}`, { keepalive: leaving }).catch((e) => {
        if (e.status === 404) return
        failed(e)
        tell('conversation', one)
      }),
      undo: () => tell('conversation', one),
    })
  }

  async #toggle() {
    this.archived = !this.archived
    this.archive.setAttribute('aria-pressed', String(this.archived))
    this.search.value = ''
    fill(this.body, loading())
    await this.load()
  }

  // ---- search ----

  #typed() {
    if (this.search.value.trim()) return this.look()
    this.look.cancel()
    this.paint()
  }

  async #search() {
    const q = this.search.value.trim()
    if (!q) return
    this.controller?.abort()
    this.controller = new AbortController()
    try {
      const hits = await get('/search', { q, project_id: this.project, limit: 30 }, this.controller.signal)
      if (q !== this.search.value.trim()) return
      fill(this.body, h('h2', { class: 'side-group' }, t('Found')), h('ul', {}, hits.map((hit) => h('li', { class: 'hit' },
        h('a', { href: `/chat?conversation=${hit.conversation_id}${hit.message_id ? `&message=${hit.message_id}` : ''}` },
          h('span', { class: 'conversation-title' }, hit.message_id ? hit.title ?? t('New conversation') : snippetNodes(hit.snippet)),
          hit.message_id && h('span', { class: 'hit-text' }, snippetNodes(hit.snippet)),
          h('span', { class: 'hit-when' }, ago(hit.created_at)))))),
      !hits.length && h('p', { class: 'side-note' }, t('Nothing found. New messages are found after some seconds.')))
    } catch (e) {
      if (e.name !== 'AbortError') fill(this.body, h('p', { class: 'side-note' }, errorText(e)))
    }
  }
}
