// The account, this browser, and for admins the platform.
import { fill, h } from '../dom.js'
import { icon } from '../icons.js'
import { t } from '../i18n.js'
import { profileGet } from '../profile.js'
import { frame, loadInto } from '../shell.js'
import { activity, audit } from './audit.js'
import { appearance, password, profile } from './account.js'
import { sessions } from './sessions.js'
import { keys } from './keys.js'
import { exports } from './exports.js'
import { deletion } from './deletion.js'
import { second } from './second.js'
import { invites, registration } from './platform.js'
import { services } from './services.js'
import { users } from './users.js'

// name: {icon, label, admin, make(query of the address) -> element}
const PARTS = {
  profile: { icon: 'user', label: () => t('Profile'), make: profile },
  appearance: { icon: 'sun', label: () => t('Appearance'), make: appearance },
  password: { icon: 'shield', label: () => t('Password'), make: password },
  second: { icon: 'phone', label: () => t('Second factor'), make: second },
  sessions: { icon: 'monitor', label: () => t('Sessions'), make: sessions },
  keys: { icon: 'key', label: () => t('API keys'), make: keys },
  activity: { icon: 'list', label: () => t('Activity'), make: activity },
  data: { icon: 'archive', label: () => t('Your data'), make: exports },
  delete: { icon: 'trash', label: () => t('Delete the account'), make: deletion },
  users: { icon: 'users', label: () => t('Users'), admin: true, make: users },
  invites: { icon: 'mail', label: () => t('Invitations'), admin: true, make: invites },
  registration: { icon: 'door', label: () => t('Registration'), admin: true, make: registration },
  audit: { icon: 'list', label: () => t('Audit'), admin: true, make: (query) => audit(query.get('user')) },
  services: { icon: 'server', label: () => t('Services'), admin: true, make: services },
}

class Settings {
  constructor(root, place) {
    this.frame = frame(root, 'settings')
    this.heading = h('h1', { class: 'topbar-title' }, t('Settings'))
    this.nav = h('nav', { class: 'section-list', 'aria-label': t('Settings') })
    this.body = h('div', { class: 'page', tabindex: '0', role: 'region', 'aria-label': t('Settings') })
    fill(this.frame.head, this.heading)
    fill(this.frame.side, this.nav)
    fill(this.frame.body, this.body)
    this.admin = false
    this.update(place)
    profileGet().then(({ role }) => { this.admin = role === 'admin'; this.#list() }, () => {})
  }

  update(place) {
    this.frame.closeDrawer()
    const wanted = place.query.get('part')
    this.name = Object.hasOwn(PARTS, wanted) ? wanted : 'profile'
    this.#list()
    const part = PARTS[this.name]
    this.frame.title(part.label())
    const inner = h('div', { class: ['users', 'audit'].includes(this.name) ? 'page-inner' : 'page-inner narrow' })
    fill(this.body, inner)
    loadInto(inner, async () => fill(inner, await part.make(place.query)))
  }

  #list() {
    const link = ([name, part]) => h('li', {}, h('a', { href: `/settings?part=${name}`, 'aria-current': name === this.name ? 'page' : null }, icon(part.icon), part.label()))
    const parts = Object.entries(PARTS)
    fill(this.nav, h('ul', {}, parts.filter(([, part]) => !part.admin).map(link)),
      this.admin && [h('h2', { class: 'side-group' }, t('Platform')), h('ul', {}, parts.filter(([, part]) => part.admin).map(link))])
  }
}

export const page = (root, place) => new Settings(root, place)
