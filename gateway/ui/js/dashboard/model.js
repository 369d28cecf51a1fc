// The model of a project and how it is asked.
import { field, fill, h } from '../dom.js'
import { t } from '../i18n.js'
import { put } from '../api.js'
import { loadInto } from '../shell.js'
import { errorText } from '../problems.js'
import { tellUser } from '../toast.js'
import { modelsKnown } from '../chat/context.js'

export class ModelCard {
  constructor(project, saved) {
    this.project = project
    this.saved = saved
    this.place = h('div', {})
    this.node = h('section', { class: 'card', 'aria-labelledby': 'model-head' }, h('header', { class: 'card-head' }, h('h2', { id: 'model-head' }, t('Model'))), this.place)
    loadInto(this.place, () => this.#load())
  }

  async #load() {
    let models = []
    try {
      models = await modelsKnown()
    } catch { /* the provider does not say: the name is typed */ }
    fill(this.place, this.#form(models))
  }

  #model(models) {
    const { model } = this.project
    const usual = models.find((one) => one.is_default)?.id
    if (!models.length) return h('input', { type: 'text', name: 'model', maxlength: 120, value: model ?? '', placeholder: t('the platform’s default') })
    const names = [...new Set([...models.map((one) => one.id), model].filter(Boolean))]
    return h('select', { name: 'model' },
      h('option', { value: '', selected: model === null }, usual ? t('Default ({name})', { name: usual }) : t('the platform’s default')),
      names.map((name) => h('option', { value: name, selected: name === model }, name)))
  }

  #form(models) {
    const { project } = this
    const model = field(t('Model'), this.#model(models))
    const temperature = field(t('Temperature'), h('input', { type: 'number', name: 'temperature', min: 0, max: 2, step: 0.1, value: project.temperature ?? '', placeholder: t('default') }), t('0 (steady) to 2 (inventive).'))
    const most = field(t('Longest answer'), h('input', { type: 'number', name: 'max_output_tokens', min: 1, max: 131072, step: 1, value: project.max_output_tokens ?? '', placeholder: t('default') }), t('In tokens.'))
    const background = h('input', { type: 'checkbox', checked: project.background })
    const save = h('button', { type: 'submit', class: 'primary', disabled: true }, t('Save'))
    const rows = { model, temperature, max_output_tokens: most }
    const problem = h('p', { class: 'form-error', role: 'alert', hidden: true })
    const numberOf = (row) => row.control.value.trim() === '' ? null : Number(row.control.value)
    return h('form', {
      class: 'stack', novalidate: true, oninput: () => { save.disabled = false },
      onsubmit: async (e) => {
        e.preventDefault()
        save.disabled = true
        problem.hidden = true
        Object.values(rows).forEach((row) => row.fail(null))
        try {
          Object.assign(project, await put(`/projects/${project.id}`, {
            model: model.control.value.trim() || null, temperature: numberOf(temperature), max_output_tokens: numberOf(most), background: background.checked,
          }))
          this.saved(project)
          tellUser(t('Saved.'))
        } catch (error) {
          save.disabled = false
          if (rows[error.field]) return rows[error.field].fail(errorText(error))
          problem.textContent = errorText(error)
          problem.hidden = false
        }
      },
    }, model, h('div', { class: 'two' }, temperature, most),
    h('label', { class: 'check' }, background, h('span', {}, t('Run answers in the provider’s background mode'), h('span', { class: 'field-hint' }, ' ', t('They survive a crash here without being asked for again; the provider stores them.')))),
    problem, h('div', {}, save))
  }
}
