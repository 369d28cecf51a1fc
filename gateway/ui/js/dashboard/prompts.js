// The prompts of a project: their order (by the handle, or with the arrow keys), on and off, changed in place.
import { announce, field, fill, h } from '../dom.js'
import { icon } from '../icons.js'
import { number, plural, t } from '../i18n.js'
import { all, del, post, put } from '../api.js'
import { empty, loadInto } from '../shell.js'
import { menuButton } from '../menu.js'
import { errorText } from '../problems.js'
import { attempt, failed, withUndo } from '../toast.js'

const BYTES_MAX = 32768
const MOST = 50

const bytes = (text) => new TextEncoder().encode(text).length
const inOrder = (a, b) => a.position - b.position || a.id - b.id

export class PromptCard {
  constructor(project, changed) {
    this.project = project
    this.changed = changed
    this.list = h('ol', { class: 'rows', 'aria-label': t('Prompts, in order') })
    this.place = h('div', {})
    this.add = h('button', { type: 'button', class: 'small', onclick: () => this.#new() }, icon('plus'), t('New prompt'))
    this.node = h('section', { class: 'card', 'aria-labelledby': 'prompts-head' },
      h('header', { class: 'card-head' }, h('h2', { id: 'prompts-head' }, t('Prompts')), this.add, h('p', {}, t('Instructions the model is given in every conversation, top to bottom.'))),
      this.place)
    this.opened = null
    loadInto(this.place, () => this.#load())
  }

  async #load() {
    this.prompts = (await all(`/projects/${this.project.id}/prompts`)).sort(inOrder)
    this.#paint()
  }

  #paint() {
    this.add.disabled = this.prompts.length >= MOST
    fill(this.list, this.prompts.map((prompt) => this.#row(prompt)), this.opened === 'new' && this.#newRow())
    fill(this.place, this.prompts.length || this.opened === 'new' ? this.list : empty({
      title: t('No prompts yet'), text: t('Without one the platform’s default is sent.'),
      action: h('button', { type: 'button', onclick: () => this.#new() }, t('Write a prompt')),
    }))
  }

  // ---- a row ----

  #row(prompt) {
    const isOpen = this.opened === prompt.id
    const row = h('li', { class: prompt.enabled ? 'prompt' : 'prompt off', data: { prompt: prompt.id } },
      this.#handle(prompt),
      h('button', { type: 'button', class: 'prompt-open', 'aria-expanded': String(isOpen), onclick: () => this.#open(isOpen ? null : prompt.id) },
        h('span', { class: 'row-name' }, prompt.name), !isOpen && h('span', { class: 'row-more' }, prompt.content.slice(0, 200))),
      h('div', { class: 'row-side' },
        h('span', { class: 'chip', title: t('Version: counts the changes') }, `v${prompt.version}`),
        h('label', { class: 'switch', title: t('Enabled') }, h('span', { class: 'sr-only' }, t('{name} is enabled', { name: prompt.name })),
          h('input', { type: 'checkbox', role: 'switch', checked: prompt.enabled, onchange: (e) => this.#save(prompt, { enabled: e.target.checked }) })),
        menuButton(t('Actions for {name}', { name: prompt.name }), () => [
          { label: t('Edit'), icon: 'edit', act: () => this.#open(prompt.id) },
          { label: t('Move up'), icon: 'up', act: () => this.#move(prompt, -1) },
          { label: t('Move down'), icon: 'down', act: () => this.#move(prompt, 1) },
          '-', { label: t('Delete'), icon: 'trash', danger: true, act: () => this.#delete(prompt) },
        ])),
      isOpen && this.#form(prompt))
    this.#drag(row, prompt)
    return row
  }

  #handle(prompt) {
    return h('button', {
      type: 'button', class: 'ghost tiny prompt-handle', 'aria-label': t('Move {name}: arrow keys', { name: prompt.name }), title: t('Drag, or use the arrow keys'),
      onkeydown: (e) => {
        const step = { ArrowUp: -1, ArrowDown: 1 }[e.key]
        if (!step) return
        e.preventDefault()
        this.#move(prompt, step)
      },
    }, icon('grip'))
  }

  #open(id) {
    this.opened = id
    this.#paint()
    if (id) this.list.querySelector('.prompt-form input')?.focus()
    else this.add.focus()
  }

  #new() {
    this.#open('new')
    this.list.querySelector('.prompt-form')?.scrollIntoView({ block: 'nearest' })
  }

  #newRow() {
    return h('li', { class: 'prompt' }, this.#form(null))
  }

  // ---- writing ----

  #form(prompt) {
    const name = field(t('Name'), h('input', { type: 'text', maxlength: 120, value: prompt?.name ?? '', placeholder: t('System instructions') }))
    const content = field(t('Instructions'), h('textarea', { rows: 8, value: prompt?.content ?? '', spellcheck: 'true' }))
    const counter = h('span', { class: 'counter', 'aria-live': 'off' })
    const save = h('button', { type: 'submit', class: 'primary' }, prompt ? t('Save') : t('Create prompt'))
    const look = () => {
      const used = bytes(content.control.value)
      counter.textContent = `${plural([...content.control.value].length, '{n} character', '{n} characters')} · ${t('{used} of {most} bytes', { used: number(used), most: number(BYTES_MAX) })}`
      counter.classList.toggle('over', used > BYTES_MAX)
      save.disabled = !name.control.value.trim() || !content.control.value.trim() || used > BYTES_MAX
    }
    const form = h('form', {
      class: 'prompt-form', novalidate: true, oninput: look,
      onkeydown: (e) => {
        if (e.key === 'Escape') { e.stopPropagation(); this.#open(null) }
        if (e.key === 'Enter' && (e.ctrlKey || e.metaKey)) form.requestSubmit()
      },
      onsubmit: async (e) => {
        e.preventDefault()
        if (save.disabled) return
        save.disabled = true
        for (const row of [name, content]) row.fail(null)
        try {
          await this.#write(prompt, { name: name.control.value.trim(), content: content.control.value })
        } catch (error) {
          ({ name, content }[error.field] ?? content).fail(errorText(error))
          look()
        }
      },
    }, name, content, h('div', { class: 'spread' }, counter, h('div', { class: 'row' },
      h('button', { type: 'button', class: 'plain', onclick: () => this.#open(null) }, t('Cancel')), save)))
    look()
    return form
  }

  async #write(prompt, what) {
    if (prompt) Object.assign(prompt, await put(`/projects/prompts/${prompt.id}`, what))
    else this.prompts.push(await post(`/projects/${this.project.id}/prompts`, what))
    this.#open(null)
    this.changed()
  }

  async #save(prompt, what) {
    await attempt(async () => Object.assign(prompt, await put(`/projects/prompts/${prompt.id}`, what)))
    this.#paint()
    this.changed()
  }

  #delete(prompt) {
    const at = this.prompts.indexOf(prompt)
    this.prompts.splice(at, 1)
    this.#paint()
    const back = () => { this.prompts.splice(Math.min(at, this.prompts.length), 0, prompt); this.#paint() }
    withUndo(t('“{name}” is deleted.', { name: prompt.name }), {
      undo: back,
      act: (leaving) => del(`/projects/prompts/${prompt.id}`, { keepalive: leaving }).then(this.changed, (e) => { back(); failed(e) }),
    })
  }

  // ---- order ----

  #move(prompt, step) {
    const from = this.prompts.indexOf(prompt)
    this.#place(prompt, from + step)
  }

  // Puts it at a place; only the prompts whose place changes are written.
  async #place(prompt, to) {
    const from = this.prompts.indexOf(prompt)
    if (to < 0 || to >= this.prompts.length || to === from) return
    this.prompts.splice(to, 0, ...this.prompts.splice(from, 1))
    this.#paint()
    this.list.querySelector(`[data-prompt="${prompt.id}"] .prompt-handle`)?.focus()
    announce(t('{name} is number {n} now', { name: prompt.name, n: to + 1 }))
    await attempt(async () => {
      for (const [i, one] of this.prompts.entries())
        if (one.position !== i) Object.assign(one, await put(`/projects/prompts/${one.id}`, { position: i }))
    })
    this.changed()
  }

  #drag(row, prompt) {
    const handle = row.querySelector('.prompt-handle')
    handle.addEventListener('pointerdown', () => { row.draggable = true })
    row.addEventListener('dragstart', (e) => {
      this.dragged = prompt
      e.dataTransfer.effectAllowed = 'move'
      e.dataTransfer.setData('text/plain', prompt.name)
      row.classList.add('dragging')
    })
    row.addEventListener('dragend', () => { row.draggable = false; row.classList.remove('dragging'); this.dragged = null })
    const clear = () => row.classList.remove('before', 'after')
    const isBelow = (e) => e.clientY > row.getBoundingClientRect().top + row.offsetHeight / 2
    row.addEventListener('dragover', (e) => {
      if (!this.dragged || this.dragged === prompt) return
      e.preventDefault()
      row.classList.toggle('after', isBelow(e))
      row.classList.toggle('before', !isBelow(e))
    })
    row.addEventListener('dragleave', clear)
    row.addEventListener('drop', (e) => {
      clear()
      if (!this.dragged) return
      e.preventDefault()
      const from = this.prompts.indexOf(this.dragged)
      const to = this.prompts.indexOf(prompt) + (isBelow(e) ? 1 : 0)
      this.#place(this.dragged, to > from ? to - 1 : to)
    })
  }
}
