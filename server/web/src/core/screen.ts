// What is on screen, kept by record and in order of time, so that one change redraws one record
// and not ten thousand.

import type { RecordView, Value } from './api.ts'
import type { Seen } from './sync/outbox.ts'
import { msOf } from './sync/time.ts'
import { view, type View } from './sync/view.ts'
import type { Held } from './store/keep.ts'

/** What a change of a view would be based on. */
const seenOf = new WeakMap<RecordView, Seen | null>()

export function seen(shown: RecordView): Seen | null {
  return seenOf.get(shown) ?? null
}

export type Abnormal = (kind: string, fields: RecordView['fields']) => readonly string[]

export class Screen {
  private readonly shown = new Map<string, RecordView>()
  /** By kind, newest first. */
  private readonly lists = new Map<string, RecordView[]>()

  constructor(
    private readonly held: Held,
    private readonly abnormal: Abnormal,
  ) {}

  /** Builds everything anew that is awake; of ten thousand entries, that is what stands in rows. */
  begin(): void {
    this.shown.clear()
    this.lists.clear()
    const { rows, limbo, troubles, outbox } = this.held.replica
    const awake = new Set<string>([...rows.keys(), ...limbo.keys()])
    for (const { record } of troubles.values()) awake.add(record)
    for (const entry of outbox.values()) if (typeof entry.line === 'string') awake.add(entry.record)
    for (const record of awake) this.renew(record)
  }

  renew(record: string): void {
    const old = this.shown.get(record)
    if (old !== undefined) {
      const list = this.lists.get(old.kind)!
      const at = place(list, old)
      if (list[at] === old) list.splice(at, 1)
      this.shown.delete(record)
    }
    const found = view(this.held.replica, record)
    if (found === null) return
    const made = this.make(found)
    this.shown.set(record, made)
    let list = this.lists.get(made.kind)
    if (list === undefined) this.lists.set(made.kind, (list = []))
    list.splice(place(list, made), 0, made)
  }

  get(record: string): RecordView | null {
    return this.shown.get(record) ?? null
  }

  of(kind: string): readonly RecordView[] {
    return this.lists.get(kind) ?? []
  }

  kinds(): readonly string[] {
    return [...this.lists.keys()]
  }

  private make(found: View): RecordView {
    const { replica } = this.held
    const { row, fields, kind } = found
    const user = replica.identity?.user ?? null
    const standing = found.standing === 'taken' ? 'taken' : found.standing
    const offset = replica.eras.offsets.get(replica.eras.era) ?? 0
    const made: RecordView = {
      record: found.record,
      kind,
      parent: found.parent,
      scope: found.scope,
      place: found.scope?.split('@')[0] ?? found.place,
      fields,
      standing,
      time: row?.time ?? (found.captured === null ? 0 : msOf(found.captured) + offset),
      by: row?.by ?? user,
      own: row === null || (user !== null && row.by === user),
      conflicts: row?.conflicts ?? {},
      abnormal: standing === 'confirmed' ? (row?.abnormal ?? []) : this.abnormal(kind, fields),
      flags: row?.flags ?? [],
      isVoid: isThere(fields['void']),
    }
    seenOf.set(made, found.seen)
    return made
  }
}

function isThere(value: Value | undefined): boolean {
  return value !== undefined && value !== null
}

/** Where a view stands in a list that is newest first. */
function place(list: readonly RecordView[], one: RecordView): number {
  let low = 0
  let high = list.length
  while (low < high) {
    const middle = (low + high) >> 1
    const other = list[middle]!
    if (other.time > one.time || (other.time === one.time && other.record > one.record)) low = middle + 1
    else high = middle
  }
  return low
}
