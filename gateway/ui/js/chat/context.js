// What the model is given besides the messages: shown in short above them, and in full when asked.
import { fill, h } from '../dom.js'
import { icon } from '../icons.js'
import { number, plural, t } from '../i18n.js'
import { all, get } from '../api.js'
import { dialog } from '../dialog.js'

let models = null

export const modelsKnown = () => models ??= get('/models').catch((e) => { models = null; throw e })

export async function defaultModel() {
  try {
    return (await modelsKnown()).find((model) => model.is_default)?.id ?? t('the platform’s model')
  } catch {
    return t('the platform’s model')
  }
}

// The button for it; set(project) says of which project.
export class ContextButton {
  constructor() {
    this.label = h('span', {}, '')
    this.node = h('button', { type: 'button', class: 'ghost small context-button', hidden: true, 'aria-haspopup': 'dialog', title: t('What the model is given'), onclick: () => this.#show() }, icon('bot'), this.label)
  }

  async set(project) {
    this.project = project
    this.node.hidden = !project
    if (!project) return
    this.label.textContent = project.model ?? t('Default model')
    const [model, prompts] = await Promise.all([project.model ?? defaultModel(), all(`/projects/${project.id}/prompts`)])
    if (this.project !== project) return
    this.model = model
    this.prompts = prompts.filter((prompt) => prompt.enabled).sort((a, b) => a.position - b.position || a.id - b.id)
    fill(this.label, h('span', { class: 'context-model' }, model), ' · ', this.prompts.length ? plural(this.prompts.length, '{n} prompt', '{n} prompts') : t('no prompt'))
  }

  #show() {
    const { project, prompts = [], model } = this
    dialog({
      title: t('What the model is given'), wide: true,
      content: [
        h('dl', { class: 'facts' },
          h('dt', {}, t('Project')), h('dd', {}, project.name),
          h('dt', {}, t('Model')), h('dd', {}, model ?? t('Default model')),
          h('dt', {}, t('Temperature')), h('dd', {}, project.temperature === null ? t('the model’s default') : number(project.temperature)),
          h('dt', {}, t('Longest answer')), h('dd', {}, project.max_output_tokens === null ? t('the model’s default') : plural(project.max_output_tokens, '{n} token', '{n} tokens'))),
        h('h3', {}, t('Prompts, in order')),
        prompts.length ? h('ol', { class: 'prompt-preview' }, prompts.map((prompt) => h('li', {}, h('strong', {}, prompt.name), h('pre', { tabindex: '0' }, prompt.content)))) : h('p', { class: 'quiet' }, t('None is enabled: the platform’s default is sent.')),
      ],
      footer: (close) => h('a', { class: 'button', href: `/dashboard?project=${project.id}`, onclick: () => close() }, t('Change in the project')),
    })
  }
}
