// Two people wrote the same field without knowing of each other. Both values are shown; one tap takes
// the other one.

import type { RecordView, Value } from '../../core/api'
import { t } from '../../i18n'
import { moment } from '../../i18n/time'
import { core } from '../core'
import { feel } from '../feel'
import { field } from '../forms/ask'
import { labelOf, shown } from '../forms/show'
import { now } from '../now'
import { Icon } from '../parts/icon'
import { Button } from '../parts/press'
import { tell } from '../parts/toast'

export function Conflicts({ view }: { view: RecordView }) {
  const kind = core.kinds.value[view.kind]
  const open = Object.entries(view.conflicts)
  if (open.length === 0) return null
  const choose = async (name: string, value: Value): Promise<void> => {
    const done = await core.edit(view, { [name]: value })
    if (done.outcome === 'saved') {
      feel('saved')
      tell({ text: t('conflict.chosen'), until: Date.now() + 3000 })
    } else feel('refused')
  }
  return (
    <section class="conflicts" aria-label={t('conflict.title')}>
      <h2><Icon name="warn" /> {t('conflict.title')}</h2>
      {open.map(([name, lost]) => {
        const of = kind && field(kind, name.split('/')[0] ?? '')
        const standing = view.fields[name] ?? null
        return (
          <div class="conflict" key={name}>
            <p class="name">{labelOf(kind, name)}</p>
            <div class="conflict-value stands">
              <span>{shown(of, standing)}</span>
              <Button onPress={() => void choose(name, standing)}>{t('conflict.keep')}</Button>
            </div>
            {lost.map(one => (
              <div class="conflict-value" key={`${one.by}-${one.time}`}>
                <span>{shown(of, one.value)}<small>{t('conflict.by', { who: one.by, time: moment(one.time, now.value) })}</small></span>
                <Button onPress={() => void choose(name, one.value)}>{t('conflict.take')}</Button>
              </div>
            ))}
          </div>
        )
      })}
    </section>
  )
}
