// The tabs at the lower edge, by what the person does here.

import { t, type Message } from '../../i18n'
import { core } from '../core'
import { open, screen, type Tab } from '../route'
import { Icon, type IconName } from './icon'

const TABS: Record<Tab, { readonly icon: IconName; readonly text: Message }> = {
  grid: { icon: 'home', text: 'tab.grid' },
  register: { icon: 'keys', text: 'tab.register' },
  records: { icon: 'list', text: 'tab.records' },
  upload: { icon: 'send', text: 'tab.upload' },
  settings: { icon: 'person', text: 'tab.me' },
}

const VISITS = ['grid_leader', 'officer']
const REGISTERS = ['volunteer', 'checkpoint_leader', 'officer']

/** Which tabs a person has. Nobody's rights are decided here: the centre does that. */
export function tabs(): readonly Tab[] {
  const roles = new Set(core.places.value.flatMap(place => place.roles))
  const visits = VISITS.some(role => roles.has(role)) && core.places.value.some(place => !place.by_day)
  const registers = roles.size === 0 || REGISTERS.some(role => roles.has(role)) && core.places.value.some(place => place.by_day)
  const all: Tab[] = []
  if (visits) all.push('grid')
  if (registers) all.push('register')
  return [...all, 'records', 'upload', 'settings']
}

export function Tabs() {
  const at = screen().at
  return (
    <nav class="tabs" aria-label={t('tab.name')}>
      {tabs().map(tab => (
        <button key={tab} type="button" aria-current={tab === at ? 'page' : undefined} onClick={() => open(tab)}>
          <Icon name={TABS[tab].icon} />
          <span>{t(TABS[tab].text)}</span>
          {tab === 'settings' && core.update.value === 'ready' && <span class="tab-news"><span class="aside"> {t('me.update')}</span></span>}
        </button>
      ))}
    </nav>
  )
}
