// What an own entry lacks that its kind asks for: it was saved all the same, as the definition says, and
// can be added while somebody still knows it.

import type { RecordView } from '../../core/api'
import { t } from '../../i18n'
import { core } from '../core'
import { labelOf } from '../forms/show'
import { Button } from '../parts/press'

/** Paths that are flagged as missing. Of others' entries one sees too little to say. */
export function lacksOf(view: RecordView): readonly string[] {
  if (!view.own || view.isVoid) return []
  return core.check(view.kind, view.fields).odd.filter(fault => fault.code === 'missing').map(fault => fault.path)
}

export function Lacks({ view, onAdd }: { view: RecordView; onAdd: () => void }) {
  const kind = core.kinds.value[view.kind]
  const lacks = lacksOf(view)
  if (lacks.length === 0) return null
  return (
    <div class="note warn">
      <p>{t('record.lacks', { what: lacks.map(path => labelOf(kind, path)).join(t('list.and')) })}</p>
      <Button onPress={onAdd}>{t('record.add')}</Button>
    </div>
  )
}
