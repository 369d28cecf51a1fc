// Texts in the reader's language. The source says them in English; lang/CODE.json has, for each of
// these, the same in another language. Numbers, dates and sizes are the browser's affair.
export const LANGUAGES = { en: 'English', de: 'Deutsch' }

let texts = {}
let language = 'en'

const stored = () => {
  try { return localStorage.getItem('language') } catch { return null }
}

// The language chosen here, else the first of the browser's that there is.
export function languageWanted() {
  const wanted = [stored(), ...navigator.languages].map((name) => name?.slice(0, 2))
  return wanted.find((name) => name in LANGUAGES) ?? 'en'
}

export async function languageLoad() {
  const wanted = languageWanted()
  let found = {}
  if (wanted !== 'en') {
    const reply = await fetch(new URL(`../lang/${wanted}.json`, import.meta.url))
    if (reply.ok) found = await reply.json()
  }
  texts = found
  language = Object.keys(found).length ? wanted : 'en'
  document.documentElement.lang = language
}

// Changes to another one, from now on in this browser too. name null: the browser's own.
export async function languageKeep(name) {
  try {
    if (name) localStorage.setItem('language', name)
    else localStorage.removeItem('language')
  } catch { /* no storage: for this page */ }
  await languageLoad()
}

export const languageStored = () => stored()

export const languageNow = () => language

// The text with its values: t(TEXT, { name: 'x' }) for a text with {name} in it.
export function t(text, values) {
  const said = texts[text] ?? text
  return values ? said.replace(/\{(\w+)\}/g, (whole, name) => name in values ? String(values[name]) : whole) : said
}

// One of two texts by a number, which both call {n}.
export const plural = (n, one, many) => t(n === 1 ? one : many, { n: number(n) })

export const number = (n) => new Intl.NumberFormat(language).format(n)

export function short(n) {
  return new Intl.NumberFormat(language, { notation: 'compact', maximumFractionDigits: 1 }).format(n)
}

export function size(bytes) {
  const units = ['B', 'KiB', 'MiB', 'GiB']
  let at = 0
  for (; bytes >= 1024 && at < 3; at++) bytes /= 1024
  return `${new Intl.NumberFormat(language, { maximumFractionDigits: at && bytes < 10 ? 1 : 0 }).format(bytes)} ${units[at]}`
}

export function date(text, style = { dateStyle: 'medium' }) {
  return new Intl.DateTimeFormat(language, style).format(new Date(text))
}

export const time = (text) => date(text, { dateStyle: 'medium', timeStyle: 'short' })

// "3 minutes ago"
export function ago(text) {
  const seconds = (new Date(text) - Date.now()) / 1000
  const steps = [['day', 86400], ['hour', 3600], ['minute', 60]]
  const [unit, length] = steps.find(([, length]) => Math.abs(seconds) >= length) ?? ['second', 1]
  if (unit === 'second') return t('just now')
  return new Intl.RelativeTimeFormat(language, { numeric: 'auto' }).format(Math.round(seconds / length), unit)
}
