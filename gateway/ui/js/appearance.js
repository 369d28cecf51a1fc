// Light, dark, or as the system has it.
import { on, tell } from './bus.js'
import { t } from './i18n.js'

export const themeNow = () => document.documentElement.dataset.theme ?? 'system'

function apply(theme) {
  if (theme === 'system') delete document.documentElement.dataset.theme
  else document.documentElement.dataset.theme = theme
}

export function themeSet(theme) {
  if (theme === 'system') localStorage.removeItem('theme')
  else localStorage.setItem('theme', theme)
  tell('theme', theme)
}

on('theme', apply)

export const themes = () => [['system', t('System'), 'monitor'], ['light', t('Light'), 'sun'], ['dark', t('Dark'), 'moon']]

export function themeMenu() {
  return themes().map(([name, label, sign]) => ({ label, icon: sign, checked: themeNow() === name, act: () => themeSet(name) }))
}
