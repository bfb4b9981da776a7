// Enrolment: the one-time code, a name for who is on duty, a PIN, and the app on the home screen.
// None of it is needed to register: what is captured before goes to whoever enrols first.

import { useState } from 'preact/hooks'
import { useSignal } from '@preact/signals'
import type { Enrolment } from '../../core/api'
import { t } from '../../i18n'
import { core } from '../core'
import { feel } from '../feel'
import { later, laterSheet } from '../lazy'
import { Bar } from '../parts/bar'
import { Button } from '../parts/press'
import { given } from './given'

const Install = later(all => all.Install)
const Named = later(all => all.Named)
const NewPin = later(all => all.NewPin)
const ScanSheet = laterSheet(all => all.ScanSheet)

type Step = 'code' | 'name' | 'pin' | 'install'

const REFUSED: { readonly [code: string]: Parameters<typeof t>[0] } = {
  code_used: 'enrol.used', code_expired: 'enrol.expired', account_closed: 'enrol.closed',
}

export function Enrol({ onDone, first: now }: { onDone: () => void; first: boolean }) {
  // Enrolling ends being the first on this phone; the way back must not appear half-way.
  const [first] = useState(now)
  const step = useSignal<Step>('code')
  const code = useSignal(given.code)
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
    step.value = 'name'
  }
  const scanned = (text: string): void => {
    scanning.value = false
    const scan = core.readScan(text)
    code.value = scan.scan === 'enrol' ? scan.code : text.trim()
    void send()
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
        {step.value === 'name' && <Named of={outcome.value} onDone={() => { step.value = core.person.value?.hasPin ? 'install' : 'pin' }} />}
        {step.value === 'pin' && <NewPin onDone={last} onSkip={last} />}
        {step.value === 'install' && <Install onDone={onDone} />}
      </main>
      {scanning.value && <ScanSheet title={t('enrol.scan')} onClose={() => { scanning.value = false }} onText={scanned} />}
    </>
  )
}
