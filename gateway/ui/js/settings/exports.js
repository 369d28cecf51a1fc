// All that is one's own as an archive: asked for, watched while it is made, saved, deleted.
import { fill, h, sleep } from '../dom.js'
import { icon } from '../icons.js'
import { ago, plural, size, t, time } from '../i18n.js'
import { all, del, downloadLarge, get, post } from '../api.js'
import { confirm } from '../dialog.js'
import { attempt } from '../toast.js'
import { card } from './account.js'

const MOST = 3 // archives of an account
const LOOK = 1500 // ms between two looks at one that is being made
const going = (one) => one.state === 'queued' || one.state === 'running'

const REASONS = {
  storage_full: () => t('There is no room for it on the server.'),
  too_large: () => t('It would be larger than an archive may be.'),
  internal: () => t('Something went wrong on the server.'),
}

const contents = (one) => [plural(one.projects, '{n} project', '{n} projects'), plural(one.conversations, '{n} conversation', '{n} conversations'), plural(one.files, '{n} file', '{n} files')].join(' · ')

class Exports {
  constructor() {
    this.rows = []
    this.saving = new Map() // id of an archive that is being saved: {share, controller}
    this.place = h('div', {})
    this.add = h('button', { type: 'button', class: 'primary', onclick: () => this.#make() }, icon('plus'), t('Make an archive'))
  }

  async load() {
    this.rows = (await all('/users/me/exports')).reverse()
    this.#paint()
    if (this.rows.some(going)) this.#watch()
  }

  #paint() {
    this.add.disabled = this.rows.length >= MOST || this.rows.some(going)
    const most = this.rows.length >= MOST && h('p', { class: 'quiet' }, t('There are {n} archives, as many as one may have. Delete one to make another.', { n: MOST }))
    fill(this.place, this.rows.length ? h('ul', { class: 'rows', 'aria-label': t('Archives') }, this.rows.map((one) => this.#row(one))) : h('p', { class: 'quiet' }, t('There is no archive now.')), most)
  }

  #row(one) {
    const saving = this.saving.get(one.id)
    return h('li', { class: 'file-row tall' }, icon(one.state === 'failed' ? 'warning' : 'archive'),
      h('div', { class: 'row-main' }, h('span', { class: 'row-name' }, time(one.created_at)), this.#about(one), saving && saving.bar),
      h('div', { class: 'row-side' },
        one.state === 'ready' && !saving && h('button', { type: 'button', class: 'small', onclick: () => this.#save(one) }, icon('download'), t('Download')),
        saving && h('button', { type: 'button', class: 'small', onclick: () => saving.controller.abort() }, t('Stop')),
        h('button', { type: 'button', class: 'ghost square small', 'aria-label': going(one) ? t('Break off') : t('Delete the archive'), title: going(one) ? t('Break off') : t('Delete'), onclick: () => this.#delete(one) }, icon(going(one) ? 'close' : 'trash'))))
  }

  #about(one) {
    if (one.state === 'queued') return [h('span', { class: 'row-more', role: 'status' }, t('Waits for its turn')), h('progress', { 'aria-label': t('The archive is being made') })]
    if (one.state === 'running') return [h('span', { class: 'row-more', role: 'status' }, t('Being made: {what}', { what: contents(one) })), h('progress', { 'aria-label': t('The archive is being made') })]
    if (one.state === 'failed') return h('span', { class: 'field-error' }, (REASONS[one.error] ?? REASONS.internal)())
    return h('span', { class: 'row-more wrap' }, [size(one.bytes), contents(one), t('is deleted {when}', { when: ago(one.expires_at) })].join(' · '))
  }

  // Looks at what is being made until it is ready, or nobody is here any more.
  async #watch() {
    if (this.watching) return
    this.watching = true
    while (this.rows.some(going)) {
      await sleep(LOOK)
      if (!this.place.isConnected) break
      try {
        for (const one of this.rows.filter(going)) Object.assign(one, await get(`/users/me/exports/${one.id}`))
      } catch (e) {
        if (e.status === 404) this.rows = (await all('/users/me/exports').catch(() => this.rows)).reverse()
      }
      this.#paint()
    }
    this.watching = false
  }

  #make() {
    return attempt(async () => {
      await post('/users/me/exports')
      await this.load()
    })
  }

  async #delete(one) {
    if (one.state === 'ready' && !await confirm({ title: t('Delete the archive?'), text: t('What is in it stays in your account.'), action: t('Delete') })) return
    this.saving.get(one.id)?.controller.abort()
    await attempt(async () => {
      await del(`/users/me/exports/${one.id}`)
      await this.load()
    })
  }

  async #save(one) {
    const controller = new AbortController()
    const bar = h('progress', { max: 1, value: 0, 'aria-label': t('Download') })
    this.saving.set(one.id, { controller, bar })
    this.#paint()
    const name = `chatbot-${one.created_at.slice(0, 10)}.tar`
    await attempt(() => downloadLarge(`/users/me/exports/${one.id}/content`, name, { bytes: one.bytes, told: (share) => { bar.value = share }, signal: controller.signal }))
    this.saving.delete(one.id)
    this.#paint()
  }
}

export async function exports() {
  const made = new Exports()
  await made.load()
  return card(t('Your data'), t('An archive of all that is yours: projects, prompts, conversations and files. It is made in the background and kept for 48 hours.'),
    made.place, h('div', {}, made.add),
    h('p', { class: 'quiet' }, t('Each conversation in it can be imported into any project, here or on another platform of this kind; whoever runs one can import the whole.')))
}
