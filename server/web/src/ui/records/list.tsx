// What this phone holds of this shift: each entry with its state, newest first.

import { useComputed, useSignal } from '@preact/signals'
import type { RecordView, Standing } from '../../core/api'
import { say, t, type Message } from '../../i18n'
import { clock, day, degrees } from '../../i18n/time'
import { core } from '../core'
import { box } from '../forms/ask'
import { named } from '../forms/show'
import { field } from '../forms/ask'
import { now } from '../now'
import { Bar } from '../parts/bar'
import { Mark, type Shape } from '../parts/icon'
import { Button, Chip } from '../parts/press'
import { enter } from '../route'

/** Rows drawn at once; more come when asked for, so that a long shift opens as fast as a short one. */
const PAGE = 40

const FILTERS = ['all', 'abnormal', 'unsent', 'hand'] as const
type Filter = (typeof FILTERS)[number]

export const STANDINGS: Record<Standing, { readonly shape: Shape; readonly text: Message; readonly tone: string }> = {
  pending: { shape: 'ring', text: 'standing.pending', tone: 'warn' },
  taken: { shape: 'dot', text: 'standing.taken', tone: 'good' },
  confirmed: { shape: 'dot', text: 'standing.confirmed', tone: 'good' },
  parked: { shape: 'triangle', text: 'standing.parked', tone: 'warn' },
  invalid: { shape: 'square', text: 'standing.invalid', tone: 'bad' },
}

export function Records() {
  const filter = useSignal<Filter>('all')
  const pages = useSignal(1)
  const all = useComputed(() => {
    core.revision.value
    const since = Math.min(core.shift.value?.since ?? Date.now(), new Date(new Date().setHours(0, 0, 0, 0)).getTime())
    return core.views({ own: true }).filter(one => one.time >= since || one.standing === 'pending' || one.standing === 'invalid')
  })
  const list = all.value.filter(one => fits(one, filter.value))
  const shown = list.slice(0, pages.value * PAGE)
  return (
    <>
      <Bar title={t('tab.records')}>{t('records.count', { n: all.value.filter(one => !one.isVoid).length })}</Bar>
      <main class="records">
        <div class="chips filters" role="group" aria-label={t('records.filter')}>
          {FILTERS.map(one => (
            <Chip key={one} on={filter.value === one} onPress={() => { filter.value = one; pages.value = 1 }}>
              {t(`filter.${one}`)} <b>{all.value.filter(view => fits(view, one)).length}</b>
            </Chip>
          ))}
        </div>
        {shown.length === 0 ? <p class="empty">{t('records.none')}</p> : (
          <ul class="list">{shown.map(view => <Row key={view.record} view={view} />)}</ul>
        )}
        {shown.length < list.length && <Button big onPress={() => { pages.value += 1 }}>{t('records.more', { n: list.length - shown.length })}</Button>}
      </main>
    </>
  )
}

function fits(view: RecordView, filter: Filter): boolean {
  if (filter === 'abnormal') return isAbnormal(view)
  if (filter === 'unsent') return view.standing === 'pending'
  if (filter === 'hand') return view.standing === 'invalid' || view.standing === 'parked'
  return true
}

export function isAbnormal(view: RecordView): boolean {
  return view.abnormal.length > 0
}

function Row({ view }: { view: RecordView }) {
  const state = STANDINGS[view.standing]
  const abnormal = isAbnormal(view)
  return (
    <li>
      <button type="button" class={`record${view.isVoid ? ' void' : ''}${abnormal ? ' abnormal-row' : ''}`} onClick={() => enter({ at: 'record', record: view.record })}>
        <span class={`record-state ${state.tone}`}><Mark shape={state.shape} /><span class="aside">{t(state.text)}</span></span>
        <span class="record-who">{who(view)}</span>
        <span class="record-what">{what(view)}</span>
        <span class="record-time">{day(view.time) === day(now.value) ? clock(view.time) : `${day(view.time).slice(5)} ${clock(view.time)}`}</span>
      </button>
    </li>
  )
}

/** Who or which door: the name, else what else is known. */
export function who(view: RecordView): string {
  const person = box(view.fields, 'person')
  const first = person['name'] ?? person['phone'] ?? box(view.fields, 'vehicle')['plate']
  if (typeof first === 'string') return first
  if (view.fields['mode'] === 'tally') return t('tally.one')
  if (view.parent !== null) {
    const parent = core.view(view.parent)
    return parent ? doorOf(parent) : t('visit.gone')
  }
  const of = core.kinds.value[view.kind]
  return view.kind === 'household' ? doorOf(view) : of ? say(of.label) : view.kind
}

/** The door of a household in one line. */
export function doorOf(view: RecordView): string {
  const address = box(view.fields, 'address')
  const parts = [address['building'], address['unit'], address['room']].filter(part => typeof part === 'string' && part !== '')
  const text = parts.length > 0 ? parts.join('-') : address['text'] ?? view.fields['number']
  return typeof text === 'string' && text !== '' ? text : t('household.unnamed')
}

function what(view: RecordView): string {
  const kind = core.kinds.value[view.kind]
  const heat = box(view.fields, 'measurement')['temperature']
  const code = view.fields['health_code'] ?? view.fields['outcome']
  const of = kind && field(kind, view.fields['health_code'] !== undefined ? 'health_code' : 'outcome')
  const parts = [
    view.isVoid ? t('record.void') : '',
    view.kind === 'registration' || !kind ? '' : say(kind.label),
    typeof heat === 'number' ? degrees(heat) : '',
    typeof code === 'string' ? named(of, code) : '',
  ]
  return parts.filter(Boolean).join(' · ')
}
