// Light, dark, or as the system has it; and the language. Both are kept in this browser, and with the
// account while somebody is logged in.
import { emit, on, tell } from './bus.js'
import { languageKeep, languageNow, LANGUAGES, t } from './i18n.js'
import { preferenceSet, profileGet, profileSet } from './profile.js'
import { session } from './session.js'
import { attempt } from './toast.js'

const THEMES = ['system', 'light', 'dark']

let choices = 0 // made on this page

export const themeNow = () => document.documentElement.dataset.theme ?? 'system'

function apply(theme) {
  if (theme === 'system') delete document.documentElement.dataset.theme
  else document.documentElement.dataset.theme = theme
}

function themeKeep(theme) {
  if (theme === 'system') localStorage.removeItem('theme')
  else localStorage.setItem('theme', theme)
  tell('theme', theme)
}

export function themeSet(theme) {
  choices++
  themeKeep(theme)
  if (session.open) attempt(() => preferenceSet('theme', theme))
}

on('theme', apply)

export const themes = () => [['system', t('System'), 'monitor'], ['light', t('Light'), 'sun'], ['dark', t('Dark'), 'moon']]

export function themeMenu() {
  return themes().map(([name, label, sign]) => ({ label, icon: sign, checked: themeNow() === name, act: () => themeSet(name) }))
}

// name null: the browser's. Pages are shown anew in it.
async function languageTake(name) {
  const before = languageNow()
  await languageKeep(name)
  if (languageNow() !== before) emit('language')
}

export async function languageSet(name) {
  choices++
  await languageTake(name)
  if (session.open) await profileSet({ language: name })
}

// Takes over what the account has; not what it had before a choice that was made while it was asked.
export async function appearanceFollow() {
  const before = choices
  const { language, preferences } = await profileGet()
  if (choices !== before) return
  if (THEMES.includes(preferences.theme) && preferences.theme !== themeNow()) themeKeep(preferences.theme)
  const known = language?.slice(0, 2) ?? ''
  await languageTake(Object.hasOwn(LANGUAGES, known) ? known : null)
}
