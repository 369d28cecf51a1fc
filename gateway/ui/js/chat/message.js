// One message on the screen: what was said, what can be done with it, how far its answer is.
import { announce, fill, h } from '../dom.js'
import { icon } from '../icons.js'
import { plural, number, t, time } from '../i18n.js'
import { get, put, post } from '../api.js'
import { dialog, formDialog } from '../dialog.js'
import { attempt } from '../toast.js'
import { problemText } from '../problems.js'
import { copyText } from './code.js'
import { Markdown } from './markdown.js'
import { follow } from './turns.js'
import { fileChip } from './files.js'

const PAINT = 60 // ms between two paintings of a growing text

// ctx: {edit(message, text), regenerate(message), goOn(message), show(id), fileOf(id)} of the thread
export class MessageView {
  constructor(message, ctx) {
    this.ctx = ctx
    this.content = h('div', { class: 'message-content' })
    this.status = h('div', { class: 'message-status' })
    this.files = h('div', { class: 'message-files' })
    this.actions = h('div', { class: 'message-actions', role: 'group', 'aria-label': t('Actions') })
    this.node = h('article', { class: 'message', tabindex: '-1' }, this.files, this.content, this.status, this.actions)
    this.set(message)
  }

  get id() { return this.message.id }

  set(message) {
    const before = this.message
    this.message = message
    const mine = message.role === 'user'
    this.node.className = `message ${mine ? 'from-user' : 'from-model'} is-${message.status}`
    this.node.dataset.id = message.id
    this.node.setAttribute('aria-label', mine ? t('You') : t('Answer'))
    if (before?.file_ids?.join() !== message.file_ids.join()) this.#files()
    if (message.status === 'pending' && message.turn_id) return this.#follow()
    this.#leave()
    if (mine) this.content.textContent = message.content
    else this.#paint(message.content, true)
    this.#status()
    this.#actions()
  }

  // The names of files have come.
  filesKnown() { this.#files() }

  #files() {
    fill(this.files, this.message.file_ids.map((id) => fileChip(this.ctx.fileOf(id), id)))
  }

  // ---- an answer that grows ----

  #follow() {
    if (this.turn?.id === this.message.turn_id) return
    this.#leave()
    this.turn = follow(this.message.turn_id)
    this.unwatch = this.turn.watch(() => this.#later())
    this.said = ''
    this.#show()
  }

  #leave() {
    this.unwatch?.()
    clearTimeout(this.timer)
    this.unwatch = this.turn = this.timer = null
  }

  #later() {
    this.timer ??= setTimeout(() => { this.timer = null; if (this.turn) this.#show() }, this.turn.ended ? 0 : PAINT)
  }

  #show() {
    const { turn } = this
    this.#paint(turn.text, turn.ended, turn.ended ? null : (text) => announce(text))
    fill(this.status, waiting(turn))
    this.node.setAttribute('aria-busy', String(!turn.ended))
    fill(this.actions)
    if (turn.ended) this.#ended(turn)
    this.ctx.grown?.()
  }

  #ended(turn) {
    const status = { completed: turn.finish && turn.finish !== 'stop' ? 'incomplete' : 'complete', failed: 'failed', cancelled: 'cancelled' }[turn.state]
    announce(status === 'complete' ? t('The answer is complete.') : t('The answer has ended.'))
    this.error = turn.error
    this.set({ ...this.message, content: turn.text, status })
  }

  #paint(text, whole, told) {
    this.markdown ??= new Markdown(this.content)
    this.content.classList.add('prose')
    this.markdown.update(text, whole, told)
  }

  drop() {
    this.#leave()
    this.node.remove()
  }

  // ---- what became of it ----

  #status() {
    const { status, role } = this.message
    if (role === 'user' || status === 'complete' || status === 'pending') return fill(this.status)
    const texts = { incomplete: t('The answer was cut off.'), cancelled: t('Stopped.'), failed: t('The answer failed.') }
    const text = h('span', {}, status === 'failed' && this.error ? problemText(this.error) : texts[status])
    if (status === 'failed' && !this.error) this.#reason(text)
    fill(this.status, h('div', { class: status === 'failed' ? 'note bad' : 'note' }, icon(status === 'failed' ? 'warning' : 'info'), text,
      status !== 'failed' && this.message.content && this.#button('play', t('Continue'), () => this.ctx.goOn(this.message), t('Continue')),
      status === 'failed' && this.#button('refresh', t('Try again'), () => this.ctx.regenerate(this.message), t('Try again'))))
  }

  async #reason(node) {
    try {
      const turn = await get(`/chat/turns/${this.message.turn_id}`)
      this.error = turn.error
      if (turn.error) node.textContent = problemText(turn.error)
    } catch { /* the short text stays */ }
  }

  // ---- what can be done ----

  #button(name, label, act, text, props = {}) {
    const button = h('button', { type: 'button', class: text ? 'ghost small' : 'ghost square small', 'aria-label': label, title: text ? null : label, onclick: () => act(button), ...props }, icon(name), text)
    return button
  }

  #actions() {
    const m = this.message
    const mine = m.role === 'user'
    fill(this.actions,
      this.#branches(),
      this.#button('copy', t('Copy'), (button) => copyText(m.content, button, {})),
      mine && this.#button('edit', t('Edit'), () => this.edit()),
      !mine && this.#button('refresh', t('Regenerate'), () => this.ctx.regenerate(m)),
      !mine && m.content && this.#rating(1, 'thumbup', t('Good answer')),
      !mine && m.content && this.#rating(-1, 'thumbdown', t('Bad answer')),
      !mine && m.turn_id && this.#button('info', t('Model and tokens'), () => this.#details()),
      mine && h('time', { datetime: m.created_at, title: time(m.created_at) }, time(m.created_at)))
  }

  // ‹ 2/3 ›
  #branches() {
    const { siblings, id } = this.message
    if (siblings.length < 2) return null
    const at = siblings.indexOf(id)
    const step = (by, name, label) => this.#button(name, label, () => this.ctx.show(siblings[at + by]), null, { disabled: siblings[at + by] === undefined })
    return h('span', { class: 'branches', role: 'group', 'aria-label': t('Versions') },
      step(-1, 'back', t('Version before')), h('span', { class: 'branch-count' }, `${at + 1}/${siblings.length}`), step(1, 'forward', t('Next version')))
  }

  #rating(rating, name, label) {
    const isSet = this.message.feedback?.rating === rating
    return this.#button(name, label, () => this.#rate(isSet ? 0 : rating), null, { 'aria-pressed': String(isSet) })
  }

  async #rate(rating) {
    const path = `/messages/${this.id}/feedback`
    const well = await attempt(async () => this.set(await put(path, { rating })))
    if (!well || rating !== -1) return
    await formDialog({
      title: t('What was wrong with it?'), action: t('Send'),
      fields: [{ name: 'note', label: t('Note'), area: true, rows: 4, max: 1000, check: (text) => text.trim() !== '' }],
      save: async ({ note }) => this.set(await put(path, { rating, note: note.trim() })),
    })
  }

  async #details() {
    await attempt(async () => {
      const turn = await get(`/chat/turns/${this.message.turn_id}`)
      const rows = [[t('Model'), turn.model], [t('Answered'), time(turn.finished_at ?? turn.created_at)]]
      if (turn.attempt > 1) rows.push([t('Attempts'), number(turn.attempt)])
      if (turn.usage) {
        rows.push([t('Tokens in'), number(turn.usage.input_tokens)], [t('Tokens out'), number(turn.usage.output_tokens)])
        if (turn.usage.dropped_messages) rows.push([t('Left out'), plural(turn.usage.dropped_messages, '{n} older message', '{n} older messages')])
      }
      const sent = turn.sent_with
      if (sent) {
        rows.push([t('Prompts'), sent.prompts.length ? plural(sent.prompts.length, '{n} prompt', '{n} prompts') : t('the platform’s default')])
        if (sent.temperature !== null) rows.push([t('Temperature'), number(sent.temperature)])
      }
      dialog({ title: t('This answer'), content: h('dl', { class: 'facts' }, rows.map(([name, value]) => [h('dt', {}, name), h('dd', {}, value)])) })
    })
  }

  // Turns the message into a box to change it in.
  edit() {
    const box = h('textarea', { class: 'edit-box', rows: 3, value: this.message.content, maxlength: 65536, 'aria-label': t('Edit the message') })
    const fit = () => { box.style.height = 'auto'; box.style.height = `${Math.min(box.scrollHeight + 2, innerHeight / 2)}px` }
    const stop = () => { this.node.classList.remove('editing'); this.set(this.message) }
    const save = () => {
      if (!box.value.trim()) return box.focus()
      stop()
      this.ctx.edit(this.message, box.value)
    }
    box.addEventListener('input', fit)
    box.addEventListener('keydown', (e) => {
      if (e.key === 'Escape') { e.stopPropagation(); stop() }
      if (e.key === 'Enter' && !e.shiftKey && !e.isComposing) { e.preventDefault(); save() }
    })
    this.node.classList.add('editing')
    fill(this.content, box)
    fill(this.actions,
      h('button', { type: 'button', class: 'plain small', onclick: stop }, t('Cancel')),
      h('button', { type: 'button', class: 'primary small', onclick: save }, t('Send')))
    fit()
    box.focus()
    box.setSelectionRange(box.value.length, box.value.length)
  }
}

// What is to be said of a turn that has not ended.
export function waiting(turn) {
  if (turn.ended) return null
  const dots = h('span', { class: 'dots', 'aria-hidden': 'true' }, h('i'), h('i'), h('i'))
  const say = (text) => h('div', { class: 'note quiet' }, dots, h('span', {}, text))
  if (turn.reconnecting) return say(navigator.onLine ? t('The connection broke. Coming back…') : t('Waiting for the connection…'))
  if (turn.state === 'sending') return say(t('Sending…'))
  if (turn.state === 'queued') return say(turn.position > 1 ? t('Waiting: place {n} in the queue', { n: number(turn.position) }) : t('Waiting…'))
  if (!turn.text) return say(turn.restarts ? t('Starting over…') : t('Thinking…'))
  return h('div', { class: 'note quiet', 'aria-hidden': 'true' }, dots)
}

// Ends the turn's answer; what there is of it stays.
export const stopTurn = (turn) => attempt(() => post(`/chat/turns/${turn.id}/cancel`))
