// Keys that work everywhere, and the list of all keys.
import { h } from './dom.js'
import { t } from './i18n.js'
import { dialog } from './dialog.js'
import { emit } from './bus.js'
import { palette } from './palette.js'

const mac = /Mac|iPhone|iPad/.test(navigator.platform)
const CTRL = mac ? '⌘' : 'Ctrl'

const LIST = () => [
  [`${CTRL} K`, t('Find a conversation, project or command')],
  [`${CTRL} Shift O`, t('New conversation')],
  ['/', t('Go to the message box')],
  ['Enter', t('Send the message')],
  ['Shift Enter', t('A new line in the message')],
  ['Escape', t('Stop the answer, close what is open')],
  ['Alt ↑', t('Edit your last message')],
  ['?', t('This overview')],
]

export function shortcutsShow() {
  return dialog({
    title: t('Keyboard'),
    content: h('dl', { class: 'keys' }, LIST().map(([keys, text]) => [
      h('dt', {}, keys.split(' ').map((key) => h('kbd', {}, key))), h('dd', {}, text)])),
  })
}

const isTyping = (node) => node.matches?.('input:not([type=checkbox]), textarea, select, [contenteditable]')

function pressed(e) {
  if (e.defaultPrevented || e.isComposing) return
  const ctrl = mac ? e.metaKey : e.ctrlKey
  const open = document.querySelector('dialog[open]')
  const does = (fn) => { e.preventDefault(); fn() }
  if (ctrl && !e.shiftKey && e.key.toLowerCase() === 'k') return open ? undefined : does(palette)
  if (open) return
  if (ctrl && e.shiftKey && e.key.toLowerCase() === 'o') does(() => emit('chat-new'))
  else if (e.key === '?' && !isTyping(e.target)) does(shortcutsShow)
  else if (e.key === '/' && !ctrl && !isTyping(e.target)) does(() => emit('chat-focus'))
}

let started = false

export function shortcutsStart() {
  if (started) return
  started = true
  document.addEventListener('keydown', pressed)
}
