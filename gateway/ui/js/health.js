// What /health says of the platform that does not change while a page is open: its model, whether it sends
// mail. Asked once.
import { send } from './http.js'

let asked = null

export async function healthGet() {
  asked ??= send('GET', '/health')
  try {
    return (await asked).json
  } catch (e) {
    asked = null
    throw e
  }
}

// Whether mails go out; false while nobody knows.
export async function mailWorks() {
  try {
    return ['smtp', 'files'].includes((await healthGet()).mail)
  } catch {
    return false
  }
}
