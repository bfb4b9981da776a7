// Where, which way, whereto: what stays the same from one passer to the next.

import { useSignal } from '@preact/signals'
import type { Shift } from '../../core/api'
import { t } from '../../i18n'
import { core } from '../core'
import { field } from '../forms/ask'
import { habits, learn } from '../habits'
import { Bar } from '../parts/bar'
import { Button, Chip, Choice } from '../parts/press'

const WAYS = ['in', 'out', 'transit'] as const
const PREFIX = 'checkpoint:'

/** A checkpoint as it is written on its sign; nothing where that could not be a place. */
function placeOf(code: string): string {
  const bare = code.trim()
  return /^[A-Za-z0-9_-]{1,32}$/.test(bare) ? PREFIX + bare : ''
}

export function ShiftScreen({ onDone }: { onDone: () => void }) {
  const standing = core.shift.value
  const places = core.places.value.filter(one => one.by_day)
  const place = useSignal(standing?.place || places[0]?.place || '')
  const direction = useSignal<Shift['direction']>(standing?.direction ?? 'in')
  const destination = useSignal(standing?.destination ?? '')
  const tally = useSignal(standing?.tally ?? false)
  const kind = core.kinds.value['registration']
  const begin = async (): Promise<void> => {
    await core.beginShift({ place: place.value, direction: direction.value, destination: destination.value.trim(), tally: tally.value })
    onDone()
  }
  return (
    <>
      <Bar title={t('shift.title')} onBack={standing ? onDone : undefined} />
      <main class="shift">
        {places.length === 0 ? (
          <>
            <p class="note warn">{t(core.person.value?.access === 'enrolled' ? 'shift.noPlace' : 'shift.notYet')}</p>
            <label class="field">
              <span class="name">{t('shift.number')}</span>
              <input value={place.value.replace(PREFIX, '')} maxLength={32} autoComplete="off" autoCapitalize="characters" spellcheck={false}
                onInput={event => { place.value = placeOf(event.currentTarget.value) }} />
              <span class="help">{t('shift.numberText')}</span>
            </label>
          </>
        ) : (
          <div class="choice" role="group" aria-label={t('shift.place')}>
            <span class="name" aria-hidden="true">{t('shift.place')}</span>
            <div class="chips wholes">
              {places.map(one => <Chip key={one.place} on={place.value === one.place} onPress={() => { place.value = one.place }}>{one.name}</Chip>)}
            </div>
          </div>
        )}
        <Choice label={t('shift.direction')} value={direction.value} options={WAYS.map(code => ({ code, text: t(`direction.${code}`) }))}
          onChoose={code => { direction.value = code ?? 'in' }} />
        <label class="field">
          <span class="name">{t('shift.destination')}</span>
          <input value={destination.value} maxLength={200} autoComplete="off" onInput={event => { destination.value = event.currentTarget.value }} />
          <span class="help">{t('shift.destinationText')}</span>
        </label>
        <Choice label={t('shift.mode')} value={tally.value ? 'tally' : 'full'}
          options={[{ code: 'full', text: t('shift.full') }, { code: 'tally', text: t('shift.tally') }]}
          onChoose={code => { tally.value = code === 'tally' }} />
        {field(kind, 'itinerary_code') && (
          <Choice label={t('shift.itinerary')} value={habits.value.itinerary ? 'yes' : 'no'}
            options={[{ code: 'yes', text: t('shift.itineraryYes') }, { code: 'no', text: t('shift.itineraryNo') }]}
            onChoose={code => learn({ itinerary: code === 'yes' })} />
        )}
      </main>
      <footer class="foot">
        <Button tone="main" big onPress={() => void begin()}>{t(standing ? 'shift.change' : 'shift.begin')}</Button>
      </footer>
    </>
  )
}
