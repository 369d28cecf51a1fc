// A menu at its button: arrow keys, Home, End, Escape, letters as everywhere.
import { h, uid } from './dom.js'
import { icon } from './icons.js'

let shown = null

export function closeMenu(back = true) {
  if (!shown) return
  const { node, button } = shown
  shown = null
  node.remove()
  button.setAttribute('aria-expanded', 'false')
  removeEventListener('pointerdown', outside, true)
  removeEventListener('resize', closeMenu)
  removeEventListener('scroll', scrolled, true)
  if (back) button.focus()
}

const outside = (e) => { if (!shown.node.contains(e.target) && !shown.button.contains(e.target)) closeMenu(false) }
const scrolled = (e) => { if (shown && e.target.contains?.(shown.button)) closeMenu(false) }

function place(node, button) {
  const at = button.getBoundingClientRect()
  const { width, height } = node.getBoundingClientRect()
  const below = at.bottom + height + 8 < innerHeight || at.top < height + 8
  node.style.top = `${below ? at.bottom + 4 : at.top - height - 4}px`
  node.style.left = `${Math.max(8, Math.min(at.right - width, innerWidth - width - 8))}px`
}

function keys(e, node) {
  const items = [...node.querySelectorAll('[role^=menuitem]:not([disabled])')]
  const at = items.indexOf(document.activeElement)
  const go = (i) => { items[(i + items.length) % items.length]?.focus(); e.preventDefault() }
  if (e.key === 'ArrowDown') go(at + 1)
  else if (e.key === 'ArrowUp') go(at - 1)
  else if (e.key === 'Home') go(0)
  else if (e.key === 'End') go(items.length - 1)
  else if (e.key === 'Tab') closeMenu(true)
  else if (e.key === 'Escape') { closeMenu(); e.stopPropagation() }
  else if (e.key.length === 1) {
    const found = items.findIndex((item, i) => i > at && item.textContent.trim().toLowerCase().startsWith(e.key.toLowerCase()))
    if (found >= 0) go(found)
  }
}

// items: [{label, icon, act, danger, checked}] or '-' for a line
export function openMenu(button, items) {
  if (shown?.button === button) return closeMenu()
  closeMenu(false)
  const node = h('div', { class: 'menu', role: 'menu', id: uid('menu'), onkeydown: (e) => keys(e, node) },
    items.filter(Boolean).map((item) => item === '-' ? h('hr') : h('button', {
      type: 'button', class: item.danger ? 'menu-item danger-text' : 'menu-item', tabindex: '-1',
      role: item.checked === undefined ? 'menuitem' : 'menuitemradio', 'aria-checked': item.checked === undefined ? null : String(item.checked),
      onclick: () => { closeMenu(); item.act() },
    }, icon(item.icon), h('span', {}, item.label), item.checked ? icon('check') : null)))
  const host = button.closest('dialog') ?? document.body
  host.append(node)
  shown = { node, button }
  button.setAttribute('aria-expanded', 'true')
  place(node, button)
  addEventListener('pointerdown', outside, true)
  addEventListener('resize', closeMenu)
  addEventListener('scroll', scrolled, true)
  node.querySelector('button')?.focus()
}

// The button for it; items() is asked when it opens.
export function menuButton(label, items, { name = 'more', kind = 'ghost square small' } = {}) {
  const button = h('button', {
    type: 'button', class: kind, 'aria-label': label, title: label, 'aria-haspopup': 'menu', 'aria-expanded': 'false',
    onclick: (e) => { e.preventDefault(); e.stopPropagation(); openMenu(button, items()) },
  }, icon(name))
  return button
}
