// Blocks of code: language, copy button, colours. The highlighter comes with the first block, each
// language when it is met.
import '../../vendor/dompurify/purify.min.js'
import { h } from '../dom.js'
import { icon } from '../icons.js'
import { t } from '../i18n.js'

const LANGUAGES = new Set(('bash c cmake cpp csharp css dart diff dockerfile elixir go graphql haskell http ini java javascript json kotlin latex lua makefile '
  + 'markdown nginx objectivec perl php powershell protobuf python r ruby rust scala scss shell sql swift typescript xml yaml').split(' '))
const ALIASES = {
  'c++': 'cpp', 'c#': 'csharp', cs: 'csharp', cc: 'cpp', h: 'c', hpp: 'cpp', console: 'shell', docker: 'dockerfile', ex: 'elixir', golang: 'go', hs: 'haskell',
  html: 'xml', svg: 'xml', js: 'javascript', jsx: 'javascript', mjs: 'javascript', kt: 'kotlin', make: 'makefile', md: 'markdown', objc: 'objectivec', patch: 'diff',
  pl: 'perl', ps1: 'powershell', proto: 'protobuf', py: 'python', python3: 'python', rb: 'ruby', rs: 'rust', sh: 'bash', tex: 'latex', toml: 'ini', ts: 'typescript',
  tsx: 'typescript', yml: 'yaml', zsh: 'bash', jsonc: 'json', postgresql: 'sql', postgres: 'sql', psql: 'sql', vue: 'xml', cfg: 'ini', conf: 'ini',
}
const MOST = 50000 // characters that are coloured

let core = null
const loaded = new Map()

async function highlighter(language) {
  core ??= import('../../vendor/highlight/core.min.js').then((module) => module.default)
  const hljs = await core
  if (!loaded.has(language))
    loaded.set(language, import(`../../vendor/highlight/languages/${language}.min.js`).then((module) => hljs.registerLanguage(language, module.default)))
  await loaded.get(language)
  return hljs
}

async function colour(node, text, language) {
  if (text.length > MOST) return
  try {
    const hljs = await highlighter(language)
    const { value } = hljs.highlight(text, { language, ignoreIllegals: true })
    node.replaceChildren(globalThis.DOMPurify.sanitize(value, { ALLOWED_TAGS: ['span'], ALLOWED_ATTR: ['class'], RETURN_DOM_FRAGMENT: true }))
  } catch { /* it stays without colours */ }
}

export async function copyText(text, button, back) {
  await navigator.clipboard.writeText(text)
  button.replaceChildren(icon('check'), ...back.label ? [t('Copied')] : [])
  setTimeout(() => button.replaceChildren(icon('copy'), ...back.label ? [back.label] : []), 1600)
}

// The element; its finish() colours it, once it does not grow any more.
export function codeBlock(text, name) {
  const language = ALIASES[name.toLowerCase()] ?? name.toLowerCase()
  const code = h('code', {}, text)
  const copy = h('button', { type: 'button', class: 'ghost small', onclick: () => copyText(text, copy, { label: t('Copy') }) }, icon('copy'), t('Copy'))
  const node = h('div', { class: 'code-block' },
    h('div', { class: 'code-head' }, h('span', { class: 'code-lang' }, name || t('text')), copy),
    h('pre', { tabindex: '0', role: 'region', 'aria-label': t('Code') }, code))
  node.finish = () => { if (LANGUAGES.has(language)) colour(code, text, language) }
  return node
}
