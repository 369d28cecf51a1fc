// For admins: how the services are, and what waits. Looked at every few seconds.
import { fill, h } from '../dom.js'
import { number, plural, t } from '../i18n.js'
import { stream } from '../api.js'
import { card } from './account.js'

const LOOK = 5000 // ms

async function healthGet() {
  const reply = await fetch('/health', { cache: 'no-store' }) // 503 says as much as 200
  return reply.json()
}

// Prometheus' text: [{name, labels: {}, value}] of what is ours.
export function metricsParse(text) {
  const row = /^chatbot_(\w+)(?:\{([^}]*)\})? (\S+)$/
  return text.split('\n').map((line) => row.exec(line)).filter(Boolean).map(([, name, labels, value]) => ({
    name, value: Number(value),
    labels: Object.fromEntries([...(labels ?? '').matchAll(/(\w+)="([^"]*)"/g)].map(([, key, of]) => [key, of])),
  }))
}

async function metricsGet() {
  return metricsParse(await (await stream('GET', '/metrics', { accept: 'text/plain' })).text())
}

// Runs load(place) now, and again as long as somebody sees the place.
async function kept(load) {
  const place = h('div', { class: 'stack' })
  await load(place)
  const timer = setInterval(() => {
    if (!place.isConnected) clearInterval(timer)
    else if (!document.hidden) load(place).catch(() => {})
  }, LOOK)
  return place
}

// ---- services ----

const NAMES = { auth: () => t('Accounts'), project: () => t('Projects and prompts'), chat: () => t('Conversations'), file: () => t('Files') }

const row = (name, ...side) => h('li', {}, h('div', { class: 'row-main' }, h('span', { class: 'row-name' }, name)), h('div', { class: 'row-side' }, side))
const chip = (good, text) => h('span', { class: good ? 'chip good' : 'chip bad' }, text)

async function health(place) {
  const now = await healthGet()
  const states = { healthy: [t('All is well'), 'good'], degraded: [t('Something is missing'), 'warn'], unhealthy: [t('It does not work'), 'bad'] }
  const models = { configured: t('configured'), demo: t('demo'), missing: t('missing') }
  const [text, kind] = states[now.status] ?? [now.status, '']
  fill(place,
    h('div', {}, h('span', { class: `chip ${kind}` }, text)),
    h('ul', { class: 'rows' },
      Object.entries(now.services).map(([name, one]) => row(NAMES[name]?.() ?? name,
        h('span', { class: 'quiet' }, plural(one.instances, '{n} process', '{n} processes')), chip(one.status === 'up', one.status === 'up' ? t('up') : t('down')))),
      row(t('Database'), chip(now.database === 'connected', now.database === 'connected' ? t('connected') : t('disconnected'))),
      row(t('Model'), now.model_paused && h('span', { class: 'chip warn' }, t('paused by its provider')), h('span', { class: now.model === 'configured' ? 'chip good' : 'chip warn' }, models[now.model] ?? now.model))))
}

// ---- the queue ----

const figure = (value, text) => h('div', {}, h('strong', {}, value), h('span', {}, text))

// What every process tells the same is taken once, what each tells of itself is added up.
async function queue(place) {
  const all = await metricsGet()
  const of = (name, labels = {}) => all.filter((one) => one.name === name && Object.entries(labels).every(([key, value]) => one.labels[key] === value)).map((one) => one.value)
  const most = (...values) => Math.max(0, ...values)
  const sum = (values) => values.reduce((a, b) => a + b, 0)
  const waiting = most(...of('chat_queue_turns'))
  const pause = most(...of('chat_pause_seconds'))
  const owed = (state) => sum(['auth', 'project', 'chat', 'file'].map((name) => most(...of(`${name}_outbox_rows`, { state }))))
  fill(place,
    h('div', { class: 'figures' },
      figure(number(waiting), t('waiting')),
      figure(t('{n} s', { n: number(Math.round(most(...of('chat_queue_age_seconds')))) }), t('longest wait')),
      figure(`${number(sum(of('chat_turns_running')))} / ${number(sum(of('chat_turns_max')))}`, t('running, at most')),
      figure(number(sum(of('gateway_streams'))), t('open streams'))),
    pause > 0 && h('p', { class: 'note' }, h('span', { class: 'chip warn' }, t('paused')), t('The provider wants no requests for {n} s.', { n: number(Math.ceil(pause)) })),
    h('ul', { class: 'rows' },
      row(t('Owed between services'), h('span', { class: 'quiet' }, number(owed('waiting')))),
      row(t('Given up, to be looked at'), chip(owed('parked') === 0, number(owed('parked'))))))
}

export async function services() {
  return [
    card(t('Services'), t('Updated every five seconds.'), await kept(health)),
    card(t('Queue'), t('Answers that wait for a free place, and what is under way.'), await kept(queue)),
  ]
}
