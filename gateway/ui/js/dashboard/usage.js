// What a project has used: tokens per day as small bars.
import { fill, h, svg } from '../dom.js'
import { date, number, plural, short, t } from '../i18n.js'
import { get } from '../api.js'
import { loadInto } from '../shell.js'

const WIDTH = 280
const HEIGHT = 96
const SPANS = [[7, () => t('7 days')], [30, () => t('30 days')], [90, () => t('90 days')]]

export class UsageCard {
  constructor(project) {
    this.project = project
    this.days = 30
    this.place = h('div', { class: 'stack' })
    const span = h('select', { 'aria-label': t('Time'), onchange: () => { this.days = Number(span.value); this.#start() } },
      SPANS.map(([days, text]) => h('option', { value: days, selected: days === this.days }, text())))
    span.classList.add('small', 'usage-span')
    this.node = h('section', { class: 'card', 'aria-labelledby': 'usage-head' },
      h('header', { class: 'card-head' }, h('h2', { id: 'usage-head' }, t('Usage')), h('div', {}, span)), this.place)
    this.#start()
  }

  #start() {
    return loadInto(this.place, async () => this.#paint(await get(`/projects/${this.project.id}/usage`, { days: this.days })))
  }

  #paint(days) {
    const sum = (name) => days.reduce((n, day) => n + day[name], 0)
    fill(this.place,
      h('div', { class: 'figures' },
        h('div', {}, h('strong', {}, short(sum('total_tokens'))), h('span', {}, t('tokens'))),
        h('div', {}, h('strong', {}, number(sum('turns'))), h('span', {}, t('answers')))),
      sum('total_tokens') ? [chart(days),
        h('p', { class: 'legend' }, h('span', { class: 'in' }, h('i'), t('input')), h('span', {}, h('i'), t('output')))] : h('p', { class: 'quiet' }, t('No usage in this period.')))
  }
}

const dayName = (text) => date(`${text}T12:00:00Z`, { day: 'numeric', month: 'short', timeZone: 'UTC' })

function chart(days) {
  const most = Math.max(1, ...days.map((day) => day.total_tokens))
  const step = WIDTH / days.length
  const wide = Math.max(1, step * 0.72)
  const high = (n) => n ? Math.max(1, n / most * HEIGHT) : 0
  const bars = days.map((day, i) => {
    const x = i * step + (step - wide) / 2
    const read = high(day.input_tokens)
    const written = high(day.output_tokens)
    const text = `${dayName(day.day)}: ${plural(day.total_tokens, '{n} token', '{n} tokens')}, ${plural(day.turns, '{n} answer', '{n} answers')}`
    return svg('g', { class: 'chart-day' }, svg('title', {}, text),
      svg('rect', { class: 'chart-hit', x: i * step, y: 0, width: step, height: HEIGHT }),
      svg('rect', { class: 'chart-in', x, y: HEIGHT - read, width: wide, height: read }),
      svg('rect', { class: 'chart-out', x, y: HEIGHT - read - written, width: wide, height: written }))
  })
  return svg('svg', { class: 'chart', viewBox: `0 -14 ${WIDTH} ${HEIGHT + 30}`, role: 'img', 'aria-label': t('Tokens per day, at most {n}', { n: number(most) }) },
    svg('text', { x: 0, y: -5 }, short(most)), svg('line', { class: 'chart-line', x1: 0, x2: WIDTH, y1: HEIGHT + 0.5, y2: HEIGHT + 0.5 }),
    bars, svg('text', { x: 0, y: HEIGHT + 14 }, dayName(days[0].day)), svg('text', { x: WIDTH, y: HEIGHT + 14, 'text-anchor': 'end' }, dayName(days.at(-1).day)))
}
