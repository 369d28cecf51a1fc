// What the account remembers of its owner. Language and theme follow from there to every device; here they
// are kept too, so that the next page begins with them.
import { get, put } from './api.js'
import { emit, on } from './bus.js'

let me = null
let asked = null

on('logout', () => { me = asked = null })

// The account as GET /users/me tells it, asked once.
export async function profileGet() {
  if (me) return me
  asked ??= get('/users/me')
  try {
    const told = await asked
    if (asked) me = told
    return told
  } finally {
    asked = null
  }
}

function took(now) {
  asked = null // what is still to come is older
  me = now
  emit('profile', now)
  return now
}

// Changes what is named. Resolves to the account.
export const profileSet = async (what) => took(await put('/users/me', what))

// What is known of it without asking.
export const profileNow = () => me

// Another address, as the server tells it.
export function profileForget() { me = null }

// Keeps one preference; those of other clients stay.
export async function preferenceSet(name, value) {
  const { preferences } = await profileGet()
  if (preferences[name] !== value) await profileSet({ preferences: { ...preferences, [name]: value } })
}
