// Who is on duty? Each person unlocks their own entries. Locked or not, everybody's outbox goes on
// being sent, and the unsent number stays in sight.

import { useSignal } from '@preact/signals'
import type { Person } from '../../core/api'
import { t } from '../../i18n'
import { core } from '../core'
import { feel } from '../feel'
import { Bar } from '../parts/bar'
import { Icon } from '../parts/icon'
import { Button } from '../parts/press'
import { PinPad } from './pin-pad'

export function Unlock({ onNew }: { onNew: () => void }) {
  const persons = core.persons.value
  const chosen = useSignal<Person | null>(persons.length === 1 && persons[0]!.hasPin ? persons[0]! : null)
  const busy = useSignal(false)
  const wrong = useSignal<number | null>(null)
  const open = async (person: Person, pin: string): Promise<void> => {
    busy.value = true
    try {
      const done = await core.unlock(person.id, pin)
      if (done.outcome === 'unlocked') return
      wrong.value = Math.ceil(done.waitMs / 1000)
    } finally {
      // Also where storage did not answer: the next try may find it again.
      busy.value = false
    }
    feel('refused')
  }
  const pick = (person: Person): void => {
    wrong.value = null
    if (person.hasPin) chosen.value = person
    else void open(person, '')
  }
  const person = chosen.value
  return (
    <>
      <Bar title={t(person ? 'unlock.pin' : 'unlock.who')} onBack={person && persons.length > 1 ? () => { chosen.value = null } : undefined}>
        {person ? person.name || t('person.unnamed') : ''}
      </Bar>
      <main class="unlock">
        {person === null ? (
          <>
            <ul class="list">
              {persons.map(one => (
                <li key={one.id}>
                  <button type="button" class="person-row" onClick={() => pick(one)}>
                    <Icon name={one.hasPin ? 'lock' : 'person'} />
                    <span class="person-name">{one.name || t('person.unnamed')}</span>
                    <span class="person-unsent">{t('pill.unsent', { n: one.unsent })}</span>
                  </button>
                </li>
              ))}
            </ul>
            <Button big icon="plus" onPress={onNew}>{t('unlock.new')}</Button>
          </>
        ) : (
          <>
            {wrong.value !== null && <p class="note bad" role="alert">{wrong.value > 0 ? t('unlock.wait', { n: wrong.value }) : t('unlock.wrong')}</p>}
            <PinPad busy={busy.value} onPin={pin => void open(person, pin)} />
            <p class="help">{t('unlock.text')}</p>
            {/* Alone on the phone there is no list to go back to. */}
            {persons.length === 1 && <Button big icon="plus" onPress={onNew}>{t('unlock.new')}</Button>}
          </>
        )}
      </main>
    </>
  )
}
