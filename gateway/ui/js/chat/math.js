// Formulas by KaTeX, which is loaded with the first one. It builds elements, not HTML text.
let loading = null

function load() {
  loading ??= (async () => {
    const sheet = document.createElement('link')
    sheet.rel = 'stylesheet'
    sheet.href = new URL('../../vendor/katex/katex.min.css', import.meta.url)
    const styled = new Promise((resolve) => { sheet.onload = sheet.onerror = resolve })
    document.head.append(sheet)
    await Promise.all([styled, import('../../vendor/katex/katex.min.js')])
    return globalThis.katex
  })()
  return loading
}

const OPTIONS = { throwOnError: true, trust: false, strict: 'ignore', maxSize: 20, maxExpand: 500 }

// The policy of these pages knows no style attributes; what KaTeX needs it sets as properties, but for
// some ornaments of its MathML.
function plain(node) {
  if (node.attributes) delete node.attributes.style
  node.children?.forEach(plain)
  return node
}

export async function mathShow(span) {
  const tex = span.textContent
  try {
    const katex = await load()
    const tree = katex.__renderToDomTree(tex, { ...OPTIONS, displayMode: span.classList.contains('math-display') })
    span.replaceChildren(plain(tree).toNode())
    span.classList.add('math-done')
  } catch {
    span.textContent = tex // as it was written
  }
}
