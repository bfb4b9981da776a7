// Browsers that would lose data: said in plain words, with the way to a better one.

import { useSignal } from '@preact/signals'
import { t, type Message } from '../../i18n'
import { core } from '../core'
import { Icon } from '../parts/icon'
import { Button } from '../parts/press'

export function GateScreen({ lacks, hard, onAnyway }: { lacks: readonly Message[]; hard: boolean; onAnyway: () => void }) {
  const copied = useSignal(false)
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(location.href)
      copied.value = true
    } catch {
      // The address stands below in full, to be copied by hand.
    }
  }
  const gate = core.gate
  return (
    <main class="gate">
      <h1>{t(hard ? 'gate.titleHard' : 'gate.title')}</h1>
      <ul class="stack">{lacks.map(lack => <li class="note bad" key={lack}><Icon name="warn" /> {t(lack)}</li>)}</ul>
      {gate.inApp !== null && (
        <figure class="gate-picture">
          <svg viewBox="0 0 320 150" role="img" aria-label={t('gate.inAppHow')}>
            <rect x="10" y="10" width="300" height="130" rx="14" class="frame" />
            <path d="M10 54h300" class="frame" />
            <g class="dots"><circle cx="266" cy="32" r="5" /><circle cx="282" cy="32" r="5" /><circle cx="298" cy="32" r="5" /></g>
            <circle cx="282" cy="32" r="28" class="ring" />
            <path d="M200 118c44 0 66-20 74-48l-10 6m10-6l4 11" class="arrow" />
          </svg>
          <figcaption>{t('gate.inAppHow')}</figcaption>
        </figure>
      )}
      {gate.ios && !gate.standalone && gate.inApp === null && (
        <ol class="steps-list">
          <li>{t('gate.ios1')}</li>
          <li>{t('gate.ios2')}</li>
          <li>{t('gate.ios3')}</li>
        </ol>
      )}
      <p class="address">{location.href.split('#')[0]}</p>
      <Button tone="main" big onPress={() => void copy()}>{t(copied.value ? 'gate.copied' : 'gate.copy')}</Button>
      {!hard && <Button onPress={onAnyway}>{t('gate.anyway')}</Button>}
      {!hard && <p class="help">{t('gate.anywayText')}</p>}
    </main>
  )
}
