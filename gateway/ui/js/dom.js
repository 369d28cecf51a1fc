// Elements from descriptions. Text is always text: nothing here takes HTML.
const SVG = 'http://www.w3.org/2000/svg'
const PROPERTIES = new Set(['value', 'checked', 'disabled', 'hidden', 'selected', 'indeterminate', 'open', 'readOnly', 'required', 'multiple'])

function assign(node, props) {
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === undefined || value === null || value === false && !PROPERTIES.has(name)) continue
    if (name.startsWith('on')) node.addEventListener(name.slice(2), value)
    else if (name === 'data') Object.assign(node.dataset, value)
    else if (PROPERTIES.has(name)) node[name] = value
    else node.setAttribute(name, value === true ? '' : value)
  }
}

// h('button', { class: 'primary', onclick: send }, 'Send'); children that are null or false are left out
export function h(tag, props, ...children) {
  const node = document.createElement(tag)
  add(node, children)
  assign(node, props)
  return node
}

export function svg(tag, props, ...children) {
  const node = document.createElementNS(SVG, tag)
  add(node, children)
  assign(node, props)
  return node
}

function add(node, children) {
  for (const child of children.flat(Infinity))
    if (child !== null && child !== undefined && child !== false) node.append(child)
}

// The children of a node, anew.
export function fill(node, ...children) {
  node.replaceChildren()
  add(node, children)
  return node
}

let count = 0

// An id that nothing else on the page has.
export const uid = (stem = 'id') => `${stem}-${++count}`

// A label above its control, with room for a hint and for what is wrong with it.
export function field(label, control, hint) {
  control.id ||= uid('field')
  const error = h('p', { class: 'field-error', id: `${control.id}-error`, hidden: true })
  const about = hint ? h('p', { class: 'field-hint', id: `${control.id}-hint` }, hint) : null
  control.setAttribute('aria-describedby', [about?.id, error.id].filter(Boolean).join(' '))
  const node = h('div', { class: 'field' }, h('label', { for: control.id }, label), control, about, error)
  node.control = control
  node.fail = (text) => {
    error.textContent = text ?? ''
    error.hidden = !text
    if (text) control.setAttribute('aria-invalid', 'true')
    else control.removeAttribute('aria-invalid')
  }
  return node
}

// Calls fn once the calls have paused for so long.
export function debounce(fn, ms) {
  let timer
  const later = (...args) => {
    clearTimeout(timer)
    timer = setTimeout(() => fn(...args), ms)
  }
  later.cancel = () => clearTimeout(timer)
  return later
}

export const sleep = (ms, signal) => new Promise((resolve) => {
  const timer = setTimeout(resolve, ms)
  signal?.addEventListener('abort', () => { clearTimeout(timer); resolve() }, { once: true })
})

// Says something to those who listen to the page instead of seeing it.
export function announce(text) {
  let node = document.getElementById('announcer')
  if (!node) {
    node = h('div', { id: 'announcer', class: 'sr-only', role: 'status', 'aria-live': 'polite' })
    document.body.append(node)
  }
  node.append(h('p', {}, text))
  while (node.childNodes.length > 4) node.firstChild.remove()
}
