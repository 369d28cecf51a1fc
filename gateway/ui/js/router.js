// Which page the address names. Pages of this site that we show are reached without loading anew.
const PAGES = { '/': 'login', '/dashboard': 'dashboard', '/chat': 'chat', '/settings': 'settings' }

let show = () => {}

// {page, query, hash} of the address; page undefined: none of ours
export function where(url = location) {
  return { page: PAGES[url.pathname], query: new URLSearchParams(url.search), path: url.pathname + url.search, hash: url.hash }
}

export function routerStart(fn) {
  show = fn
  addEventListener('popstate', () => show(where()))
  document.addEventListener('click', (e) => {
    const link = e.target.closest?.('a[href]')
    if (!link || e.defaultPrevented || e.button || e.metaKey || e.ctrlKey || e.shiftKey || e.altKey) return
    const url = new URL(link.href)
    if (link.target || link.hasAttribute('download') || url.origin !== location.origin || !where(url).page) return
    e.preventDefault()
    go(url.pathname + url.search + url.hash)
  })
  return show(where())
}

export function go(path, { replace = false } = {}) {
  if (path !== location.pathname + location.search + location.hash) history[replace ? 'replaceState' : 'pushState'](null, '', path)
  return show(where())
}

// Changes the address of what is shown, and nothing else.
export function rename(path, { replace = true } = {}) {
  if (path !== location.pathname + location.search) history[replace ? 'replaceState' : 'pushState'](null, '', path)
}
