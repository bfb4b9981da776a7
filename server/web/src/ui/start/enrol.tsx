// Enrolment: the one-time code, a name for who is on duty, a PIN, and the app on the home screen.
// None of it is needed to register: what is captured before goes to whoever enrols first.

import { useState } from 'preact/hooks'
import { useSignal } from '@preact/signals'
import type { Enrolment } from '../../core/api'
import { t } from '../../i18n'
import { core } from '../core'
import { feel } from '../feel'
import { Bar } from '../parts/bar'
import { Icon } from '../parts/icon'
import { Button } from '../parts/press'
import { ScanSheet } from '../scan/sheet'
import { given } from './given'
import { askToInstall, canInstall } from './install'
import { PinPad } from './pin-pad'

type Step = 'code' | 'name' | 'pin' | 'install'

const REFUSED: { readonly [code: string]: Parameters<typeof t>[0] } = {
  code_used: 'enrol.used', code_expired: 'enrol.expired', account_closed: 'enrol.closed',
}

export function Enrol({ onDone, first: now }: { onDone: () => void; first: boolean }) {
  // Enrolling ends being the first on this phone; the way back must not appear half-way.
  const [first] = useState(now)
  const step = useSignal<Step>('code')
  const code = useSignal(given.code)
  const name = useSignal(core.person.value?.name ?? '')
  const scanning = useSignal(false)
  const busy = useSignal(false)
  const outcome = useSignal<Enrolment | null>(null)

  const send = async (): Promise<void> => {
    const text = code.value.trim()
    if (!text || busy.value) return
    busy.value = true
    if (core.person.value === null) await core.addPerson('')
    outcome.value = await core.enrol(text)
    busy.value = false
    given.code = ''
    if (outcome.value.outcome === 'refused') return feel('refused')
    if (outcome.value.outcome !== 'later') feel('saved')
    name.value = core.person.value?.name ?? name.value
    step.value = 'name'
  }
  const scanned = (text: string): void => {
    scanning.value = false
    const scan = core.readScan(text)
    code.value = scan.scan === 'enrol' ? scan.code : text.trim()
    void send()
  }
  const named = async (): Promise<void> => {
    const person = core.person.value
    if (person && name.value.trim()) await core.renamePerson(person.id, name.value.trim())
    step.value = core.person.value?.hasPin ? 'install' : 'pin'
  }
  const last = (): void => {
    step.value = 'install'
  }

  return (
    <>
      <Bar title={t('enrol.title')} onBack={first ? undefined : onDone}>{t('enrol.step', { n: ['code', 'name', 'pin', 'install'].indexOf(step.value) + 1, of: 4 })}</Bar>
      <main class="enrol">
        {step.value === 'code' && (
          <>
            <p>{t('enrol.text')}</p>
            <Button tone={code.value ? 'plain' : 'main'} big icon="scan" onPress={() => { scanning.value = true }}>{t('enrol.scan')}</Button>
            <form class="stack" onSubmit={event => { event.preventDefault(); void send() }}>
              <label class="field">
                <span class="name">{t('enrol.code')}</span>
                <textarea class="tall code-line" rows={2} value={code.value} autoComplete="off" autoCapitalize="characters" spellcheck={false} placeholder="7Q2M-K4ZP-…"
                  onInput={event => { code.value = event.currentTarget.value }} />
              </label>
              {outcome.value?.outcome === 'refused' && <p class="note bad" role="alert">{t(REFUSED[outcome.value.code] ?? 'enrol.unknown')}</p>}
              <Button submit big tone={code.value ? 'main' : 'plain'} disabled={busy.value || code.value.trim() === ''}>{t(busy.value ? 'enrol.asking' : 'enrol.send')}</Button>
            </form>
            {first && <Button tone="quiet" onPress={onDone}>{t('enrol.later')}</Button>}
            {first && <p class="help">{t('enrol.laterText')}</p>}
          </>
        )}
        {step.value === 'name' && (
          <form class="stack" onSubmit={event => { event.preventDefault(); void named() }}>
            <Outcome of={outcome.value} />
            <label class="field">
              <span class="name">{t('enrol.name')}</span>
              <input class="tall" value={name.value} maxLength={32} autoComplete="name" onInput={event => { name.value = event.currentTarget.value }} />
            </label>
            <p class="help">{t('enrol.nameText')}</p>
            <Button submit tone="main" big>{t('act.next')}</Button>
          </form>
        )}
        {step.value === 'pin' && <NewPin onDone={last} onSkip={last} />}
        {step.value === 'install' && <Install onDone={onDone} />}
      </main>
      {scanning.value && <ScanSheet title={t('enrol.scan')} onClose={() => { scanning.value = false }} onText={scanned} />}
    </>
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

function Install({ onDone }: { onDone: () => void }) {
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
