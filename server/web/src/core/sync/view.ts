// What is on screen: pending changes, in order, over the confirmed row. Only this enrolment's own;
// nothing is merged here.

import { read, type Change, type Fields } from './change.ts'
import { changeOf, type EntryId, type Seen } from './outbox.ts'
import type { Replica } from './replica.ts'
import type { Place, RecordId, Row, Scope } from './limits.ts'

/** How far what is shown has come. The least far of what lies over the row counts. */
export type Standing = 'confirmed' | 'taken' | 'parked' | 'invalid' | 'pending'

const ORDER: readonly Standing[] = ['confirmed', 'taken', 'parked', 'invalid', 'pending']

/** A record as this person sees it. */
export interface View {
  readonly record: RecordId
  readonly kind: string
  readonly parent: RecordId | null
  /** Where the confirmed row is filed. */
  readonly scope: Scope | null
  /** Where a record that is known only here is to live. */
  readonly place: Place | null
  /** What a change made now is based on. */
  readonly seen: Seen | null
  /** The row's fields, and over them what was captured here. */
  readonly fields: Fields
  readonly row: Row | null
  readonly standing: Standing
  /** The raw stamp of the first change that lies over the row. */
  readonly captured: string | null
}

interface Layer {
  readonly change: Change
  readonly standing: Standing
}

/** A record as this person sees it, if they see it at all. */
export function view(self: Replica, record: RecordId): View | null {
  return build(self, record, layersOf(self, record))
}

/** All that this person sees, by record. */
export function views(self: Replica): View[] {
  return records(self)
    .map(record => view(self, record))
    .filter((shown): shown is View => shown !== null)
}

/** Every record of which anything is here. */
export function records(self: Replica): RecordId[] {
  const found = new Set<RecordId>()
  for (const entry of self.outbox.values()) found.add(entry.record)
  for (const trouble of self.troubles.values()) found.add(trouble.record)
  for (const record of self.rows.keys()) found.add(record)
  for (const record of self.limbo.keys()) found.add(record)
  return [...found].sort()
}

/** What lies over the row, in the order of capture. */
function layersOf(self: Replica, record: RecordId): Layer[] {
  const layers = new Map<EntryId, Layer>()
  for (const [id, trouble] of self.troubles) {
    if (trouble.record !== record || (trouble.verdict !== 'parked' && trouble.verdict !== 'invalid')) continue
    const change = read(trouble.line)
    if (change !== null) layers.set(id, { change, standing: trouble.verdict })
  }
  for (const [id, entry] of self.outbox.of(record)) {
    if (entry.shown === 'hidden') continue
    const change = changeOf(entry)
    if (change !== null) layers.set(id, { change, standing: entry.shown === 'pending' ? 'pending' : 'taken' })
  }
  return [...layers].sort(([a], [b]) => a - b).map(([, layer]) => layer)
}

function build(self: Replica, record: RecordId, layers: readonly Layer[]): View | null {
  const filed = self.rows.get(record)
  const row = filed?.row ?? self.limbo.get(record)?.row ?? null
  // An invalid entry lies over nothing: it is shown only where there is nothing else.
  const valid = (layer: Layer) => layer.standing !== 'invalid'
  const alone = row === null && !layers.some(valid)
  const shown = layers.filter(layer => alone || valid(layer))
  const first = shown[0]?.change
  const kind = row?.kind ?? first?.kind
  if (kind === undefined) return null
  const fields: { [name: string]: Fields[string] } = { ...row?.set }
  let standing: Standing = 'confirmed'
  for (const layer of shown) {
    Object.assign(fields, layer.change.set)
    if (ORDER.indexOf(layer.standing) > ORDER.indexOf(standing)) standing = layer.standing
  }
  return {
    record,
    kind,
    parent: row?.parent ?? first?.parent ?? null,
    scope: filed?.scope ?? null,
    place: first?.scope ?? null,
    seen: row === null ? null : { rev: row.rev, stamp: row.stamp },
    fields,
    row,
    standing,
    captured: first?.stamp ?? null,
  }
}
