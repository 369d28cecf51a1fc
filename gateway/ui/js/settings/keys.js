// Keys for programs.
import { fill, h } from '../dom.js'
import { icon } from '../icons.js'
import { ago, date, t } from '../i18n.js'
import { all, del, post } from '../api.js'
import { confirm, dialog, formOf, showSecret } from '../dialog.js'
import { attempt } from '../toast.js'
import { card } from './account.js'

const SCOPES = [
  ['read', () => t('read'), () => t('projects, conversations, files')],
  ['chat', () => t('chat'), () => t('send messages')],
  ['files', () => t('files'), () => t('upload and delete files')],
  ['admin', () => t('admin'), () => t('everything else that is yours, but never the account')],
]

function scopeBoxes() {
  return h('fieldset', { class: 'choices' }, h('legend', {}, t('What it may do')), SCOPES.map(([name, label, text]) =>
    h('label', { class: 'choice wide' }, h('input', { type: 'checkbox', name: 'scope', value: name, checked: name === 'read' || name === 'chat' }), h('span', {}, label()), h('span', { class: 'quiet' }, text()))))
}

async function create(projects) {
  const scopes = scopeBoxes()
  const made = await dialog({
    title: t('New API key'),
    content: (close) => {
      const form = formOf({
        action: t('Create key'), close,
        fields: [
          { name: 'name', label: t('Name'), max: 120, placeholder: t('Backup robot'), check: (text) => text.trim() !== '' },
          { name: 'project_id', label: t('Project'), options: [['', t('all of yours')], ...projects.map((one) => [String(one.id), one.name])] },
          { name: 'days', label: t('Days until it ends'), type: 'number', min: 1, most: 3650, placeholder: t('never') },
          { name: 'rate', label: t('Requests a minute'), type: 'number', min: 1, most: 6000, placeholder: '600' },
        ],
        save: ({ name, project_id: project, days, rate }) => {
          const chosen = [...scopes.querySelectorAll('input:checked')].map((input) => input.value)
          if (!chosen.length) throw new Error(t('Choose at least one permission.'))
          const body = { name: name.trim(), scopes: chosen.join(' ') }
          if (project) body.project_id = Number(project)
          if (days) body.days = Number(days)
          if (rate) body.rate = Number(rate)
          return post('/users/me/keys', body)
        },
      })
      form.querySelector('.field').after(scopes)
      return form
    },
  })
  if (made) await showSecret({ title: t('Your new key'), text: t('It is shown only now. Whoever has it can use it.'), secret: made.key })
  return made
}

export async function keys() {
  const place = h('div', {})
  const projects = await all('/projects')
  const projectName = (id) => projects.find((one) => one.id === id)?.name ?? t('a deleted project')
  const load = async () => {
    const rows = (await all('/users/me/keys')).reverse()
    const revoke = async (one) => {
      if (!await confirm({ title: t('Revoke the key?'), text: t('Programs that use “{name}” will be refused from now on.', { name: one.name }), action: t('Revoke') })) return
      await attempt(async () => { await del(`/users/me/keys/${one.id}`); await load() })
    }
    fill(place, rows.length ? h('ul', { class: 'rows' }, rows.map((one) => h('li', {}, icon('key'),
      h('div', { class: 'row-main' }, h('span', { class: 'row-name' }, one.name),
        h('span', { class: 'row-more wrap' }, [
          `${one.hint}…`, one.scopes, one.project_id === null ? t('all projects') : projectName(one.project_id),
          one.expires_at ? t('until {when}', { when: date(one.expires_at) }) : t('without an end'),
          one.last_used_at ? t('used {when}', { when: ago(one.last_used_at) }) : t('never used')].join(' · '))),
      h('div', { class: 'row-side' }, h('button', { type: 'button', class: 'small', 'aria-label': t('Revoke {name}', { name: one.name }), onclick: () => revoke(one) }, t('Revoke')))))) : h('p', { class: 'quiet' }, t('You have no API keys.')))
  }
  await load()
  const add = h('button', { type: 'button', class: 'primary', onclick: async () => { if (await create(projects)) await attempt(load) } }, icon('plus'), t('New key'))
  return card(t('API keys'), t('For programs, in place of a login: Authorization: Bearer cbk_…'), place, h('div', {}, add))
}
