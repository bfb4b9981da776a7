// Only counting: one tap a passer, no names. Whoever is abnormal is registered in full.

import { useComputed } from '@preact/signals'
import { t } from '../../i18n'
import { count } from '../../i18n/time'
import { core } from '../core'
import { Button } from '../parts/press'
import { busy, KIND } from './entry'
import { Failure } from './failure'
import { countOne, failure } from './save'

export function Tally() {
  const shift = core.shift.value
  const counted = useComputed(() => {
    // Redrawn with every change of what is on the phone.
    core.revision.value
    const since = core.shift.value?.since ?? 0
    return core.views({ kind: KIND, own: true }).filter(one => one.time >= since && !one.isVoid && one.fields['mode'] === 'tally').length
  })
  if (!shift) return null
  const full = (): void => void core.beginShift({ ...shift, tally: false })
  return (
    <main class="tally">
      <p class="tally-count" aria-live="polite"><span class="aside">{t('tally.counted')} </span>{count(counted.value)}</p>
      <p class="soft">{t('tally.counted')}</p>
      <Failure />
      <button type="button" class="code green tally-key" disabled={busy.value || Boolean(failure.value?.again)} onClick={() => void countOne(shift.direction)}>
        {t('tally.add')}
      </button>
      <Button big tone="danger" icon="warn" onPress={full}>{t('tally.full')}</Button>
    </main>
  )
}
