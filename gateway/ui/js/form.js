// Forms that stand in a page: fields, and what is wrong with what was written.
import { field, h } from './dom.js'
import { icon } from './icons.js'
import { t } from './i18n.js'
import { errorText } from './problems.js'

const RULES = [
  [() => t('At least 8 characters'), (p) => [...p].length >= 8],
  [() => t('A letter'), (p) => /\p{L}/u.test(p)],
  [() => t('A digit'), (p) => /\d/.test(p)],
]

// The rules of a password, ticked off while it is typed; good() says whether all are met.
export function passwordHints(input) {
  const rows = RULES.map(([text]) => h('li', { class: 'rule' }, icon('check'), h('span', {}, text())))
  const list = h('ul', { class: 'rules', 'aria-label': t('The password needs') }, rows)
  const look = () => RULES.forEach(([, test], i) => rows[i].classList.toggle('met', test(input.value)))
  input.addEventListener('input', look)
  look()
  return { list, good: () => RULES.every(([, test]) => test(input.value)) }
}

// A field for a password, which can be shown.
export function passwordField(label, name, autocomplete) {
  const input = h('input', { type: 'password', name, autocomplete, required: true, maxlength: 256 })
  const row = field(label, input)
  const eye = h('button', {
    type: 'button', class: 'ghost small field-side', 'aria-pressed': 'false',
    onclick: () => {
      const shows = input.type === 'password'
      input.type = shows ? 'text' : 'password'
      eye.textContent = shows ? t('Hide') : t('Show')
      eye.setAttribute('aria-pressed', String(shows))
    },
  }, t('Show'))
  eye.setAttribute('aria-label', t('Show the password'))
  row.querySelector('label').after(eye)
  row.classList.add('with-side')
  return row
}

// A form whose errors stand where they belong: submit() throws ApiError, or what wrong() makes. rows:
// elements, those of field() with a control.
export function form({ rows, action, submit, kind = 'primary', className = 'stack' }) {
  const problem = h('p', { class: 'form-error', role: 'alert', hidden: true })
  const button = h('button', { type: 'submit', class: kind }, action)
  const fail = (e) => {
    const row = rows.find((r) => r.control?.name === e.field)
    if (row) {
      row.fail(errorText(e))
      row.control.focus()
    } else {
      problem.textContent = errorText(e)
      problem.hidden = false
    }
  }
  return h('form', {
    class: className, novalidate: true,
    onsubmit: async (e) => {
      e.preventDefault()
      problem.hidden = true
      rows.forEach((row) => row.fail?.(null))
      const empty = rows.find((row) => row.control?.required && !row.control.value)
      if (empty) {
        empty.fail(t('Please fill this in.'))
        return empty.control.focus()
      }
      button.disabled = true
      button.classList.add('busy')
      try {
        await submit()
      } catch (error) {
        fail(error)
      } finally {
        button.disabled = false
        button.classList.remove('busy')
      }
    },
  }, rows, problem, h('div', {}, button))
}

// What a form says of a field that it does not even send.
export function wrong(fieldName, text) {
  return Object.assign(new Error(text), { field: fieldName, status: 422 })
}
