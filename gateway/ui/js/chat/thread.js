// The messages of one conversation: a window of them, from the end, that pages in both directions. What
// the page shows is brought in step with the API's lists by id, so that it does not matter who changed
// them: this tab, another one, or a process that took a turn over.
import { debounce, fill, h } from '../dom.js'
import { icon } from '../icons.js'
import { t } from '../i18n.js'
import { all, call, get, newKey, put } from '../api.js'
import { loading } from '../shell.js'
import { attempt, failed } from '../toast.js'
import { errorText } from '../problems.js'
import { MessageView, waiting } from './message.js'
import { begin, known, recall } from './turns.js'
import { fileChip } from './files.js'
import * as outbox from './outbox.js'

const PAGE = 40
const SHOWN = 200 // messages in the page at once
const NEAR = 64 // px from the end that count as the end

export class Thread {
  // on: {changed(), moved(conversation)}
  constructor(on) {
    this.on = on
    this.views = []
    this.sending = [] // {turn, node, body}
    this.files = new Map()
    this.list = h('div', { class: 'thread-list', role: 'log', 'aria-live': 'off', 'aria-label': t('Messages') })
    this.ghosts = h('div', { class: 'thread-list' })
    this.top = h('div', { class: 'thread-more' })
    this.bottom = h('div', { class: 'thread-more' })
    this.inner = h('div', { class: 'thread-inner' }, this.top, this.list, this.ghosts, this.bottom)
    this.scroller = h('div', { class: 'thread', tabindex: '-1' }, this.inner)
    this.jump = h('button', { type: 'button', class: 'jump', hidden: true, 'aria-label': t('To the newest message'), onclick: () => this.toEnd() }, icon('down'))
    this.node = h('div', { class: 'thread-frame' }, this.scroller, this.jump)
    this.stick = true
    this.scroller.addEventListener('scroll', () => this.#scrolled(), { passive: true })
    this.resized = new ResizeObserver(() => this.#stuck())
    this.resized.observe(this.inner)
    this.resized.observe(this.scroller)
    this.refreshSoon = debounce(() => this.refresh().catch(() => {}), 120)
  }

  close() {
    this.refreshSoon.cancel()
    this.resized.disconnect()
    for (const view of this.views) view.drop()
    this.conversation = null
    this.views = []
  }

  get messages() { return this.views.map((view) => view.message) }
  get last() { return this.views.at(-1)?.message }

  // The turns that run, or wait, in what is shown.
  get running() {
    const shown = this.views.map((view) => view.turn).filter((turn) => turn && !turn.ended)
    return [...shown, ...this.sending.map((one) => one.turn).filter((turn) => !turn.ended)]
  }

  // ---- reading ----

  // conversation null: a new one. message: one to go to.
  async open(project, conversation, message) {
    this.close()
    this.resized.observe(this.inner)
    this.resized.observe(this.scroller)
    this.project = project
    this.conversation = conversation
    this.older = this.newer = false
    this.sending = []
    this.stick = true
    fill(this.ghosts)
    fill(this.list)
    fill(this.bottom)
    if (!conversation) {
      fill(this.top)
      this.#sendWaiting()
      return this.on.changed()
    }
    fill(this.top, loading())
    this.#filesLoad(project)
    await this.#page({ order: 'desc' })
    if (message && !this.views.some((view) => view.id === message)) await this.#goTo(message)
    if (message) this.#mark(message)
    this.#sendWaiting()
  }

  async #read(query) {
    const mine = this.conversation
    const reply = await call('GET', `/conversations/${mine.id}/messages`, { query: { limit: PAGE, ...query } })
    if (this.conversation !== mine) throw new DOMException('another conversation is shown', 'AbortError')
    const rows = query.order === 'desc' ? reply.json.reverse() : reply.json
    return { rows, more: Boolean(reply.next) && rows.length > 0 }
  }

  async #page(query) {
    const { rows, more } = await this.#read(query)
    if (query.order === 'desc') this.older = more
    else this.newer = more
    this.#reconcile(rows)
  }

  // A message far from the end; one of another branch makes that branch the one that is shown.
  async #goTo(message) {
    let page = await this.#read({ order: 'asc', after: message - 1 })
    if (page.rows[0]?.id !== message) {
      await put(`/conversations/${this.conversation.id}`, { active_leaf: message })
      page = await this.#read({ order: 'asc', after: message - 1 })
    }
    this.older = page.rows[0]?.parent_id !== null
    this.newer = page.more
    this.stick = false
    this.#reconcile(page.rows)
  }

  #mark(message) {
    const view = this.views.find((one) => one.id === message)
    if (!view) return
    this.stick = false
    view.node.scrollIntoView({ block: 'center' })
    view.node.classList.add('found')
    view.node.focus({ preventScroll: true })
  }

  // Brings the end of what is shown in step with the API.
  async refresh() {
    if (!this.conversation || this.newer) return
    const { rows, more } = await this.#read({ order: 'desc' })
    const at = rows.length ? this.views.findIndex((view) => view.id === rows[0].id) : 0
    if (at > 0) return this.#reconcile([...this.messages.slice(0, at), ...rows])
    this.older = more
    this.#reconcile(rows)
  }

  // Shows these messages: views of those that stay are kept.
  #reconcile(rows) {
    const old = new Map(this.views.map((view) => [view.id, view]))
    this.views = rows.map((row) => {
      const view = old.get(row.id)
      old.delete(row.id)
      if (!view) return new MessageView(row, this.#context())
      if (JSON.stringify(view.message) !== JSON.stringify(row) && !view.node.classList.contains('editing')) view.set(row)
      return view
    })
    for (const view of old.values()) view.drop()
    this.views.forEach((view, i) => {
      if (this.list.childNodes[i] !== view.node) this.list.insertBefore(view.node, this.list.childNodes[i] ?? null)
    })
    this.#landed(rows)
    this.#stuck()
    this.#edges()
    this.on.changed()
  }

  #edges() {
    fill(this.top, this.older ? loading(t('Earlier messages')) : null)
    fill(this.bottom, this.newer ? loading(t('Later messages')) : null)
    this.#scrolled()
  }

  async #earlier() {
    const first = this.views[0]
    const before = first.node.getBoundingClientRect().top
    const { rows, more } = await this.#read({ order: 'desc', after: first.id })
    if (this.views[0] !== first) return
    this.older = more
    let shown = [...rows, ...this.messages]
    if (shown.length > SHOWN) {
      shown = shown.slice(0, SHOWN)
      this.newer = true
    }
    this.stick = false
    this.#reconcile(shown)
    this.scroller.scrollTop += first.node.getBoundingClientRect().top - before
  }

  async #later() {
    const last = this.views.at(-1)
    const before = last.node.getBoundingClientRect().top
    const { rows, more } = await this.#read({ order: 'asc', after: last.id })
    if (this.views.at(-1) !== last) return
    this.newer = more
    const shown = [...this.messages, ...rows]
    if (shown.length > SHOWN) this.older = true
    this.#reconcile(shown.slice(-SHOWN))
    this.scroller.scrollTop += last.node.getBoundingClientRect().top - before
  }

  // One page at a time, when the reader comes near an edge.
  async #turnPage(fn) {
    if (this.turning) return
    this.turning = true
    try {
      await fn()
    } catch (e) {
      failed(e)
    } finally {
      this.turning = false
    }
    requestAnimationFrame(() => this.#scrolled())
  }

  // ---- where the reader is ----

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.scroller
    const left = scrollHeight - scrollTop - clientHeight
    if (left < NEAR && !this.newer) this.stick = true
    else if (scrollTop < this.lastTop && scrollHeight >= this.lastHeight) this.stick = false // the reader went up
    this.lastTop = scrollTop
    this.lastHeight = scrollHeight
    this.jump.hidden = left < 300 && !this.newer
    if (this.older && this.views.length && scrollTop < 600) this.#turnPage(() => this.#earlier())
    else if (this.newer && this.views.length && left < 600) this.#turnPage(() => this.#later())
  }

  #stuck() {
    if (this.stick) this.scroller.scrollTop = this.scroller.scrollHeight
  }

  async toEnd() {
    this.stick = true
    if (this.newer) {
      this.newer = false
      await attempt(() => this.#page({ order: 'desc' }))
    }
    this.stick = true
    this.#stuck()
    this.jump.hidden = true
  }

  // ---- writing ----

  // body as POST /chat takes it; shown at once, below what is there.
  send(body, files = []) {
    for (const file of files) this.files.set(file.id, file)
    this.#sendOne(outbox.put(body))
  }

  #sendWaiting() {
    const waits = outbox.waiting(this.project, this.conversation?.id ?? null)
    for (const one of waits) this.#sendOne(one)
  }

  async #sendOne({ key, body }) {
    const turn = begin('/chat', body, key)
    const one = { turn, body }
    const status = h('div', { class: 'message-status' }, waiting(turn))
    one.node = h('article', { class: 'message from-user is-sending', 'aria-label': t('You') },
      h('div', { class: 'message-files' }, (body.file_ids ?? []).map((id) => fileChip(this.files.get(id), id))),
      h('div', { class: 'message-content' }, body.message), status)
    const back = h('button', { type: 'button', class: 'ghost small', onclick: () => recall(turn) }, t('Take back'))
    const unwatch = turn.watch(() => { if (turn.state === 'sending') fill(status, waiting(turn), turn.reconnecting && back) })
    this.sending.push(one)
    this.ghosts.append(one.node)
    this.stick = true
    this.#stuck()
    this.on.changed()
    try {
      await turn.accepted
      outbox.drop(key)
      await this.#accepted(one)
    } catch (e) {
      outbox.drop(key)
      if (e.name === 'AbortError') this.#takeBack(one)
      else this.#refused(one, status, e)
    } finally {
      unwatch()
    }
  }

  async #accepted(one) {
    if (!this.sending.includes(one)) return
    one.message = one.turn.message
    if (!this.conversation) {
      this.conversation = { id: one.turn.conversation, project_id: this.project }
      this.on.moved(one.turn.conversation)
    }
    if (this.newer) await this.toEnd()
    await this.refresh()
  }

  // What was on its way is there: its place is in the list now.
  #landed(rows) {
    const ids = new Set(rows.map((row) => row.id))
    for (const one of this.sending.filter((sent) => ids.has(sent.message))) this.#gone(one)
  }

  #gone(one) {
    one.node.remove()
    this.sending.splice(this.sending.indexOf(one), 1)
  }

  #takeBack(one) {
    if (!this.sending.includes(one)) return
    this.#gone(one)
    this.on.takeBack(one.body)
    this.on.changed()
  }

  #refused(one, status, e) {
    const act = (text, fn) => h('button', { type: 'button', class: 'ghost small', onclick: fn }, text)
    one.node.classList.add('is-refused')
    fill(status, h('div', { class: 'note bad', role: 'alert' }, icon('warning'), h('span', {}, errorText(e)),
      act(t('Try again'), () => { this.#gone(one); this.send(one.body) }), act(t('Take back'), () => this.#takeBack(one))))
    this.on.changed()
  }

  // An edit is a new message beside the old one; what followed that is on another branch from now on.
  edit(message, text) {
    this.#cut(this.views.findIndex((view) => view.id === message.id))
    this.send({ project_id: this.project, conversation_id: this.conversation.id, parent_id: message.parent_id, message: text, file_ids: message.file_ids.filter((id) => this.files.has(id)) })
  }

  // Takes away what stands at a place and below.
  #cut(at) {
    if (at < 0) return
    for (const view of this.views.splice(at)) view.drop()
  }

  async #again(path, message, from) {
    const turn = begin(path, {}, newKey())
    try {
      await turn.accepted
      if (from) this.#cut(this.views.findIndex((view) => view.id === message.id))
      this.stick = true
      await this.refresh()
    } catch (e) {
      failed(e)
    }
  }

  async show(id) {
    await attempt(async () => {
      await put(`/conversations/${this.conversation.id}`, { active_leaf: id })
      const at = this.views.findIndex((view) => view.message.siblings.includes(id))
      const top = this.views[at]?.node.getBoundingClientRect().top
      this.stick = false
      this.newer = false
      await this.refresh()
      const now = this.views.find((view) => view.id === id)
      if (now && top !== undefined) this.scroller.scrollTop += now.node.getBoundingClientRect().top - top
    })
  }

  #context() {
    this.context ??= {
      edit: (message, text) => this.edit(message, text),
      regenerate: (message) => this.#again(`/messages/${message.id}/regenerate`, message, true),
      goOn: (message) => this.#again(`/messages/${message.id}/continue`, message, false),
      show: (id) => this.show(id),
      fileOf: (id) => this.files.get(id),
      grown: () => this.on.changed(),
    }
    return this.context
  }

  // Names of files stand in the project's list.
  async #filesLoad(project) {
    try {
      for (const file of await all(`/projects/${project}/files`)) this.files.set(file.id, file)
    } catch {
      return
    }
    for (const view of this.views) if (view.message.file_ids.length) view.filesKnown()
  }

  // A turn of this conversation has changed, as the account's events tell.
  turnChanged({ turn_id: id, state }) {
    const shown = this.views.find((view) => view.message.turn_id === id && view.message.role === 'assistant')
    const mine = known(id)
    if (!shown || shown.message.status === 'pending' && !mine || ['completed', 'failed', 'cancelled'].includes(state)) this.refreshSoon()
  }

  // The newest message of one's own, to be changed.
  editLast() {
    const view = this.views.findLast((one) => one.message.role === 'user')
    if (!view) return false
    view.edit()
    return true
  }
}

export const conversationGet = (id) => get(`/conversations/${id}`)
