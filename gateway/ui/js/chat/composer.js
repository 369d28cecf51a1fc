// The box to write in: grows, keeps a draft for each conversation, takes files, sends or stops.
import { debounce, h } from '../dom.js'
import { icon } from '../icons.js'
import { t } from '../i18n.js'
import { session } from '../session.js'
import { openMenu } from '../menu.js'
import { attempt, warnUser } from '../toast.js'
import { Attachments, chooseFiles, MOST } from './files.js'

const BYTES_MAX = 65536

const store = {
  get: (key) => { try { return localStorage.getItem(key) ?? '' } catch { return '' } },
  set: (key, text) => {
    try {
      if (text) localStorage.setItem(key, text)
      else localStorage.removeItem(key)
    } catch { /* full, or none: the draft lives as long as the page */ }
  },
}

export class Composer {
  // on: {send({text, files}), stop(), editLast()}
  constructor(on) {
    this.on = on
    this.key = null
    this.attachments = new Attachments(() => this.look())
    this.box = h('textarea', {
      class: 'composer-box', rows: 1, placeholder: t('Write a message'), 'aria-label': t('Message'), autocomplete: 'off',
      oninput: () => { this.fit(); this.keep(); this.look() }, onkeydown: (e) => this.#keys(e), onpaste: (e) => this.#paste(e),
    })
    this.picker = h('input', { type: 'file', multiple: true, class: 'sr-only', tabindex: '-1', 'aria-hidden': 'true', onchange: () => { this.take(this.picker.files); this.picker.value = '' } })
    this.attach = h('button', { type: 'button', class: 'ghost square', 'aria-label': t('Add files'), title: t('Add files'), 'aria-haspopup': 'menu', 'aria-expanded': 'false', onclick: () => this.#attachMenu() }, icon('attach'))
    this.stop = h('button', { type: 'button', class: 'stop square', 'aria-label': t('Stop'), title: t('Stop (Escape)'), hidden: true, onclick: () => this.on.stop() }, icon('stop'))
    this.send = h('button', { type: 'submit', class: 'primary square', 'aria-label': t('Send'), title: t('Send (Enter)') }, icon('send'))
    this.context = h('div', { class: 'composer-context' })
    this.node = h('form', { class: 'composer', 'aria-label': t('New message'), onsubmit: (e) => { e.preventDefault(); this.submit() } },
      h('div', { class: 'composer-frame' }, this.attachments.node, this.box,
        h('div', { class: 'composer-row' }, this.attach, this.picker, this.context, this.stop, this.send)),
      h('p', { class: 'composer-hint' }, h('kbd', {}, 'Enter'), ' ', t('to send'), ' · ', h('kbd', {}, 'Shift'), ' ', h('kbd', {}, 'Enter'), ' ', t('for a new line')))
    this.keep = debounce(() => this.#keep(), 250)
    this.leaving = () => this.#keep()
    addEventListener('pagehide', this.leaving)
  }

  close() {
    this.#keep()
    this.keep.cancel()
    removeEventListener('pagehide', this.leaving)
  }

  // project: where files go; conversation null: a new one. Changes to the draft that belongs there.
  open(project, conversation) {
    const key = project ? `draft:${session.user}:${conversation ? conversation : `new-${project}`}` : null
    this.project = project
    if (key === this.key) return this.look()
    this.#keep()
    this.key = key
    this.box.value = key ? store.get(key) : ''
    this.attachments.clear()
    this.fit()
    this.look()
  }

  // The new conversation has got its number; what was begun since stays with it.
  became(conversation) {
    store.set(this.key, '')
    this.key = `draft:${session.user}:${conversation}`
    this.#keep()
  }

  #keep() {
    if (this.key && session.user) store.set(this.key, this.box.value)
  }

  set text(text) {
    this.box.value = text
    this.fit()
    this.#keep()
    this.look()
  }

  get text() { return this.box.value }

  running(isRunning) {
    this.stop.hidden = !isRunning
  }

  fit() {
    this.box.style.height = 'auto'
    this.box.style.height = `${Math.min(this.box.scrollHeight, Math.max(120, innerHeight * 0.4))}px`
  }

  look() {
    if (!this.send) return
    this.send.disabled = !this.project || !this.box.value.trim() || this.attachments.busy
    this.attach.disabled = this.box.disabled = !this.project
    this.send.title = this.attachments.busy ? t('Files are being prepared') : t('Send (Enter)')
  }

  focus() {
    this.box.focus()
  }

  submit() {
    const text = this.box.value
    if (this.send.disabled) return
    if (new TextEncoder().encode(text).length > BYTES_MAX) return warnUser(t('The message is too long: at most 64 KiB.'))
    const files = this.attachments.files
    this.attachments.clear()
    this.text = ''
    this.on.send({ text, files })
  }

  take(files) {
    if (!this.project || !files.length) return
    if (files.length > this.attachments.room) warnUser(t('A message takes at most {n} files.', { n: MOST }))
    this.attachments.upload(this.project, files)
    this.focus()
  }

  #keys(e) {
    if (e.isComposing) return
    if (e.key === 'Enter' && !e.shiftKey && !e.ctrlKey && !e.altKey) {
      e.preventDefault()
      this.submit()
    } else if (e.key === 'Escape' && !this.stop.hidden) {
      this.on.stop()
    } else if (e.key === 'ArrowUp' && (e.altKey || !this.box.value)) {
      if (this.on.editLast()) e.preventDefault()
    }
  }

  #paste(e) {
    if (!e.clipboardData?.files.length) return
    e.preventDefault()
    this.take(e.clipboardData.files)
  }

  #attachMenu() {
    openMenu(this.attach, [
      { label: t('Upload files'), icon: 'upload', act: () => this.picker.click() },
      { label: t('Files of the project'), icon: 'file', act: () => attempt(async () => {
        const files = await chooseFiles(this.project, this.attachments.ids, this.attachments.room)
        if (files) this.attachments.add(files)
      }) },
    ])
  }
}
