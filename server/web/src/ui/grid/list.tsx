// My grid: every door with what happened there today, those not yet visited first.

import { useComputed, useSignal } from '@preact/signals'
import type { Household, RecordView } from '../../core/api'
import { t } from '../../i18n'
import { clock, moment } from '../../i18n/time'
import { core } from '../core'
import { box } from '../forms/ask'
import { now } from '../now'
import { Bar } from '../parts/bar'
import { Icon, Mark, type Shape } from '../parts/icon'
import { Button, Chip } from '../parts/press'
import { doorOf } from '../records/list'
import { enter } from '../route'
import { allWell, canBeWell } from './all-well'

const STATES = ['unvisited', 'nobody', 'abnormal', 'visited'] as const
type State = Household['today']
export const TODAY: Record<State, { readonly shape: Shape; readonly tone: string }> = {
  unvisited: { shape: 'ring', tone: 'plain' },
  nobody: { shape: 'triangle', tone: 'warn' },
  abnormal: { shape: 'square', tone: 'bad' },
  visited: { shape: 'dot', tone: 'good' },
}

export function MyGrid() {
  const grids = useComputed(() => {
    core.revision.value
    return core.grids()
  })
  const chosen = useSignal<string | null>(null)
  const only = useSignal<State | null>(null)
  const words = useSignal('')
  const all = grids.value
  const grid = all.find(one => one.place === chosen.value) ?? all[0]
  if (!grid) return <><Bar title={t('tab.grid')} /><main><p class="empty">{t('grid.none')}</p><Moved /></main></>
  const done = grid.households.filter(one => one.today !== 'unvisited').length
  const fit = grid.households.filter(one => (only.value === null || one.today === only.value) && matches(one, words.value))
  const list = words.value || only.value ? fit : [...fit.filter(one => one.today === 'unvisited'), ...fit.filter(one => one.today !== 'unvisited')]
  return (
    <>
      <Bar title={grid.name}>{t('grid.done', { n: done, of: grid.households.length })}</Bar>
      <main class="grid">
        {all.length > 1 && (
          <div class="chips" role="group" aria-label={t('grid.which')}>
            {all.map(one => <Chip key={one.place} on={one === grid} onPress={() => { chosen.value = one.place }}>{one.name}</Chip>)}
          </div>
        )}
        <label class="search">
          <Icon name="find" />
          <span class="aside">{t('grid.search')}</span>
          <input type="search" value={words.value} placeholder={t('grid.search')} autoComplete="off"
            onInput={event => { words.value = event.currentTarget.value }} />
        </label>
        <div class="chips filters" role="group" aria-label={t('records.filter')}>
          {STATES.map(state => (
            <Chip key={state} on={only.value === state} onPress={() => { only.value = only.value === state ? null : state }}>
              {t(`today.${state}`)} <b>{grid.households.filter(one => one.today === state).length}</b>
            </Chip>
          ))}
        </div>
        {list.length === 0 && <p class="empty">{t('grid.nothing')}</p>}
        <Stairs list={list} />
        <Moved />
        <p class="help">{grid.asOf === null ? t('grid.never') : t('grid.asOf', { time: moment(grid.asOf, now.value) })}{grid.complete ? '' : ` ${t('grid.partial')}`}</p>
      </main>
    </>
  )
}

/** Rows under the stair they belong to. */
function Stairs({ list }: { list: readonly Household[] }) {
  const groups: { readonly stair: string; readonly doors: Household[] }[] = []
  for (const one of list) {
    const last = groups[groups.length - 1]
    if (last && last.stair === one.stair) last.doors.push(one)
    else groups.push({ stair: one.stair, doors: [one] })
  }
  return (
    <>
      {groups.map((group, at) => (
        <section key={`${group.stair}-${at}`}>
          {group.stair && <h2 class="stair">{group.stair}</h2>}
          <ul class="list">{group.doors.map(one => <Door key={one.view.record} of={one} />)}</ul>
        </section>
      ))}
    </>
  )
}

function Door({ of }: { of: Household }) {
  const state = TODAY[of.today]
  const last = of.visits[0]
  const open = of.view.conflicts && Object.keys(of.view.conflicts).length > 0
  return (
    <li class="door-row">
      <button type="button" class="door" onClick={() => enter({ at: 'household', record: of.view.record })}>
        <span class={`record-state ${state.tone}`}><Mark shape={state.shape} /></span>
        <span class="door-number">{of.door || doorOf(of.view)}</span>
        <span class="door-who">{head(of)}<small>{t('household.people', { n: of.members.length })}</small></span>
        <span class="door-state">
          {t(`today.${of.today}`)}{of.today !== 'unvisited' && last ? ` ${clock(last.time)}` : ''}
          {open && <em class="must">{t('conflict.short')}</em>}
        </span>
      </button>
      {of.today === 'unvisited' && canBeWell(of) && (
        <button type="button" class="well" aria-label={t('household.allWellOf', { door: of.door || doorOf(of.view) })} onClick={() => void allWell(of)}>
          <Icon name="check" />
        </button>
      )}
    </li>
  )
}

/** The head of the household, else whoever stands first. */
export function head(of: Household): string {
  const first = of.members.find(one => one.fields['relation'] === 'head') ?? of.members[0]
  const name = first?.fields['name'] ?? box(of.view.fields, 'contact')['name']
  return typeof name === 'string' ? name : t('household.unknown')
}

/** By door, name or the tail of a telephone number; all of it is on the phone. */
function matches(of: Household, words: string): boolean {
  const wanted = words.trim().toLowerCase()
  if (!wanted) return true
  const texts = [of.stair, of.door, `${of.stair}-${of.door}`, of.view.fields['number'], box(of.view.fields, 'address')['text'], ...of.members.map(one => one.fields['name'])]
  // A digit or two would be in everybody's number.
  if (/^\d{4,}$/.test(wanted)) texts.push(of.view.fields['phone'], ...of.members.map(one => one.fields['phone']))
  return texts.some(text => typeof text === 'string' && text.toLowerCase().includes(wanted))
}

/** Visits whose household has left this grid: the work is kept and still goes out. */
function Moved() {
  const gone = useComputed(() => {
    core.revision.value
    return core.views({ kind: 'visit', own: true, limit: 200 }).filter((one: RecordView) => one.standing === 'pending' && one.parent !== null && core.view(one.parent) === null)
  })
  if (gone.value.length === 0) return null
  return (
    <section class="note warn">
      <p><strong>{t('grid.moved', { n: gone.value.length })}</strong></p>
      <p>{t('grid.movedText')}</p>
      <Button onPress={() => enter({ at: 'records' })}>{t('tab.records')}</Button>
    </section>
  )
}

