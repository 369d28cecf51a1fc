// Files beside messages: chips, uploads on their way, the choice among the project's files.
import { fill, h, sleep } from '../dom.js'
import { icon } from '../icons.js'
import { size, t } from '../i18n.js'
import { all, download, get, upload } from '../api.js'
import { dialog } from '../dialog.js'
import { errorText } from '../problems.js'
import { attempt } from '../toast.js'

export const MOST = 10 // files of a message

// A file that was sent. file undefined: it is not there any more.
export function fileChip(file, id) {
  if (!file) return h('span', { class: 'file-chip gone' }, icon('file'), h('span', {}, t('File {id}, deleted', { id })))
  return h('button', { type: 'button', class: 'file-chip', title: `${file.filename} · ${size(file.bytes)}`, onclick: () => attempt(() => download(`/projects/files/${file.id}/content`, file.filename)) },
    icon('file'), h('span', { class: 'file-name' }, file.filename))
}

// The files that go with the next message, and those on their way to the project.
export class Attachments {
  constructor(changed) {
    this.list = [] // {name, file, share, error, controller}
    this.node = h('div', { class: 'attachments' })
    this.changed = changed
  }

  get ids() { return this.list.filter((one) => one.file).map((one) => one.file.id) }
  get files() { return this.list.map((one) => one.file).filter(Boolean) }
  get busy() { return this.list.some((one) => !one.error && (!one.file || one.waiting)) }
  get room() { return MOST - this.list.length }

  clear() {
    this.list = []
    this.#paint()
  }

  // Files of the project that are there.
  add(files) {
    for (const file of files.slice(0, this.room)) if (!this.ids.includes(file.id)) this.#watch({ name: file.filename, file })
    this.#paint()
  }

  // Files from this machine.
  upload(project, files) {
    for (const from of [...files].slice(0, this.room)) this.#send(project, from)
    this.#paint()
  }

  async #send(project, from) {
    const one = { name: from.name, share: 0, controller: new AbortController() }
    this.list.push(one)
    try {
      one.file = await upload(`/projects/${project}/files`, from, (share) => { one.share = share; this.#paint() }, one.controller.signal)
      this.list.splice(this.list.indexOf(one), 1)
      this.#watch(one)
    } catch (e) {
      if (e.name === 'AbortError') return
      one.error = errorText(e)
    }
    this.#paint()
  }

  // Until the model can be given it. Where its provider takes no files they stay stored: that is known
  // when one has not moved for a while.
  async #watch(one) {
    this.list.push(one)
    one.waiting = ['stored', 'uploading'].includes(one.file.status)
    this.#paint()
    for (let tries = 0; one.waiting && this.list.includes(one); tries++) {
      await sleep(tries < 5 ? 400 : 1500)
      try {
        one.file = await get(`/projects/files/${one.file.id}`)
      } catch { /* asked again */ }
      one.waiting = one.file.status === 'uploading' || one.file.status === 'stored' && tries < 4
      if (one.file.status === 'failed') one.error = one.file.error ?? t('The model provider does not take it.')
      this.#paint()
    }
  }

  #drop(one) {
    one.controller?.abort()
    this.list.splice(this.list.indexOf(one), 1)
    this.#paint()
  }

  #paint() {
    fill(this.node, this.list.map((one) => {
      const state = one.error ? one.error : !one.file ? `${Math.round(one.share * 100)} %` : one.waiting ? t('is being prepared') : size(one.file.bytes)
      return h('span', { class: one.error ? 'file-chip bad' : 'file-chip' }, icon(one.error ? 'warning' : 'file'),
        h('span', { class: 'file-name', title: one.name }, one.name), h('span', { class: 'file-state', title: state }, state),
        !one.file && !one.error && h('progress', { max: 1, value: one.share, 'aria-label': one.name }),
        h('button', { type: 'button', class: 'ghost tiny', 'aria-label': t('Remove {name}', { name: one.name }), onclick: () => this.#drop(one) }, icon('close')))
    }))
    this.node.hidden = !this.list.length
    this.changed()
  }
}

// Choose among the project's files. Resolves to files, undefined when it was dismissed.
export async function chooseFiles(project, chosen, room) {
  const files = (await all(`/projects/${project}/files`)).filter((file) => file.status !== 'failed').reverse()
  return dialog({
    title: t('Files of the project'),
    content: files.length ? h('div', { class: 'file-choice' }, files.map((file) => h('label', { class: 'check' },
      h('input', { type: 'checkbox', value: file.id, disabled: chosen.includes(file.id), checked: chosen.includes(file.id) }),
      h('span', { class: 'file-name' }, file.filename), h('span', { class: 'quiet' }, size(file.bytes))))) : h('p', { class: 'quiet' }, t('The project has no files yet.')),
    footer: (close) => [
      h('button', { type: 'button', class: 'plain', onclick: () => close() }, t('Cancel')),
      h('button', {
        type: 'button', class: 'primary', disabled: !files.length,
        onclick: (e) => {
          const ids = [...e.target.closest('dialog').querySelectorAll('input:checked:not(:disabled)')].map((input) => Number(input.value))
          close(files.filter((file) => ids.includes(file.id)).slice(0, room))
        },
      }, t('Add'))],
  })
}
