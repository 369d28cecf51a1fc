// Questions in front of the page. The browser's own dialog element keeps the focus inside, closes with
// Escape and gives the focus back.
import { field, h, uid } from './dom.js'
import { icon } from './icons.js'
import { t } from './i18n.js'
import { errorText } from './problems.js'

// Shows content; resolves to what close(value) was given, undefined when it was dismissed.
export function dialog({ title, content, footer, wide = false, label }) {
  return new Promise((resolve) => {
    const heading = uid('dialog')
    let result
    const close = (value) => { result = value; node.close() }
    const made = typeof content === 'function' ? content(close) : content
    const node = h('dialog', { class: wide ? 'dialog wide' : 'dialog', 'aria-labelledby': title ? heading : null, 'aria-label': title ? null : label },
      title && h('header', { class: 'dialog-head' },
        h('h2', { id: heading }, title),
        h('button', { type: 'button', class: 'ghost square', 'aria-label': t('Close'), onclick: () => close() }, icon('close'))),
      h('div', { class: 'dialog-body' }, made),
      footer && h('footer', { class: 'dialog-foot' }, footer(close)))
    node.addEventListener('close', () => { node.remove(); resolve(result) })
    node.addEventListener('pointerdown', (e) => { if (e.target === node) close() })
    document.body.append(node)
    node.showModal()
    node.querySelector('[autofocus]')?.focus()
  })
}

// A form in a dialog. fields: [{name, label, value, hint, type, max, required, area, options, check}]; save(values)
// may throw: then its message stands at the field that it names. Resolves to what save returned.
export function formDialog({ title, intro, fields, save, action = t('Save'), danger = false }) {
  return dialog({ title, content: (close) => formOf({ intro, fields, save, action, danger, close }) })
}

function controlOf(f, first) {
  const common = { name: f.name, required: f.required ?? false, autofocus: first, autocomplete: f.autocomplete ?? 'off' }
  if (f.options) {
    return h('select', { ...common, autocomplete: null },
      f.options.map(([value, text]) => h('option', { value, selected: value === (f.value ?? '') }, text)))
  }
  if (f.area) return h('textarea', { ...common, rows: f.rows ?? 8, maxlength: f.max, value: f.value ?? '' })
  return h('input', { ...common, type: f.type ?? 'text', maxlength: f.max, min: f.min, max: f.most, step: f.step, value: f.value ?? '', placeholder: f.placeholder })
}

export function formOf({ intro, fields, save, action, danger, close }) {
  const rows = fields.map((f, i) => field(f.label, controlOf(f, i === 0), f.hint))
  const problem = h('p', { class: 'form-error', role: 'alert', hidden: true })
  const button = h('button', { type: 'submit', class: danger ? 'danger' : 'primary' }, action)
  const values = () => Object.fromEntries(fields.map((f, i) => [f.name, rows[i].control.value]))
  const check = () => { button.disabled = fields.some((f, i) => f.check && !f.check(rows[i].control.value)) }
  async function submit(e) {
    e.preventDefault()
    rows.forEach((row) => row.fail(null))
    problem.hidden = true
    button.disabled = true
    try {
      close((await save(values())) ?? true)
    } catch (error) {
      const at = fields.findIndex((f) => f.name === error.field)
      if (at >= 0) {
        rows[at].fail(errorText(error))
        rows[at].control.focus()
      } else {
        problem.textContent = errorText(error)
        problem.hidden = false
      }
    } finally {
      button.disabled = false
      check()
    }
  }
  const form = h('form', { class: 'stack', novalidate: true, onsubmit: submit, oninput: check },
    intro && h('p', {}, intro), rows, problem,
    h('div', { class: 'dialog-foot' }, h('button', { type: 'button', class: 'plain', onclick: () => close() }, t('Cancel')), button))
  check()
  return form
}

// A yes or no. Resolves to true or undefined.
export function confirm({ title, text, action, danger = true }) {
  return dialog({
    title,
    content: h('p', {}, text),
    footer: (close) => [
      h('button', { type: 'button', class: 'plain', autofocus: true, onclick: () => close() }, t('Cancel')),
      h('button', { type: 'button', class: danger ? 'danger' : 'primary', onclick: () => close(true) }, action)],
  })
}

// A yes that has to be typed.
export function confirmTyped({ title, text, word, action, save }) {
  return formDialog({
    title, intro: text, danger: true, action, save,
    fields: [{ name: 'word', label: t('Type “{word}” to go on', { word }), check: (value) => value.trim() === word.trim() }],
  })
}

// A secret that is told only now, to be copied.
export function showSecret({ title, text, secret }) {
  const input = h('input', { type: 'text', readOnly: true, value: secret, class: 'mono', 'aria-label': title, autofocus: true, onfocus: () => input.select() })
  const copy = h('button', {
    type: 'button', class: 'primary',
    onclick: async () => {
      await navigator.clipboard.writeText(secret)
      copy.replaceChildren(icon('check'), t('Copied'))
    },
  }, icon('copy'), t('Copy'))
  return dialog({
    title,
    content: [h('p', {}, text), h('div', { class: 'row' }, input, copy)],
    footer: (close) => h('button', { type: 'button', class: 'plain', onclick: () => close() }, t('Done')),
  })
}
