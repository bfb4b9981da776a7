// My grid: households with their members, visits and what today brought.

import type { Fields, Grid, HeldPlace, Household, RecordView, Value } from './api.ts'
import { isEntry } from './definitions/check.ts'
import { isCurrent } from './sync/rows.ts'
import type { Replica } from './sync/replica.ts'

export function gridsOf(
  replica: Replica,
  places: readonly HeldPlace[],
  households: readonly RecordView[],
  visits: readonly RecordView[],
  today: number,
): Grid[] {
  const byHousehold = new Map<string, RecordView[]>()
  for (const visit of visits) {
    if (visit.parent === null || visit.isVoid) continue
    const list = byHousehold.get(visit.parent)
    if (list === undefined) byHousehold.set(visit.parent, [visit])
    else list.push(visit)
  }
  return places
    .filter(({ place }) => place.startsWith('grid:'))
    .map(({ place, name }) => {
      const held = replica.holdings.get(place)
      const here = households.filter(view => view.place === place && !view.isVoid)
      return {
        place,
        name,
        households: here.map(view => householdOf(view, byHousehold.get(view.record) ?? [], today)).sort(byDoor),
        asOf: held === undefined || held.renewed === 0 ? null : held.renewed,
        complete: held !== undefined && isCurrent(held),
      }
    })
}

function householdOf(view: RecordView, visits: readonly RecordView[], today: number): Household {
  const members = Object.entries(view.fields)
    .filter(([name, value]) => isEntry(name, 'members') && isObject(value))
    .map(([name, value]) => ({ id: name.slice('members/'.length), fields: value as Fields }))
  const address = isObject(view.fields['address']) ? (view.fields['address'] as Fields) : {}
  const text = (name: string) => (typeof address[name] === 'string' ? (address[name] as string) : '')
  const latest = visits.find(visit => visit.time >= today)
  return {
    view,
    members,
    visits,
    today: latest === undefined ? 'unvisited' : stateOf(latest),
    stair: [text('street'), text('building'), text('unit')].filter(part => part !== '').join(' '),
    door: text('room') || text('text') || (typeof view.fields['number'] === 'string' ? view.fields['number'] : ''),
  }
}

function stateOf(visit: RecordView): Household['today'] {
  if (visit.abnormal.length > 0) return 'abnormal'
  return visit.fields['outcome'] === 'nobody_home' ? 'nobody' : 'visited'
}

function byDoor(a: Household, b: Household): number {
  return compare(a.stair, b.stair) || compare(a.door, b.door) || compare(a.view.record, b.view.record)
}

function compare(a: string, b: string): number {
  return a.localeCompare(b, 'zh', { numeric: true })
}

function isObject(value: Value | undefined): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
