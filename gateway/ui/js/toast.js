// Short messages at the window's edge; with an action (undo) they stay as long as that is offered.
import { h } from './dom.js'
import { icon } from './icons.js'
import { t } from './i18n.js'
import { errorText } from './problems.js'

const STAYS = 5000 // ms

function place() {
  let node = document.getElementById('toasts')
  if (!node) {
    node = h('div', { id: 'toasts', role: 'status', 'aria-live': 'polite' })
    document.body.append(node)
  }
  return node
}

function show(kind, text, { action, onaction, ms = STAYS } = {}) {
  const close = () => node.remove()
  const node = h('div', { class: `toast ${kind}` },
    h('span', { class: 'toast-text' }, text),
    action && h('button', { class: 'toast-action', type: 'button', onclick: () => { close(); onaction() } }, action),
    h('button', { class: 'toast-close', type: 'button', 'aria-label': t('Dismiss'), onclick: close }, icon('close')))
  const list = place()
  list.append(node)
  while (list.childNodes.length > 4) list.firstChild.remove()
  let timer = setTimeout(close, ms)
  node.addEventListener('pointerenter', () => clearTimeout(timer))
  node.addEventListener('pointerleave', () => { timer = setTimeout(close, 2000) })
  return close
}

export const tellUser = (text, options) => show('note', text, options)
export const warnUser = (text, options) => show('bad', text, { ms: 8000, ...options })

// Something that the user started has failed.
export function failed(e) {
  if (e?.name !== 'AbortError') warnUser(errorText(e))
}

// Runs fn; what goes wrong is told. Resolves to whether it went well.
export async function attempt(fn) {
  try {
    await fn()
    return true
  } catch (e) {
    failed(e)
    return false
  }
}

// Does something later, unless it is undone; at once when the page is left.
export function withUndo(text, { act, undo, ms = 6000 }) {
  let settled = false
  const run = (leaving) => {
    if (settled) return
    settled = true
    clearTimeout(timer)
    removeEventListener('pagehide', leave)
    act(leaving)
  }
  const leave = () => run(true)
  const timer = setTimeout(run, ms)
  addEventListener('pagehide', leave)
  tellUser(text, {
    ms, action: t('Undo'),
    onaction: () => {
      if (settled) return
      settled = true
      clearTimeout(timer)
      removeEventListener('pagehide', leave)
      undo()
    },
  })
}
