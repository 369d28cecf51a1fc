// Projects: the list, and one of them with its prompts, files, model and use.
import { fill, h } from '../dom.js'
import { icon } from '../icons.js'
import { ago, date, t } from '../i18n.js'
import { all, del, get, post, put } from '../api.js'
import { session } from '../session.js'
import { empty, frame, loadInto } from '../shell.js'
import { confirmTyped, formDialog } from '../dialog.js'
import { menuButton } from '../menu.js'
import { go, rename } from '../router.js'
import { on, tell } from '../bus.js'
import { tellUser } from '../toast.js'
import { importShow } from '../chat/import.js'
import { FileCard } from './files.js'
import { ModelCard } from './model.js'
import { PromptCard } from './prompts.js'
import { UsageCard } from './usage.js'

class Dashboard {
  constructor(root, place) {
    this.frame = frame(root, 'dashboard')
    this.name = h('h1', { class: 'topbar-title' }, t('Projects'))
    fill(this.frame.head, this.name)
    this.search = h('input', { type: 'search', class: 'side-search', placeholder: t('Search'), 'aria-label': t('Search projects'), autocomplete: 'off', oninput: () => this.#list() })
    this.nav = h('nav', { class: 'project-list', 'aria-label': t('Projects') })
    fill(this.frame.side,
      h('div', { class: 'side-tools' }, h('div', { class: 'search-box' }, icon('search'), this.search),
        h('button', { type: 'button', class: 'square', 'aria-label': t('New project'), title: t('New project'), onclick: () => this.#create() }, icon('plus'))),
      this.nav)
    this.body = h('div', { class: 'page', tabindex: '0', role: 'region', 'aria-label': t('Project') })
    fill(this.frame.body, this.body)
    this.offs = [on('projects', () => this.#reload())]
    loadInto(this.body, () => this.#start(place))
  }

  async #start(place) {
    this.projects = await all('/projects')
    await this.update(place)
  }

  async #reload() {
    try {
      this.projects = await all('/projects')
      this.#list()
    } catch { /* the list stays as it was */ }
  }

  async update({ query }) {
    this.frame.closeDrawer()
    if (!this.projects) return
    const wanted = Number(query.get('project'))
    this.#show(this.projects.find((one) => one.id === wanted) ?? this.#usual())
    if (wanted && this.project?.id !== wanted) tellUser(t('There is no such project.'))
    if (query.get('new')) {
      rename('/dashboard')
      this.#create()
    }
  }

  #usual() {
    const last = Number(localStorage.getItem(`project:${session.user}`))
    return this.projects.find((one) => one.id === last) ?? this.projects[0]
  }

  #list() {
    const words = this.search.value.toLowerCase().split(/\s+/)
    const shown = this.projects.filter((one) => words.every((word) => one.name.toLowerCase().includes(word)))
    fill(this.nav, shown.length
      ? h('ul', {}, shown.map((one) => h('li', {}, h('a', { href: `/dashboard?project=${one.id}`, 'aria-current': one.id === this.project?.id ? 'page' : null },
        h('span', { class: 'row-name' }, one.name), h('span', { class: 'row-more' }, t('changed {when}', { when: ago(one.updated_at) }))))))
      : h('p', { class: 'side-note' }, this.projects.length ? t('Nothing found') : t('No projects yet.')))
  }

  #show(project) {
    if (project && project === this.project) return this.#list()
    this.cards?.forEach((card) => card.close?.())
    this.cards = []
    this.project = project
    this.#list()
    if (!project) return this.#none()
    localStorage.setItem(`project:${session.user}`, project.id)
    const changed = () => this.#touched()
    const prompts = new PromptCard(project, changed)
    const files = new FileCard(project)
    const model = new ModelCard(project, (now) => this.#took(now))
    const usage = new UsageCard(project)
    this.cards = [prompts, files, model, usage]
    this.frame.title(project.name)
    this.#head(project)
    fill(this.body, h('div', { class: 'page-inner' },
      h('div', { class: 'columns' },
        h('div', { class: 'column' }, prompts.node, files.node),
        h('div', { class: 'column' }, model.node, usage.node))))
    this.body.scrollTop = 0
  }

  #head(project) {
    this.name.textContent = project.name
    this.name.title = t('Created {when}', { when: date(project.created_at) })
    fill(this.frame.head, this.name,
      h('a', { class: 'button primary small', href: `/chat?project=${project.id}&new=1` }, icon('chat'), t('Chat')),
      menuButton(t('Actions for {name}', { name: project.name }), () => [
        { label: t('Rename'), icon: 'edit', act: () => this.#rename() },
        { label: t('Import conversations'), icon: 'upload', act: () => importShow(project.id) },
        { label: t('Delete'), icon: 'trash', danger: true, act: () => this.#delete() },
      ]))
  }

  #none() {
    this.frame.title(t('Projects'))
    this.name.textContent = t('Projects')
    fill(this.frame.head, this.name)
    fill(this.body, empty({
      name: 'projects', title: t('Create your first project'),
      text: t('A project is an agent: its prompts say how the model shall behave, its files are what it can read, and its conversations stay together.'),
      action: h('button', { type: 'button', class: 'primary', onclick: () => this.#create() }, icon('plus'), t('New project')),
    }))
  }

  // Something in the project has changed: when it was changed last is shown in the list.
  async #touched() {
    try {
      this.#took(await get(`/projects/${this.project.id}`))
    } catch { /* the list stays as it was */ }
  }

  #took(project) {
    Object.assign(this.project, project)
    this.#list()
    this.name.textContent = project.name
    this.frame.title(project.name)
  }

  #create() {
    return formDialog({
      title: t('New project'), action: t('Create project'),
      fields: [{ name: 'name', label: t('Name'), max: 120, placeholder: t('Customer support'), check: (text) => text.trim() !== '' }],
      save: async ({ name }) => {
        const project = await post('/projects', { name: name.trim() })
        this.projects.push(project)
        tell('projects')
        go(`/dashboard?project=${project.id}`)
      },
    })
  }

  #rename() {
    const { project } = this
    return formDialog({
      title: t('Rename the project'),
      fields: [{ name: 'name', label: t('Name'), value: project.name, max: 120, check: (text) => text.trim() !== '' }],
      save: async ({ name }) => {
        this.#took(await put(`/projects/${project.id}`, { name: name.trim() }))
        tell('projects')
      },
    })
  }

  #delete() {
    const { project } = this
    return confirmTyped({
      title: t('Delete the project?'), word: project.name, action: t('Delete the project'),
      text: t('Its prompts, files and conversations go with it. This cannot be undone.'),
      save: async () => {
        await del(`/projects/${project.id}`)
        this.projects = this.projects.filter((one) => one !== project)
        this.project = null
        tellUser(t('“{name}” is deleted.', { name: project.name }))
        tell('projects')
        go('/dashboard')
      },
    })
  }

  close() {
    this.cards?.forEach((card) => card.close?.())
    this.offs.forEach((off) => off())
  }
}

export const page = (root, place) => new Dashboard(root, place)
