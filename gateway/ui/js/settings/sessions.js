// Where one is logged in.
import { fill, h } from '../dom.js'
import { icon } from '../icons.js'
import { ago, t, time } from '../i18n.js'
import { all, del } from '../api.js'
import { confirm } from '../dialog.js'
import { attempt, tellUser } from '../toast.js'
import { card } from './account.js'

// "Chrome on Linux", as far as a browser's own words can be believed.
export function deviceName(agent) {
  const find = (list) => list.find(([pattern]) => pattern.test(agent))?.[1]
  const browser = find([[/Edg\//, 'Edge'], [/OPR\//, 'Opera'], [/Firefox\//, 'Firefox'], [/Chrome\//, 'Chrome'], [/Safari\//, 'Safari'], [/^curl/, 'curl']])
  const system = find([[/Android/, 'Android'], [/iPhone|iPad/, 'iOS'], [/Windows/, 'Windows'], [/Mac OS/, 'macOS'], [/Linux/, 'Linux']])
  if (!browser) return agent.slice(0, 60) || t('An unknown device')
  return system ? t('{browser} on {system}', { browser, system }) : browser
}

export async function sessions() {
  const place = h('div', { class: 'stack' })
  const load = async () => {
    const rows = (await all('/users/me/sessions')).sort((a, b) => b.current - a.current || b.last_used_at.localeCompare(a.last_used_at))
    const others = rows.filter((one) => !one.current)
    const end = (one) => attempt(async () => { await del(`/users/me/sessions/${one.id}`); await load() })
    const endAll = async () => {
      if (!await confirm({ title: t('End all other sessions?'), text: t('Whoever is logged in there has to log in again.'), action: t('End them') })) return
      await attempt(async () => { await del('/users/me/sessions'); tellUser(t('All other sessions have ended.')); await load() })
    }
    fill(place, h('ul', { class: 'rows' }, rows.map((one) => h('li', {}, icon('monitor'),
      h('div', { class: 'row-main' }, h('span', { class: 'row-name', title: one.device }, deviceName(one.device)),
        h('span', { class: 'row-more', title: time(one.last_used_at) }, t('{address} · used {when} · since {since}', { address: one.address, when: ago(one.last_used_at), since: time(one.created_at) }))),
      h('div', { class: 'row-side' }, one.current ? h('span', { class: 'chip good' }, t('this one')) : h('button', { type: 'button', class: 'small', onclick: () => end(one) }, t('End')))))),
    others.length > 0 && h('div', {}, h('button', { type: 'button', onclick: endAll }, t('End all others'))))
  }
  await load()
  return card(t('Sessions'), t('Devices where you are logged in.'), place)
}
