// One record: what stands in it, values that lost to others, and the ways to put it right.

import { useComputed, useSignal } from '@preact/signals'
import type { Fault, Fields, RecordId, RecordView } from '../../core/api'
import { t } from '../../i18n'
import { moment } from '../../i18n/time'
import { core } from '../core'
import { differing } from '../forms/ask'
import { Form } from '../forms/form'
import { labelOf, lines } from '../forms/show'
import { useTyped } from '../forms/typed'
import { feel } from '../feel'
import { now } from '../now'
import { Bar } from '../parts/bar'
import { Mark } from '../parts/icon'
import { Button } from '../parts/press'
import { Sheet } from '../parts/sheet'
import { tell } from '../parts/toast'
import { OWN } from '../register/entry'
import { faultsOf } from '../register/handled'
import { Conflicts } from './conflicts'
import { Lacks } from './lacks'
import { isAbnormal, STANDINGS, who } from './list'
import { enter } from '../route'

const REASONS = ['duplicate', 'mistake', 'test'] as const

export function Detail({ record }: { record: RecordId }) {
  const view = useComputed(() => {
    core.revision.value
    return core.view(record)
  })
  const sheet = useSignal<'edit' | 'void' | null>(null)
  const shown = view.value
  if (!shown) return <><Bar title={t('tab.records')} /><main><p class="empty">{t('record.gone')}</p></main></>
  const kind = core.kinds.value[shown.kind]
  const state = STANDINGS[shown.standing]
  const close = (): void => {
    sheet.value = null
  }
  const strike = async (reason: string): Promise<void> => {
    close()
    const done = await core.strikeOut(shown, reason)
    if (done.outcome !== 'saved') feel('refused')
    else tell({ text: t('record.struck'), until: Date.now() + 3000 })
  }
  return (
    <>
      <Bar title={who(shown)}>{moment(shown.time, now.value)}</Bar>
      <main class="detail">
        <p class={`note ${state.tone}`}><Mark shape={state.shape} /> {t(state.text)}</p>
        {shown.isVoid && <p class="note warn">{t('record.void')}</p>}
        {shown.flags.includes('amended_after_void') && <p class="note warn">{t('record.amendedAfterVoid')}</p>}
        <Lacks view={shown} onAdd={() => { sheet.value = 'edit' }} />
        <Conflicts view={shown} />
        {kind && (
          <dl class="facts">
            {lines(kind, shown.fields).filter(line => line.name !== 'captured_with').map(line => (
              <div key={line.name}><dt>{line.label}</dt><dd>{line.text}</dd></div>
            ))}
          </dl>
        )}
        {!shown.isVoid && isAbnormal(shown) && shown.kind === 'registration' && (
          <Button tone="danger" big icon="warn" onPress={() => enter({ at: 'abnormal', record, entry: null, undoUntil: 0 })}>{t('record.handle')}</Button>
        )}
        {!shown.isVoid && (
          <div class="pair">
            <Button onPress={() => { sheet.value = 'edit' }}>{t('record.edit')}</Button>
            <Button tone="danger" onPress={() => { sheet.value = 'void' }}>{t('record.strike')}</Button>
          </div>
        )}
      </main>
      {sheet.value === 'edit' && <EditSheet view={shown} without={shown.kind === 'registration' ? EDITED : undefined} onClose={close} />}
      {sheet.value === 'void' && (
        <Sheet title={t('record.strike')} onClose={close}>
          <div class="stack">
            <p>{t('record.strikeText')}</p>
            {REASONS.map(reason => <Button key={reason} big onPress={() => void strike(reason)}>{t(`reason.${reason}`)}</Button>)}
          </div>
        </Sheet>
      )}
    </>
  )
}

/** A correction may touch what the fast screen asks in its own way. */
const EDITED: ReadonlySet<string> = new Set([...OWN].filter(name => name !== 'health_code' && name !== 'disposition' && name !== 'direction'))

interface EditProps {
  view: RecordView
  without?: ReadonlySet<string> | undefined
  onClose: () => void
}

/** The whole form over what stands; only what differs is captured. */
export function EditSheet({ view, without, onClose }: EditProps) {
  const typed = useTyped(`edit/${view.record}`)
  const faults = useSignal<readonly Fault[]>([])
  const kind = core.kinds.value[view.kind]
  if (!kind) return null
  const draft: Fields = { ...view.fields, ...typed.value }
  const leave = (): void => {
    typed.done()
    onClose()
  }
  const save = async (): Promise<void> => {
    const set = differing(view.fields, draft)
    if (Object.keys(set).length === 0) return leave()
    faults.value = faultsOf(view.kind, set, draft)
    if (faults.value.length > 0) return feel('refused')
    const done = await core.edit(view, set)
    if (done.outcome !== 'saved') return feel('refused')
    feel('saved')
    tell({ text: t('record.saved'), until: Date.now() + 3000 })
    leave()
  }
  const wrong = faults.value.map(fault => labelOf(kind, fault.path))
  return (
    <Sheet title={t('record.edit')} full onClose={leave} foot={
      <>
        {wrong.length > 0 && <p class="note bad" role="alert">{t('form.wrong', { what: wrong.join(t('list.and')) })}</p>}
        <Button tone="main" big onPress={() => void save()}>{t('act.save')}</Button>
      </>
    }>
      <Form kind={kind} fields={draft} without={without} faults={faults.value} onField={(name, value) => typed.put(name, value)} />
    </Sheet>
  )
}
