// What follows a one-time code: a name for who is on duty, a PIN, and the app on the home screen.

import { useSignal } from '@preact/signals'
import type { Enrolment } from '../../core/api'
import { t } from '../../i18n'
import { core } from '../core'
import { feel } from '../feel'
import { Icon } from '../parts/icon'
import { Button } from '../parts/press'
import { askToInstall, canInstall } from './install'
import { PinPad } from './pin-pad'

/** What became of the code, and how the one on duty is called here. */
export function Named({ of, onDone }: { of: Enrolment | null; onDone: () => void }) {
  const name = useSignal(core.person.value?.name ?? '')
  const named = async (event: Event): Promise<void> => {
    event.preventDefault()
    const person = core.person.value
    if (person && name.value.trim()) await core.renamePerson(person.id, name.value.trim())
    onDone()
  }
  return (
    <form class="stack" onSubmit={event => void named(event)}>
      <Outcome of={of} />
      <label class="field">
        <span class="name">{t('enrol.name')}</span>
        <input class="tall" value={name.value} maxLength={32} autoComplete="name" onInput={event => { name.value = event.currentTarget.value }} />
      </label>
      <p class="help">{t('enrol.nameText')}</p>
      <Button submit tone="main" big>{t('act.next')}</Button>
    </form>
  )
}

function Outcome({ of }: { of: Enrolment | null }) {
  if (of === null) return null
  if (of.outcome === 'later') return <p class="note warn" role="status">{t('enrol.offline')}</p>
  if (of.outcome === 'other_person') return <p class="note good" role="status">{t('enrol.other')}</p>
  return <p class="note good" role="status">{t('enrol.done')}</p>
}

/** A PIN, typed twice. */
export function NewPin({ onDone, onSkip }: { onDone: () => void; onSkip?: () => void }) {
  const first = useSignal<string | null>(null)
  const wrong = useSignal(false)
  const busy = useSignal(false)
  const take = async (pin: string): Promise<void> => {
    if (first.value === null) {
      first.value = pin
      wrong.value = false
    } else if (first.value === pin) {
      busy.value = true
      await core.setPin(pin)
      busy.value = false
      feel('saved')
      onDone()
    } else {
      feel('refused')
      first.value = null
      wrong.value = true
    }
  }
  return (
    <div class="stack">
      <h2>{t(first.value === null ? 'pin.new' : 'pin.again')}</h2>
      <p class="help">{t('pin.text')}</p>
      {wrong.value && <p class="note bad" role="alert">{t('pin.differ')}</p>}
      <PinPad key={first.value === null ? 'one' : 'two'} busy={busy.value} onPin={pin => void take(pin)} />
      {onSkip && <Button tone="quiet" onPress={onSkip}>{t('pin.skip')}</Button>}
    </div>
  )
}

/** The app on the home screen, and what the browser promises. */
export function Install({ onDone }: { onDone: () => void }) {
  const storage = core.storage.value
  const gate = core.gate
  return (
    <div class="stack">
      <h2>{t('install.title')}</h2>
      <p class={`note ${gate.standalone ? 'good' : 'warn'}`}><Icon name={gate.standalone ? 'check' : 'warn'} /> {t(gate.standalone ? 'install.done' : 'install.text')}</p>
      {canInstall.value && <Button tone="main" big icon="save" onPress={() => void askToInstall()}>{t('install.do')}</Button>}
      {!gate.standalone && !canInstall.value && <p class="help">{t(gate.ios ? 'install.ios' : 'install.menu')}</p>}
      <p class={`note ${storage.persisted ? 'good' : 'warn'}`}>
        <Icon name={storage.persisted ? 'check' : 'warn'} /> {t(storage.persisted ? 'store.yes' : 'store.no')}
      </p>
      {!storage.persisted && <Button onPress={() => void core.askToPersist()}>{t('store.ask')}</Button>}
      <Button tone={canInstall.value ? 'plain' : 'main'} big onPress={onDone}>{t('install.go')}</Button>
    </div>
  )
}
