// Where entries belong that were made before the phone knew its checkpoints. They wait until somebody
// says so: nothing is guessed, and nothing comes back refused.

import { t } from '../../i18n'
import { core } from '../core'
import { feel } from '../feel'
import { Bar } from '../parts/bar'
import { Icon } from '../parts/icon'
import { Button } from '../parts/press'
import { tell } from '../parts/toast'
import { checkpoints, isPutOff } from './unplaced'

export function PlaceScreen() {
  const choose = async (place: string, name: string): Promise<void> => {
    const shift = core.shift.value
    await core.placeAll(place)
    // Who stands there registers there from now on.
    if (shift !== null && !checkpoints.value.some(one => one.place === shift.place)) await core.beginShift({ ...shift, place })
    feel('saved')
    tell({ text: t('place.done', { place: name }), until: Date.now() + 4000 })
  }
  return (
    <>
      <Bar title={t('place.title')} />
      <main class="enrol">
        <p class="note warn"><Icon name="warn" /> {t('place.text', { n: core.upload.value.unplaced })}</p>
        {checkpoints.value.map(one => <Button key={one.place} big onPress={() => void choose(one.place, one.name)}>{one.name}</Button>)}
        <Button tone="quiet" onPress={() => { isPutOff.value = true }}>{t('place.later')}</Button>
      </main>
    </>
  )
}

/** The way back to the question, for who has put it off. */
export function PlaceAgain() {
  const { unplaced } = core.upload.value
  if (unplaced === 0) return null
  return checkpoints.value.length === 0
    ? <p class="note warn">{t('place.none', { n: unplaced })}</p>
    : <Button tone="main" big onPress={() => { isPutOff.value = false }}>{t('place.ask', { n: unplaced })}</Button>
}
