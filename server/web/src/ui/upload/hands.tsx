// Entries that need somebody: the reason in words, and one button that mends it.

import { useSignal } from '@preact/signals'
import type { Fault, Fields, Hand } from '../../core/api'
import { say, t, type Message } from '../../i18n'
import { core } from '../core'
import { feel } from '../feel'
import { box } from '../forms/ask'
import { Form } from '../forms/form'
import { faultText } from '../forms/input'
import { labelOf } from '../forms/show'
import { useTyped } from '../forms/typed'
import { Icon, Mark } from '../parts/icon'
import { Button } from '../parts/press'
import { Sheet } from '../parts/sheet'
import { tell } from '../parts/toast'
import { enter } from '../route'
import { begun, mended } from './mending'

/** The reasons that have a sentence of their own; the list is open. */
const REASONS: { readonly [code: string]: Message } = {
  out_of_scope: 'hand.outOfScope', too_large: 'hand.tooLarge', unknown_kind: 'hand.unknownKind', waiting: 'hand.waiting', behind: 'hand.behind',
  missing: 'hand.missing', purged: 'hand.purged', lost: 'hand.lost', scope: 'hand.scope', size: 'hand.tooLarge', kind: 'hand.unknownKind',
  parent: 'hand.waiting',
}

function reason(hand: Hand): string {
  if (hand.verdict === 'merged') return t('hand.merged')
  const sentence = hand.code === null ? undefined : REASONS[hand.code]
  if (sentence) return t(sentence)
  return hand.verdict === 'parked' ? t('hand.parked', { code: hand.code ?? '' }) : t('hand.invalid', { why: faultText(hand.code ?? '') })
}

export function HandList({ hands }: { hands: readonly Hand[] }) {
  const mending = useSignal<Hand | null>(null)
  if (hands.length === 0) return null
  const homeless = hands.filter(hand => hand.code === 'scope' && hand.set !== null)
  const here = core.places.value.find(one => one.place === core.shift.value?.place)
  const settle = async (): Promise<void> => {
    for (const hand of homeless) await core.mend(hand.entry, hand.set ?? {}, here?.place)
    tell({ text: t('hand.mended'), until: Date.now() + 3000 })
  }
  return (
    <section class="hands">
      <h2>{t('hand.title', { n: hands.length })}</h2>
      {homeless.length > 1 && here && <Button tone="main" big onPress={() => void settle()}>{t('hand.allHere', { n: homeless.length, place: here.name })}</Button>}
      <ul class="list">
        {hands.map(hand => {
          const kind = hand.kind === null ? undefined : core.kinds.value[hand.kind]
          const person = box(hand.set ?? {}, 'person')
          const what = [person['name'] ?? person['phone'], kind ? say(kind.label) : hand.kind].filter(Boolean).join(' · ')
          const where = hand.path ? labelOf(kind, hand.path) : hand.fields.map(name => labelOf(kind, name)).join(t('list.and'))
          return (
            <li class={`hand ${hand.verdict}`} key={hand.entry}>
              <p class="hand-what"><Mark shape={hand.verdict === 'invalid' ? 'square' : 'triangle'} /> {what || t('hand.entry')}</p>
              <p>{reason(hand)}{where && <strong> {where}</strong>}</p>
              {hand.fix === 'mend' ? (
                <Button tone="main" onPress={() => { mending.value = hand }}>{t('hand.mend')}</Button>
              ) : hand.verdict === 'merged' ? (
                <Button onPress={() => enter({ at: 'record', record: hand.record })}>{t('hand.look')}</Button>
              ) : (
                <Button onPress={() => void core.dismiss(hand.entry)}>{t('hand.seen')}</Button>
              )}
            </li>
          )
        })}
      </ul>
      {mending.value && <MendSheet hand={mending.value} onClose={() => { mending.value = null }} />}
    </section>
  )
}

/** The form with what was captured; the fault stands beside its question. */
function MendSheet({ hand, onClose }: { hand: Hand; onClose: () => void }) {
  const view = core.view(hand.record)
  const typed = useTyped(`mend/${hand.entry}`)
  const draft: Fields = { ...begun(hand, view), ...typed.value }
  const leave = (): void => {
    typed.done()
    onClose()
  }
  const path = hand.path?.replace(/^set\./, '') ?? ''
  const faults = useSignal<readonly Fault[]>(path && hand.code ? [{ path, code: hand.code }] : [])
  const kind = hand.kind === null ? undefined : core.kinds.value[hand.kind]
  const wrong = new Set([path.split(/[./]/)[0] ?? ''])
  const place = useSignal<string | undefined>(undefined)
  const places = core.places.value.filter(one => kind && 'place' in kind.scope && one.place.startsWith(`${kind.scope.place}:`))
  const send = async (): Promise<void> => {
    const { set, faults: found } = mended(kind?.name ?? '', draft, view)
    faults.value = found
    if (faults.value.length > 0) return feel('refused')
    const done = await core.mend(hand.entry, set, place.value)
    if (done.outcome !== 'saved') return feel('refused')
    feel('saved')
    tell({ text: t('hand.mended'), until: Date.now() + 3000 })
    leave()
  }
  return (
    <Sheet title={t('hand.mend')} full onClose={leave} foot={<Button tone="main" big onPress={() => void send()}>{t('hand.send')}</Button>}>
      <p class="note bad"><Icon name="warn" /> {reason(hand)}{hand.path && ` ${labelOf(kind, hand.path)}`}</p>
      {(hand.code === 'scope' || hand.code === 'out_of_scope') && places.length > 0 && (
        <label class="field">
          <span class="name">{t('shift.place')}</span>
          <select value={place.value ?? ''} onChange={event => { place.value = event.currentTarget.value || undefined }}>
            <option value="">{t('form.none')}</option>
            {places.map(one => <option key={one.place} value={one.place}>{one.name}</option>)}
          </select>
        </label>
      )}
      {kind ? (
        <Form kind={kind} fields={draft} faults={faults.value} without={CAPTURED} first={wrong} onField={(name, value) => typed.put(name, value)} />
      ) : <p>{t('hand.unknownKind')}</p>}
    </Sheet>
  )
}

const CAPTURED: ReadonlySet<string> = new Set(['captured_with', 'void', 'joined_into', 'abnormal'])
