// The outbox: what was captured, from capture until it is safe elsewhere.
//
// captured (no number) → packed (a number and a mark, for good) → settled (its verdict is known;
// the copy is kept, out of sight, for a centre that is put back to yesterday) → gone, once
// `durable` has passed it. A line's bytes are made at capture and never change.

import { lineOf, parse, read, type Change, type Fields } from './change.ts'
import { markOf, type Mark } from './mark.ts'
import { tick, type Replica } from './replica.ts'
import { bytesOf } from './sha256.ts'
import { Table } from './table.ts'
import { keepOffsets, nextStamp, rawText, type Moment } from './time.ts'
import { view } from './view.ts'
import { MAX_CHANGE_BYTES, type Outcome, type Place, type RecordId, type Rev, type Scope, type Seq } from './limits.ts'

/** The place of an entry in the order of capture; never given out twice. */
export type EntryId = number

/** What stood on screen when a person began to change it. */
export interface Seen {
  readonly rev: Rev
  readonly stamp: string
}

/** What a person has entered, before it becomes a change. */
export interface Draft {
  readonly record: RecordId
  readonly kind: string
  readonly seen?: Seen | null
  readonly scope?: Place | null
  readonly parent?: RecordId | null
  readonly set: Fields
  readonly abnormal?: boolean
  readonly whole?: boolean
}

export type Refused =
  | { readonly refused: 'too_large'; readonly bytes: number }
  | { readonly refused: string; readonly path: string }

/** What stands between an entry and the screen. */
export type Shown = 'pending' | 'awaiting' | 'hidden'

export interface Entry {
  readonly record: RecordId
  readonly parent: RecordId | null
  readonly era: number
  readonly stamp: string
  readonly abnormal: boolean
  readonly whole: boolean
  /** Its number, once packed. */
  seq: Seq | null
  /** The line, byte for byte; null once storage has lost it, undefined while it is asleep there. */
  line: string | null | undefined
  shown: Shown
}

/** A verdict that a person should know of. */
export interface Trouble {
  readonly entry: EntryId
  readonly record: RecordId
  readonly kind: string | null
  readonly verdict: Outcome
  readonly code: string | null
  readonly path: string | null
  readonly fields: readonly string[]
  readonly scope: Scope | null
  /** The change as captured, for `parked` and `invalid`. */
  readonly line: string | null
}

/** Entries by order of capture, and by record: most records have one. */
export class Outbox extends Table<EntryId, Entry> {
  private readonly records = new Map<RecordId, EntryId | EntryId[]>()
  /**
   * New records whose place nobody knew for sure when they were captured, and what was typed for it:
   * none of their entries is packed until somebody has said where they belong.
   */
  readonly unplaced = new Map<RecordId, Place | ''>()

  override set(id: EntryId, entry: Entry): this {
    const of = this.records.get(entry.record)
    if (of === undefined) this.records.set(entry.record, id)
    else if (typeof of !== 'number') {
      if (!of.includes(id)) of.push(id)
    } else if (of !== id) this.records.set(entry.record, [of, id])
    return super.set(id, entry)
  }

  override delete(id: EntryId): boolean {
    const record = this.get(id)?.record
    if (record !== undefined) {
      const rest = this.idsOf(record).filter(other => other !== id)
      if (rest.length === 0) {
        this.records.delete(record)
        this.unplaced.delete(record)
      } else this.records.set(record, rest)
    }
    return super.delete(id)
  }

  /** The entries of a record, in the order of capture. */
  of(record: RecordId): readonly (readonly [EntryId, Entry])[] {
    return this.idsOf(record).map(id => [id, this.get(id)!] as const)
  }

  private idsOf(record: RecordId): readonly EntryId[] {
    const of = this.records.get(record)
    return of === undefined ? [] : typeof of === 'number' ? [of] : of
  }
}

/** A draft for a record that is on screen: kind and what stood there are filled in. */
export function draft(self: Replica, record: RecordId, set: Fields): Draft | null {
  const shown = view(self, record)
  return shown === null ? null : { record, kind: shown.kind, seen: shown.seen, set }
}

/** Captures a change. From here on it is kept until it is safe elsewhere. */
export function capture(self: Replica, draft: Draft, moment: Moment): EntryId | Refused {
  tick(self, moment)
  // The stamp's length does not depend on its value: judge first, then use one up.
  const trial = write(self, draft, '0000000000000000')
  const bytes = bytesOf(trial).length
  if (bytes > MAX_CHANGE_BYTES) return { refused: 'too_large', bytes }
  const parsed = parse(trial)
  if ('malformed' in parsed) return { refused: parsed.malformed.code, path: parsed.malformed.path }
  const stamp = rawText(nextStamp(self.eras, moment.wall))
  const id = self.nextEntry++
  const entry: Entry = {
    record: draft.record,
    parent: draft.parent ?? null,
    era: self.eras.era,
    stamp,
    abnormal: draft.abnormal ?? false,
    whole: draft.whole ?? false,
    seq: null,
    line: write(self, draft, stamp),
    shown: 'pending',
  }
  self.outbox.set(id, entry)
  if ('change' in parsed) changes.set(entry, { line: entry.line as string, change: { ...parsed.change, stamp } })
  return id
}

function write(self: Replica, draft: Draft, stamp: string): string {
  return lineOf({
    era: self.eras.era,
    schema: self.schema,
    stamp,
    kind: draft.kind,
    record: draft.record,
    base: draft.seen?.rev ?? null,
    saw: draft.seen?.stamp ?? null,
    scope: draft.scope ?? null,
    parent: draft.parent ?? null,
    whole: draft.whole ?? false,
    set: draft.set,
  })
}

/** Storage has lost the body of an entry. It is not given up: the centre may have it. */
export function lose(self: Replica, id: EntryId): void {
  const entry = self.outbox.get(id)
  if (entry === undefined) return
  entry.line = null
  self.outbox.touch(id)
}

/** Storage has lost the marks of the first numbers, up to this one. */
export function loseMarks(self: Replica, last: Seq): void {
  for (let at = 0; at < Math.min(last, self.marks.length); at++) self.marks[at] = null
  self.marksFrom = 1
}

/** A person has seen a trouble and wants it off the list. */
export function dismiss(self: Replica, id: EntryId): boolean {
  return self.troubles.delete(id)
}

/**
 * A person takes back an entry that has no number yet: nobody else can have heard of it. Says
 * whether it was taken back. (Only here: a phone's shell may do this, the protocol never does.)
 */
export function takeBack(self: Replica, id: EntryId): boolean {
  const entry = self.outbox.get(id)
  return entry !== undefined && entry.seq === null && self.outbox.delete(id)
}

/** The greatest number given out. */
export function packed(self: Replica): Seq {
  return self.marks.length
}

/** The mark of a number, if storage has it, or the line that it is made of. */
export function markAt(self: Replica, seq: Seq): Mark | null {
  if (seq < 1 || seq > self.marks.length) return null
  const kept = self.marks[seq - 1]
  if (kept !== null && kept !== undefined) return kept
  const line = entryOf(self, seq)?.line
  return line === null || line === undefined ? null : markOf(seq, line)
}

export function setMark(self: Replica, seq: Seq, mark: Mark): void {
  if (seq < 1 || seq > self.marks.length) return
  self.marks[seq - 1] = mark
  self.marksFrom = Math.min(self.marksFrom, seq)
}

export function entryOf(self: Replica, seq: Seq): Entry | undefined {
  const id = self.numbered.get(seq)
  return id === undefined ? undefined : self.outbox.get(id)
}

/** Everything above `seq` is to be sent again, and is pending again. */
export function unsettle(self: Replica, seq: Seq): void {
  self.settled = Math.min(self.settled, seq)
  self.ack = Math.min(self.ack, seq)
  self.lostChecked = null
  for (const [number, id] of self.numbered) {
    const entry = number > seq ? self.outbox.get(id) : undefined
    if (entry !== undefined) {
      entry.shown = 'pending'
      self.outbox.touch(id)
    }
  }
}

/** Lets go of copies that outlive the loss of the centre and are not on screen. */
export function letGo(self: Replica): void {
  const safe = Math.min(self.durable, self.settled)
  for (const [seq, id] of [...self.numbered]) {
    if (seq > safe) break
    const entry = self.outbox.get(id)
    if (entry !== undefined && entry.shown !== 'hidden') continue
    self.numbered.delete(seq)
    self.outbox.delete(id)
  }
  const eras = new Set<number>()
  for (const entry of self.outbox.values()) eras.add(entry.era)
  keepOffsets(self.eras, era => eras.has(era))
}

/** The line that tells of a lost body. */
export function lostLine(reason: string): string {
  return JSON.stringify({ lost: reason })
}

/** What the lines say that were read already: a line is read once, however often it is shown. */
const changes = new WeakMap<Entry, { readonly line: string; readonly change: Change | null }>()

/** The change of an entry, as it was captured. */
export function changeOf(entry: Entry | undefined): Change | null {
  if (entry === undefined || typeof entry.line !== 'string') return null
  let known = changes.get(entry)
  if (known?.line !== entry.line) changes.set(entry, (known = { line: entry.line, change: read(entry.line) }))
  return known.change
}
