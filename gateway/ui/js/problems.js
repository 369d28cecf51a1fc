// What errors say to people. The API says it in English; for readers of other languages its codes are
// translated, and what else it says (of a field, of a provider) stays as it is.
import { languageNow, t } from './i18n.js'

const TEXTS = {
  bad_login: () => t('E-mail or password is wrong.'),
  unauthorized: () => t('Please log in again.'),
  forbidden: () => t('This is not allowed.'),
  not_found: () => t('There is no such thing, or it is not yours.'),
  conflict: () => t('There is one already.'),
  limit_reached: () => t('There are as many of them as there may be.'),
  busy: () => t('The server is busy. Try again shortly.'),
  too_late: () => t('The server did not answer in time. Try again shortly.'),
  unavailable: () => t('A part of the server is down. Try again shortly.'),
  internal: () => t('Something went wrong on the server.'),
  too_large: () => t('That is too large.'),
  queue_full: () => t('Too many answers are waiting. Try again later.'),
  tokens_spent: () => t('The tokens of today are used up.'),
  model_not_configured: () => t('No model is configured yet.'),
  upstream_auth: () => t('The model provider does not accept the configured key.'),
  upstream_rate: () => t('The model provider’s limit or quota is used up.'),
  upstream_cut: () => t('The model provider broke off the answer.'),
  timeout_connect: () => t('The model provider could not be reached.'),
  timeout_first_token: () => t('The model did not begin to answer in time.'),
  timeout_idle: () => t('The model stopped in the middle of its answer.'),
  timeout_total: () => t('The answer took longer than allowed.'),
  too_long: () => t('The conversation does not fit into the model’s context.'),
  interrupted: () => t('The answer was interrupted too often.'),
  storage_full: () => t('There is no room for more files.'),
  file_not_ready: () => t('The model provider does not have the file yet, or cannot take it.'),
  search_too_slow: () => t('The search took too long. Look for rarer words, or for more of them.'),
  totp_required: () => t('This account asks for a code, too.'),
  totp_setup: () => t('Your account needs a second factor before anything else.'),
  totp_wrong: () => t('The code is wrong, or was used already.'),
  email_unverified: () => t('The address of this account is not proved yet.'),
  mail_off: () => t('This platform sends no mail.'),
  turn_running: () => t('The answer is still being written.'),
}

function sentence(text) {
  const said = text.charAt(0).toUpperCase() + text.slice(1)
  return /[.!?]$/.test(said) ? said : `${said}.`
}

// A failed turn's error, {code, detail}, as the API tells it.
export function problemText({ code, detail }) {
  const own = languageNow() === 'en' ? null : TEXTS[code]?.()
  return own ?? sentence(detail)
}

export function errorText(e) {
  if (e?.name === 'AbortError') return t('Stopped.')
  if (!e?.status) return e?.message && e.constructor.name !== 'NetworkError' ? e.message : t('The server cannot be reached. Check the connection and try again.')
  if (e.status === 429 && e.retryAfter && e.code !== 'tokens_spent') return t('Too many requests: try again in {seconds} s.', { seconds: e.retryAfter })
  return problemText({ code: e.code, detail: e.message })
}
