// News within this page, and to the other tabs of this browser.
const listeners = new Map()
const channel = 'BroadcastChannel' in globalThis ? new BroadcastChannel('chatbot') : null

// Calls fn(detail) at each; returns what ends it.
export function on(name, fn) {
  const set = listeners.get(name) ?? new Set()
  listeners.set(name, set.add(fn))
  return () => set.delete(fn)
}

export function emit(name, detail) {
  if (name === 'tabs') channel?.postMessage(detail)
  else for (const fn of [...listeners.get(name) ?? []]) fn(detail)
}

// Tells this page and the other tabs.
export function tell(name, detail) {
  emit(name, detail)
  channel?.postMessage({ what: name, detail })
}

channel?.addEventListener('message', ({ data }) => emit(data.what === 'logout' ? 'logout-elsewhere' : data.what, data.detail))
