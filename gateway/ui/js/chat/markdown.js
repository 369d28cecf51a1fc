// Markdown to elements. What the parser makes passes DOMPurify, which is the one way from text to HTML
// in these pages; raw HTML in an answer is shown as the text that it is.
import { Marked } from '../../vendor/marked/marked.esm.js'
import '../../vendor/dompurify/purify.min.js'
import { h } from '../dom.js'
import { t } from '../i18n.js'
import { codeBlock } from './code.js'
import { mathShow } from './math.js'

const { DOMPurify } = globalThis

const RULES = {
  ALLOWED_TAGS: ['p', 'br', 'hr', 'h3', 'h4', 'h5', 'h6', 'strong', 'em', 'del', 'sub', 'sup', 'kbd', 'mark', 'ul', 'ol', 'li', 'blockquote',
    'pre', 'code', 'table', 'thead', 'tbody', 'tr', 'th', 'td', 'a', 'span', 'details', 'summary'],
  ALLOWED_ATTR: ['href', 'title', 'class', 'align', 'start'],
  ALLOWED_URI_REGEXP: /^(?:https?:|mailto:)/i,
  ADD_URI_SAFE_ATTR: ['align', 'start'],
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: false,
  RETURN_DOM_FRAGMENT: true,
}
const PLAIN_TAG = /^<\/?(?:br|sub|sup|kbd|mark|details|summary|hr)\s*\/?>$/i

// Links leave in a window of their own and say nothing of where they come from.
DOMPurify.addHook('afterSanitizeAttributes', (node) => {
  if (node.tagName !== 'A') return
  if (!node.getAttribute('href')) return node.removeAttribute('href')
  node.setAttribute('target', '_blank')
  node.setAttribute('rel', 'noopener noreferrer nofollow')
})

const escape = (text) => text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`)

const math = (token) => `<span class="${token.display ? 'math math-display' : 'math'}">${escape(token.text)}</span>`

const blockMath = {
  name: 'blockMath', level: 'block',
  start: (text) => text.match(/(?:^|\n)(?:\$\$|\\\[)/)?.index,
  tokenizer(text) {
    const found = /^\$\$([\s\S]+?)\$\$[ \t]*(?:\n|$)/.exec(text) ?? /^\\\[([\s\S]+?)\\\][ \t]*(?:\n|$)/.exec(text)
    return found ? { type: 'blockMath', raw: found[0], text: found[1].trim(), display: true } : undefined
  },
  renderer: (token) => `<p>${math(token)}</p>`,
}

const INLINE = [/^\$\$([^$]+?)\$\$/, /^\\\[([\s\S]+?)\\\]/, /^\\\(([\s\S]+?)\\\)/, /^\$(?![\s$])((?:\\.|[^\\$\n])*?[^\s\\$])\$(?![\d\w$])/]

const inlineMath = {
  name: 'inlineMath', level: 'inline',
  start: (text) => text.match(/\$|\\\(|\\\[/)?.index,
  tokenizer(text) {
    const at = INLINE.findIndex((pattern) => pattern.test(text))
    if (at < 0) return undefined
    const found = INLINE[at].exec(text)
    return { type: 'inlineMath', raw: found[0], text: found[1].trim(), display: at < 2 }
  },
  renderer: math,
}

const marked = new Marked({
  gfm: true, breaks: true,
  extensions: [blockMath, inlineMath],
  renderer: {
    html: ({ text }) => PLAIN_TAG.test(text.trim()) ? text : escape(text),
    // other sites learn nothing from our readers: an image is a link to it
    image: ({ href, text }) => `<a href="${escape(href)}">${escape(`${t('Image')}: ${text || href}`)}</a>`,
    heading({ tokens, depth }) {
      const tag = `h${Math.min(6, depth + 2)}`
      return `<${tag}>${this.parser.parseInline(tokens)}</${tag}>\n`
    },
    checkbox: ({ checked }) => checked ? '☑ ' : '☐ ',
  },
})

// The elements of one block of Markdown.
function blockNodes(token, links) {
  if (token.type === 'code') return [codeBlock(token.text, (token.lang ?? '').split(/\s/)[0])]
  const list = [token]
  list.links = links
  const made = DOMPurify.sanitize(marked.parser(list), RULES)
  for (const table of made.querySelectorAll('table')) {
    const scroll = h('div', { class: 'table-scroll', tabindex: '0', role: 'region', 'aria-label': t('Table') })
    table.replaceWith(scroll)
    scroll.append(table)
  }
  for (const pre of made.querySelectorAll('pre')) {
    const code = pre.querySelector('code')
    const lang = /(?:^|\s)language-(\S+)/.exec(code?.className ?? '')?.[1] ?? ''
    pre.replaceWith(codeBlock((code ?? pre).textContent.replace(/\n$/, ''), lang))
  }
  return [...made.childNodes]
}

// A text that may still grow, in node. Only blocks that have changed are made anew.
export class Markdown {
  constructor(node) {
    this.node = node
    this.blocks = [] // {raw, nodes, done}
  }

  // told(text) is called with each block that has become whole, in plain text.
  update(text, whole, told) {
    const tokens = marked.lexer(text).filter((token) => token.type !== 'space' && token.type !== 'def')
    const same = this.#same(tokens)
    for (const block of this.blocks.splice(same)) for (const node of block.nodes) node.remove()
    for (const token of tokens.slice(same)) {
      const nodes = blockNodes(token, tokens.links ?? {})
      this.node.append(...nodes)
      this.blocks.push({ raw: token.raw, nodes, done: false })
    }
    this.blocks.forEach((block, i) => {
      if (block.done || i === this.blocks.length - 1 && !whole) return
      block.done = true
      finish(block.nodes)
      told?.(block.nodes.map((node) => node.textContent).join(' '))
    })
  }

  #same(tokens) {
    let n = 0
    while (n < tokens.length && n < this.blocks.length && tokens[n].raw === this.blocks[n].raw) n++
    return n
  }
}

// What is costly waits until a block does not change any more.
function finish(nodes) {
  for (const node of nodes) {
    if (node.nodeType !== Node.ELEMENT_NODE) continue
    node.finish?.()
    for (const inner of node.querySelectorAll('.code-block')) inner.finish?.()
    for (const span of node.querySelectorAll('span.math')) mathShow(span)
  }
}

// All of a text at once.
export function markdown(text) {
  const node = h('div', { class: 'prose' })
  new Markdown(node).update(text, true)
  return node
}
