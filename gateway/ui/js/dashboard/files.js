// The files of a project: dropped or chosen, with their progress, their state, and the ways out of it.
import { fill, h, sleep } from '../dom.js'
import { icon } from '../icons.js'
import { ago, size, t } from '../i18n.js'
import { all, del, download, get, upload } from '../api.js'
import { loadInto } from '../shell.js'
import { errorText } from '../problems.js'
import { attempt, failed, withUndo } from '../toast.js'

const AT_ONCE = 2
const BYTES_MAX = 104857600
const LOOKS = 40 // at a file on its way, in a row

const STATES = {
  stored: () => [t('stored'), ''],
  uploading: () => [t('is being prepared'), 'warn'],
  ready: () => [t('ready'), 'good'],
  failed: () => [t('failed'), 'bad'],
}

export class FileCard {
  constructor(project) {
    this.project = project
    this.files = []
    this.going = [] // {file, share, error, controller}
    this.list = h('ul', { class: 'rows', 'aria-label': t('Files') })
    this.place = h('div', {})
    const input = h('input', { type: 'file', multiple: true, class: 'sr-only', tabindex: '-1', 'aria-hidden': 'true', onchange: () => { this.take(input.files); input.value = '' } })
    this.drop = h('div', { class: 'drop' }, icon('upload'),
      h('p', {}, t('Drop files here, or'), ' ', h('button', { type: 'button', class: 'link', onclick: () => input.click() }, t('choose them')), '.'),
      h('p', { class: 'quiet' }, t('Any kind of file, up to 100 MiB each.')), input)
    this.node = h('section', { class: 'card', 'aria-labelledby': 'files-head' },
      h('header', { class: 'card-head' }, h('h2', { id: 'files-head' }, t('Files')), h('p', {}, t('Conversations in this project can use them.'))),
      this.drop, this.place)
    this.#drops()
    loadInto(this.place, () => this.#load())
  }

  close() {
    this.over = true
    for (const one of this.going) one.controller.abort()
  }

  async #load() {
    this.files = (await all(`/projects/${this.project.id}/files`)).reverse()
    fill(this.place, this.list)
    this.#paint()
    this.files.filter((file) => file.status !== 'ready' && file.status !== 'failed').forEach((file) => this.#watch(file))
  }

  #paint() {
    fill(this.list, this.going.map((one) => this.#goingRow(one)), this.files.map((file) => this.#row(file)))
  }

  #row(file) {
    const [state, kind] = STATES[file.status]?.() ?? [file.status, '']
    return h('li', { class: 'file-row tall' }, icon('file'),
      h('div', { class: 'row-main' }, h('span', { class: 'row-name', title: file.filename }, file.filename),
        h('span', { class: 'row-more' }, `${size(file.bytes)} · ${file.mime} · ${ago(file.created_at)}`),
        file.status === 'failed' && file.error && h('span', { class: 'field-error' }, file.error)),
      h('div', { class: 'row-side' }, h('span', { class: `chip ${kind}` }, state),
        h('button', { type: 'button', class: 'ghost square small', 'aria-label': t('Download {name}', { name: file.filename }), title: t('Download'), onclick: () => attempt(() => download(`/projects/files/${file.id}/content`, file.filename)) }, icon('download')),
        h('button', { type: 'button', class: 'ghost square small', 'aria-label': t('Delete {name}', { name: file.filename }), title: t('Delete'), onclick: () => this.#delete(file) }, icon('trash'))))
  }

  #goingRow(one) {
    const stop = () => { one.controller.abort(); this.#gone(one) }
    one.bar = h('progress', { max: 1, value: one.share, 'aria-label': t('Upload of {name}', { name: one.file.name }) })
    one.text = h('span', { class: 'row-more' }, this.#progress(one))
    return h('li', { class: 'file-row' }, icon(one.error ? 'warning' : 'upload'),
      h('div', { class: 'row-main' }, h('span', { class: 'row-name' }, one.file.name),
        one.error ? h('span', { class: 'field-error', role: 'alert' }, one.error) : [one.text, one.bar]),
      h('div', { class: 'row-side' },
        one.error && h('button', { type: 'button', class: 'small', onclick: () => { this.#gone(one); this.take([one.file]) } }, t('Try again')),
        h('button', { type: 'button', class: 'ghost square small', 'aria-label': t('Remove {name}', { name: one.file.name }), onclick: stop }, icon('close'))))
  }

  #progress(one) {
    return one.share ? `${Math.round(one.share * 100)} % · ${size(one.file.size)}` : t('waiting')
  }

  #gone(one) {
    this.going = this.going.filter((other) => other !== one)
    this.#paint()
  }

  // ---- uploading ----

  take(files) {
    for (const file of files) {
      const one = { file, share: 0, controller: new AbortController() }
      if (file.size > BYTES_MAX) one.error = t('It is larger than 100 MiB.')
      else if (!file.size) one.error = t('It is empty, or a folder.')
      this.going.push(one)
    }
    this.#paint()
    this.#next()
  }

  #next() {
    const waiting = this.going.filter((one) => !one.error && !one.runs)
    const running = this.going.filter((one) => one.runs).length
    for (const one of waiting.slice(0, Math.max(0, AT_ONCE - running))) this.#send(one)
  }

  async #send(one) {
    one.runs = true
    try {
      const file = await upload(`/projects/${this.project.id}/files`, one.file, (share) => {
        one.share = share
        if (one.bar) one.bar.value = share
        if (one.text) one.text.textContent = this.#progress(one)
      }, one.controller.signal)
      this.files.unshift(file)
      this.#gone(one)
      this.#watch(file)
    } catch (e) {
      one.runs = false
      if (e.name !== 'AbortError') one.error = errorText(e)
      this.#paint()
    }
    if (!this.over) this.#next()
  }

  // Until the provider has it, or does not want it.
  async #watch(file) {
    for (let looks = 0; looks < LOOKS && !this.over && this.files.includes(file); looks++) {
      if (file.status === 'ready' || file.status === 'failed') return
      await sleep(looks < 5 ? 600 : 3000)
      try {
        const before = file.status
        Object.assign(file, await get(`/projects/files/${file.id}`))
        if (file.status !== before && !this.over) this.#paint()
      } catch (e) {
        if (e.status === 404) return
      }
    }
  }

  #delete(file) {
    const at = this.files.indexOf(file)
    this.files.splice(at, 1)
    this.#paint()
    const back = () => { this.files.splice(Math.min(at, this.files.length), 0, file); this.#paint() }
    withUndo(t('“{name}” is deleted.', { name: file.filename }), {
      undo: back,
      act: (leaving) => del(`/projects/files/${file.id}`, { keepalive: leaving }).catch((e) => {
        if (e.status === 404) return
        back()
        failed(e)
      }),
    })
  }

  #drops() {
    const carries = (e) => e.dataTransfer?.types.includes('Files')
    const set = (over) => this.drop.classList.toggle('over', over)
    this.node.addEventListener('dragover', (e) => { if (carries(e)) { e.preventDefault(); set(true) } })
    this.node.addEventListener('dragleave', (e) => { if (!this.node.contains(e.relatedTarget)) set(false) })
    this.node.addEventListener('drop', (e) => {
      set(false)
      if (!carries(e)) return
      e.preventDefault()
      this.take(e.dataTransfer.files)
    })
  }
}
