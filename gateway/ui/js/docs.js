// Renders /openapi.json: operations by area, their inputs and answers, and a form to try each.
'use strict'

let api

function el(name, attributes = {}, ...children) {
  const node = document.createElement(name)
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value)
  node.append(...children)
  return node
}

// Follows a $ref within the document.
function resolve(node) {
  if (!node || !node.$ref) return node
  return node.$ref.slice(2).split('/').reduce((at, part) => at[part], api)
}

function typeOf(schema) {
  if (schema.$ref) return schema.$ref.split('/').pop()
  if (schema.oneOf) return schema.oneOf.map(typeOf).join(' or ')
  if (schema.items) return `list of ${typeOf(schema.items)}${schema.type === 'array' ? '' : ' or null'}`
  const type = Array.isArray(schema.type) ? schema.type.join(' or ') : schema.type || 'any'
  return schema.format && schema.format !== 'int64' && schema.format !== 'double'
    ? `${type} (${schema.format})` : type
}

function limits(schema) {
  const low = schema.minimum ?? schema.minLength ?? schema.minItems
  const high = schema.maximum ?? schema.maxLength ?? schema.maxItems
  const unit = schema.maxItems !== undefined ? ' of them' : schema.maxLength === undefined ? '' : ' bytes'
  if (low === undefined && high === undefined) return ''
  if (high === undefined) return `at least ${low}${unit}`
  return `${low ?? 0} to ${high}${unit}`
}

function table(heads, rows) {
  return el('table', {},
    el('thead', {}, el('tr', {}, ...heads.map(head => el('th', { scope: 'col' }, head)))),
    el('tbody', {}, ...rows.map(row => el('tr', {}, ...row.map(cell => el('td', {}, cell))))))
}

function code(text) {
  return el('code', {}, text)
}

// Text with `code` in it.
function prose(text) {
  return text.split('`').map((piece, i) => i % 2 ? code(piece) : piece)
}

// All inputs of an operation as {name, place, required, schema, text}.
function inputsOf(operation) {
  const list = (operation.parameters || []).map(resolve).map(p => ({
    name: p.name, place: p.in, required: p.required, schema: p.schema,
    text: p.description || ''
  }))
  const body = operation.requestBody && operation.requestBody.content['application/json']
  if (body)
    for (const [name, schema] of Object.entries(body.schema.properties))
      list.push({
        name, place: 'body', required: (body.schema.required || []).includes(name), schema,
        text: schema.description || ''
      })
  return list
}

function inputTable(inputs) {
  return table(['Input', 'In', 'Type', 'Limits', 'Meaning'], inputs.map(i => [
    code(i.name + (i.required ? '' : '?')), i.place, typeOf(i.schema), limits(i.schema), i.text]))
}

function memberTable(schema) {
  const target = resolve(schema.type === 'array' ? schema.items : schema)
  if (!target.properties) return ''
  return table(['Member', 'Type', 'Meaning'], Object.entries(target.properties)
    .map(([name, s]) => [code(name), typeOf(s), s.description || '']))
}

function responseRows(operation) {
  return Object.entries(operation.responses).map(([status, response]) => {
    const r = resolve(response)
    const bodies = Object.entries(r.content || {}).map(([media, c]) => `${typeOf(c.schema)}, ${media}`)
    return [code(status), bodies.join('; or ') || 'no body', r.description]
  })
}

function successMembers(operation) {
  const [, response] = Object.entries(operation.responses).find(([s]) => s.startsWith('2'))
  const { 'application/json': json, 'text/event-stream': events } = response.content || {}
  return el('div', {}, json ? memberTable(json.schema) : '',
    events ? el('p', {}, events.schema.description) : '')
}

// A body to start from: the required members, empty.
function bodyExample(inputs) {
  const empty = { integer: 1, number: 0, boolean: true, string: '' }
  const body = {}
  for (const i of inputs.filter(i => i.place === 'body' && i.required))
    body[i.name] = empty[i.schema.type] ?? null
  return JSON.stringify(body, null, 2)
}

async function send(verb, path, form, inputs, out) {
  const headers = {}
  const query = new URLSearchParams()
  const token = document.getElementById('token').value.trim()
  let target = path
  for (const i of inputs.filter(i => i.place !== 'body')) {
    const value = form.elements[i.name].value
    if (i.place === 'path') target = target.replace(`{${i.name}}`, encodeURIComponent(value))
    else if (value && i.place === 'query') query.append(i.name, value)
    else if (value) headers[i.name] = value
  }
  const options = { method: verb, headers }
  if (form.elements.body) {
    options.body = form.elements.body.value
    headers['Content-Type'] = 'application/json'
  }
  if (token) headers.Authorization = `Bearer ${token}`
  if (form.leave) form.leave.abort() // events may still be read
  form.leave = new AbortController()
  options.signal = form.leave.signal
  out.replaceChildren('...')
  try {
    show(out, await fetch(target + (query.size ? `?${query}` : ''), options))
  } catch (error) {
    if (options.signal.aborted) return
    if (out.textContent === '...') out.replaceChildren()
    out.append(el('p', { class: 'bad' }, String(error)))
  }
}

// Shows events as they come.
async function listen(out, response) {
  const text = el('pre', { tabindex: '0' })
  out.replaceChildren(el('p', { class: 'good' }, `${response.status} ${response.statusText}`), text)
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    text.append(value)
  }
}

async function show(out, response) {
  if ((response.headers.get('content-type') || '').startsWith('text/event-stream'))
    return listen(out, response)
  let text = await response.text()
  try {
    const value = JSON.parse(text)
    if (value.access_token) document.getElementById('token').value = value.access_token
    text = JSON.stringify(value, null, 2)
  } catch { /* not JSON: as it is */ }
  const names = ['x-request-id', 'location', 'link', 'retry-after', 'ratelimit-remaining']
  const headers = names.filter(n => response.headers.has(n))
    .map(n => `${n}: ${response.headers.get(n)}`)
  out.replaceChildren(
    el('p', { class: response.ok ? 'good' : 'bad' }, `${response.status} ${response.statusText}`),
    el('pre', { tabindex: '0' }, [...headers, '', text].join('\n')))
}

function tryForm(verb, path, operation, inputs) {
  const form = el('form', { 'aria-label': `Try ${operation.operationId}` })
  const out = el('div', { 'aria-live': 'polite' })
  for (const i of inputs.filter(i => i.place !== 'body')) {
    const input = el('input', { name: i.name, autocomplete: 'off' })
    if (i.place === 'path') input.required = true
    form.append(el('label', {}, `${i.name} `, input))
  }
  if (operation.requestBody) {
    const area = el('textarea', { name: 'body', spellcheck: 'false', 'aria-label': 'Body' })
    area.value = bodyExample(inputs)
    form.append(area)
  }
  form.append(el('button', { type: 'submit' }, 'Send'))
  form.addEventListener('submit', event => {
    event.preventDefault()
    send(verb, path, form, inputs, out)
  })
  return [form, out]
}

function operationPanel(verb, path, operation) {
  const inputs = inputsOf(operation)
  const inside = el('div', { class: 'inside' })
  const panel = el('details', { id: operation.operationId },
    el('summary', {}, el('span', { class: 'verb' }, verb), el('span', { class: 'path' }, path),
      ' ', el('span', { class: 'what' }, operation.summary)),
    inside)
  panel.addEventListener('toggle', () => {
    if (!panel.open || inside.hasChildNodes()) return
    inside.append(
      el('p', {}, code(operation.operationId), (operation.security || []).length
        ? ': needs a token' : ': needs no token'))
    if (inputs.length) inside.append(el('h3', {}, 'Inputs'), inputTable(inputs))
    inside.append(el('h3', {}, 'Answers'),
      table(['Status', 'Body', 'Meaning'], responseRows(operation)), successMembers(operation),
      el('h3', {}, 'Try it'), ...tryForm(verb, path, operation, inputs))
  })
  return panel
}

function render() {
  const contents = document.getElementById('contents')
  const operations = document.getElementById('operations')
  document.getElementById('about').replaceChildren(...prose(`${api.info.description} Version ${api.info.version}.`))
  for (const tag of api.tags) {
    const section = el('section', { 'aria-labelledby': `area-${tag.name}` },
      el('h2', { id: `area-${tag.name}` }, tag.name), el('p', {}, tag.description))
    contents.append(el('a', { href: `#area-${tag.name}` }, tag.name), ' ')
    for (const [path, item] of Object.entries(api.paths))
      for (const [verb, operation] of Object.entries(item))
        if (operation.tags.includes(tag.name))
          section.append(operationPanel(verb.toUpperCase(), path, operation))
    operations.append(section)
  }
}

function openNamed() {
  const panel = document.getElementById(decodeURIComponent(location.hash.slice(1)))
  if (!panel) return
  if (panel.tagName === 'DETAILS') panel.open = true
  panel.scrollIntoView()
}

async function start() {
  try {
    const response = await fetch('/openapi.json')
    if (!response.ok) throw new Error(`status ${response.status}`)
    api = await response.json()
    render()
    openNamed()
    window.addEventListener('hashchange', openNamed)
  } catch (error) {
    document.getElementById('about').textContent = `/openapi.json cannot be read: ${error.message}`
  }
}

start()
