// Conversations that were exported as JSON, brought into a project: one file after the other, each with its
// progress, and what is wrong with those that are refused.
import { fill, h } from '../dom.js'
import { icon } from '../icons.js'
import { size, t } from '../i18n.js'
import { upload } from '../api.js'
import { tell } from '../bus.js'
import { dialog } from '../dialog.js'
import { go } from '../router.js'
import { errorText } from '../problems.js'

const BYTES_MAX = 104857600

class Import {
  constructor(project, close) {
    this.project = project
    this.close = close
    this.controller = new AbortController()
    this.list = h('ul', { class: 'rows', 'aria-label': t('Files'), hidden: true })
    const input = h('input', { type: 'file', multiple: true, accept: '.json,application/json', class: 'sr-only', tabindex: '-1', 'aria-hidden': 'true', onchange: () => { this.take([...input.files]); input.value = '' } })
    this.drop = h('div', { class: 'drop' }, icon('upload'),
      h('p', {}, t('Drop files here, or'), ' ', h('button', { type: 'button', class: 'link', autofocus: true, onclick: () => input.click() }, t('choose them')), '.'),
      h('p', { class: 'quiet' }, t('Up to 100 MiB each.')), input)
    this.node = h('div', { class: 'stack' }, h('p', {}, t('Files that “Export as JSON” made, or conversations of an archive. Nothing in them is run.')), this.drop, this.list)
    this.#drops()
  }

  #drops() {
    const set = (over) => this.drop.classList.toggle('over', over)
    this.drop.addEventListener('dragover', (e) => { e.preventDefault(); set(true) })
    this.drop.addEventListener('dragleave', () => set(false))
    this.drop.addEventListener('drop', (e) => { e.preventDefault(); set(false); this.take([...e.dataTransfer.files]) })
  }

  async take(files) {
    this.list.hidden = false
    const rows = files.map((file) => {
      const row = h('li', { class: 'file-row' })
      this.list.append(row)
      this.#paint(row, file, h('span', { class: 'row-more' }, t('waiting')))
      return row
    })
    const made = []
    for (const [i, file] of files.entries()) {
      const conversation = await this.#one(rows[i], file)
      if (conversation) made.push(conversation)
    }
    if (made.length && made.length === this.list.childNodes.length) this.#open(made.at(-1))
  }

  // Resolves to the conversation, undefined when it was refused.
  async #one(row, file) {
    const bar = h('progress', { max: 1, value: 0, 'aria-label': t('Upload of {name}', { name: file.name }) })
    const state = h('span', { class: 'row-more', role: 'status' }, t('is sent'))
    this.#paint(row, file, [state, bar])
    const told = (share) => {
      bar.value = share
      if (share < 1) return
      bar.removeAttribute('value')
      state.textContent = t('is being read')
    }
    try {
      if (file.size > BYTES_MAX) throw new Error(t('It is larger than 100 MiB.'))
      if (!file.size) throw new Error(t('It is empty, or a folder.'))
      const conversation = await upload(`/projects/${this.project}/conversations/import`, file, told, this.controller.signal)
      tell('conversation', conversation)
      this.#paint(row, file, h('span', { class: 'row-more' }, t('imported')), h('button', { type: 'button', class: 'small', onclick: () => this.#open(conversation) }, t('Open')))
      return conversation
    } catch (e) {
      this.#paint(row, file, h('span', { class: 'field-error', role: 'alert' }, errorText(e)))
      return undefined
    }
  }

  #paint(row, file, about, side) {
    fill(row, icon('chat'), h('div', { class: 'row-main' }, h('span', { class: 'row-name', title: `${file.name} · ${size(file.size)}` }, file.name), about), side && h('div', { class: 'row-side' }, side))
  }

  #open(conversation) {
    this.close()
    go(`/chat?conversation=${conversation.id}`)
  }
}

// Asks for files and imports them into the project with that id; ends when the dialog is closed.
export async function importShow(project) {
  let running
  await dialog({ title: t('Import conversations'), content: (close) => (running = new Import(project, close)).node })
  running.controller.abort()
}
