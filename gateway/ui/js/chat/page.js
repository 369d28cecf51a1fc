// The chat: which project, which conversation, and how sidebar, messages and message box go together.
import { fill, h } from '../dom.js'
import { icon } from '../icons.js'
import { t } from '../i18n.js'
import { all } from '../api.js'
import { session } from '../session.js'
import { empty, frame, loadInto } from '../shell.js'
import { menuButton } from '../menu.js'
import { go, rename } from '../router.js'
import { on } from '../bus.js'
import { accountEvents } from '../sse.js'
import { errorText } from '../problems.js'
import { Composer } from './composer.js'
import { ContextButton } from './context.js'
import { ConversationList } from './list.js'
import { leaveAll } from './turns.js'
import { stopTurn } from './message.js'
import { conversationGet, Thread } from './thread.js'

class ChatPage {
  constructor(root, place) {
    this.frame = frame(root, 'chat')
    this.offs = []
    this.title = h('h1', { class: 'topbar-title' })
    this.context = new ContextButton()
    this.menu = menuButton(t('Actions for this conversation'), () => this.list.menu(this.conversation))
    fill(this.frame.head, this.title, this.context.node, this.menu)
    this.list = new ConversationList({ gone: (id) => this.#gone(id), changed: (one) => this.#changed(one) })
    this.thread = new Thread({ changed: () => this.#look(), moved: (id) => this.#moved(id), takeBack: (body) => this.#takeBack(body) })
    this.composer = new Composer({
      send: (what) => this.#send(what),
      stop: () => this.thread.running.filter((turn) => turn.id).forEach(stopTurn),
      editLast: () => this.thread.editLast(),
    })
    this.welcome = h('div', { class: 'welcome', hidden: true })
    this.select = h('select', { class: 'project-select', 'aria-label': t('Project'), onchange: () => go(`/chat?project=${this.select.value}`) })
    fill(this.frame.side,
      h('div', { class: 'side-tools' }, this.select, h('a', { class: 'button square', href: '/chat?new=1', 'aria-label': t('New conversation'), title: t('New conversation'), onclick: (e) => this.#new(e) }, icon('plus'))),
      this.list.node)
    this.#drops()
    this.#listen()
    loadInto(this.frame.body, () => this.#start(place))
  }

  // ---- beginning, and other addresses ----

  async #start(place) {
    this.projects = await all('/projects')
    fill(this.frame.body, this.welcome, this.thread.node, this.composer.node)
    if (!this.projects.length) return this.#noProject()
    await this.#show(place)
  }

  async update(place) {
    this.frame.closeDrawer()
    if (place.query.get('new')) return this.#new()
    await loadInto(h('div'), () => this.#show(place)) // what goes wrong is said where the messages stand
  }

  #noProject() {
    this.frame.title(t('Chat'))
    this.title.textContent = t('Chat')
    this.menu.hidden = true
    fill(this.frame.body, empty({
      name: 'bot', title: t('First, a project'), text: t('A project is an agent: its prompts, its files and the model that answers.'),
      action: h('a', { class: 'button primary', href: '/dashboard?new=1' }, icon('plus'), t('Create a project')),
    }))
    fill(this.frame.side)
  }

  async #show({ query }) {
    const id = Number(query.get('conversation')) || null
    const message = Number(query.get('message')) || null
    const mine = this.showing = {}
    let conversation = null
    this.lost = false
    if (id && id === this.conversation?.id && !message) return undefined
    if (id) {
      try {
        conversation = await conversationGet(id)
      } catch (e) {
        if (e.status !== 404) return this.#broken(e, query)
        return this.#missing()
      }
    }
    if (this.showing !== mine) return undefined
    const last = Number(localStorage.getItem(`project:${session.user}`))
    const wanted = conversation?.project_id ?? (Number(query.get('project')) || last)
    this.#project(this.projects.find((one) => one.id === wanted) ?? this.projects[0])
    this.conversation = conversation
    this.list.current = id
    this.composer.open(this.project.id, id)
    this.#look()
    try {
      await this.thread.open(this.project.id, conversation, message)
    } catch (e) {
      if (e.name === 'AbortError') return undefined
      return this.#broken(e, query)
    }
    this.#look()
    if (!matchMedia('(pointer: coarse)').matches && !message) this.composer.focus()
    return undefined
  }

  #broken(e, query) {
    if (e.status === 401) return
    fill(this.thread.top, empty({
      name: 'warning', title: t('The conversation could not be loaded'), text: errorText(e),
      action: h('button', { type: 'button', onclick: () => { this.conversation = null; this.#show({ query }) } }, icon('refresh'), t('Try again')),
    }))
  }

  #missing() {
    this.thread.close()
    this.conversation = null
    this.#project(this.project ?? this.projects[0])
    this.composer.open(null, null)
    this.lost = true
    this.#look()
    fill(this.welcome, empty({ name: 'chat', title: t('There is no such conversation'), text: t('It was deleted, or it is not yours.'), action: h('a', { class: 'button', href: '/chat?new=1' }, t('New conversation')) }))
  }

  #project(project) {
    if (this.project === project) return
    this.project = project
    localStorage.setItem(`project:${session.user}`, project.id)
    fill(this.select, this.projects.map((one) => h('option', { value: one.id, selected: one === project }, one.name)))
    this.context.set(project).catch(() => {})
    this.list.open(project.id)
  }

  #new(e) {
    e?.preventDefault()
    this.frame.closeDrawer()
    if (!this.projects?.length) return
    this.conversation = null
    this.lost = false
    this.showing = {}
    rename(`/chat?project=${this.project.id}`, { replace: false })
    this.list.current = null
    this.composer.open(this.project.id, null)
    this.thread.open(this.project.id, null)
    this.composer.focus()
  }

  // ---- what happens ----

  #listen() {
    this.offs.push(
      accountEvents(),
      on('chat-new', () => this.#new()),
      on('chat-focus', () => this.composer.focus()),
      on('turn', (news) => this.#turn(news)),
      on('conversation-news', (news) => this.#news(news)),
      on('turn-ended', (turn) => this.#ended(turn)),
      on('resync', () => this.#resync()),
      on('conversation-gone', (id) => { if (id === this.conversation?.id) this.#new() }))
  }

  #turn(news) {
    if (news.project_id !== this.project?.id) return
    if (news.conversation_id === this.conversation?.id) this.thread.turnChanged(news)
    this.list.refresh(news.conversation_id, news.state === 'completed')
  }

  // Another tab or device, or this one, has made, changed or deleted one.
  async #news({ conversation_id: id, project_id: project, what }) {
    if (project !== this.project?.id) return
    if (what !== 'deleted') {
      await this.list.refresh(id)
      if (id === this.conversation?.id) this.thread.refreshSoon()
    } else {
      this.list.forget(id)
      if (id === this.conversation?.id) this.#missing()
    }
  }

  #ended(turn) {
    if (turn.conversation === this.conversation?.id) this.thread.refreshSoon()
    this.#look()
  }

  // Something may have happened while nobody listened.
  #resync() {
    if (!this.resynced) { // the first connection: what is shown is new
      this.resynced = true
      return
    }
    if (this.project) this.list.load()
    this.thread.refreshSoon()
  }

  async #send({ text, files }) {
    // the first message makes the conversation that the next one goes into
    const first = this.conversation ? null : this.thread.sending[0]
    if (first) {
      try {
        await first.turn.accepted
        await Promise.resolve()
      } catch { /* then this one is the first */ }
    }
    const body = { project_id: this.project.id, message: text }
    const id = this.conversation?.id ?? first?.turn.conversation
    if (id) body.conversation_id = id
    if (files.length) body.file_ids = files.map((file) => file.id)
    this.thread.send(body, files)
  }

  // A new conversation has got its number.
  #moved(id) {
    this.conversation = { ...this.thread.conversation, title: null, pinned: false, archived: false }
    this.composer.became(id)
    rename(`/chat?conversation=${id}`)
    this.list.current = id
    this.list.refresh(id)
    this.#look()
  }

  #takeBack(body) {
    this.composer.text = [body.message, this.composer.text].filter(Boolean).join('\n\n')
    this.composer.focus()
  }

  #changed(one) {
    if (one.id !== this.conversation?.id) return
    this.conversation = one
    this.#look()
  }

  #gone(id) {
    if (id === this.conversation?.id) this.#new()
  }

  // ---- what is shown ----

  #look() {
    const started = this.conversation || this.thread.sending.length
    const title = this.lost ? t('Not found') : this.conversation?.title ?? t('New conversation')
    this.composer.node.hidden = this.lost
    this.title.textContent = title
    this.frame.title(title)
    this.menu.hidden = !this.conversation
    this.composer.running(this.thread.running.some((turn) => turn.id))
    this.welcome.hidden = Boolean(started) || !this.project
    this.thread.node.hidden = !started
    if (!this.welcome.hidden) this.#welcome()
  }

  #welcome() {
    if (this.welcomed === this.project && this.welcome.querySelector('.welcome-name')) return
    this.welcomed = this.project
    fill(this.welcome, h('div', { class: 'welcome-inner' }, h('div', { class: 'empty-icon' }, icon('bot')),
      h('h2', { class: 'welcome-name' }, this.project.name), h('p', {}, t('What would you like to talk about?'))))
  }

  #drops() {
    const { body } = this.frame
    const carries = (e) => e.dataTransfer?.types.includes('Files')
    body.addEventListener('dragover', (e) => { if (carries(e)) { e.preventDefault(); body.classList.add('dropping') } })
    body.addEventListener('dragleave', (e) => { if (!body.contains(e.relatedTarget)) body.classList.remove('dropping') })
    body.addEventListener('drop', (e) => {
      body.classList.remove('dropping')
      if (!carries(e)) return
      e.preventDefault()
      this.composer.take(e.dataTransfer.files)
    })
  }

  close() {
    this.offs.forEach((off) => off())
    this.thread.close()
    this.list.close()
    this.composer.close()
    leaveAll()
  }
}

export const page = (root, place) => new ChatPage(root, place)
