// Keeps replicas: writes what a step has touched, in one transaction, and brings a replica back.
//
// Lines and rows have stores of their own, each sealed by itself, so that a step writes little and
// a start reads little: of ten thousand unsent entries only the heads, without a line unsealed.

import { newPace } from '../sync/pace.ts'
import { readDigest, digestText } from '../sync/digest.ts'
import { newReplica, type Replica } from '../sync/replica.ts'
import { oldestUnsent, unsent } from '../sync/status.ts'
import type { Entry, EntryId, Trouble } from '../sync/outbox.ts'
import type { Filed } from '../sync/rows.ts'
import type { Row } from '../sync/limits.ts'
import { Elsewhere, ofPerson, type Database, type OutboxRow, type PersonRow, type RowRow, type Store, type Transaction } from './db.ts'
import type { Mirror } from './mirror.ts'
import { seal, unseal, type Sealed } from './seal.ts'

/** Marks in one record of storage. */
const CHUNK = 256
/** Values unsealed before others get a turn. */
const SLICE = 100

/** A person on this phone, in memory. */
export interface Held {
  readonly row: PersonRow
  readonly replica: Replica
  /** What screens keep with a person: the shift. */
  extra: unknown
  /** Under which rows are sealed; null without WebCrypto or while locked. */
  key: CryptoKey | null
  /** Rows have bodies: the person is on duty. */
  open: boolean
}

/** A body that is not in memory. */
const NOTHING: Omit<Row, 'record' | 'rev'> = { kind: '', stamp: '', time: 0, by: '', set: {} }
const isStub = (row: Row): boolean => row.kind === ''

export class Keeper {
  private readonly saving = new WeakMap<Held, Promise<void>>()

  constructor(
    private readonly db: Database,
    private readonly phoneKey: CryptoKey | null,
    private readonly mirror: Mirror | null = null,
  ) {}

  /**
   * Writes everything that was touched since the last time. On failure it stays touched. One after
   * the other: of two that were under way at once, the older could be written last.
   */
  save(held: Held): Promise<void> {
    const before = this.saving.get(held) ?? Promise.resolve()
    const saved = before.catch(() => undefined).then(() => this.write(held))
    this.saving.set(held, saved)
    return saved
  }

  private async write(held: Held): Promise<void> {
    const { replica } = held
    const person = held.row.id
    const entries = drain(replica.outbox.touched)
    const troubles = drain(replica.troubles.touched)
    const rows = drain(replica.rows.touched)
    const limbo = drain(replica.limbo.touched)
    const { marksFrom } = replica
    replica.marksFrom = replica.marks.length + 1
    try {
      const [lines, sealedTroubles, bodies] = await Promise.all([
        this.sealLines(replica, entries),
        this.sealTroubles(replica, troubles),
        this.sealRows(held, new Set([...rows, ...limbo])),
      ])
      held.row.state = await seal(this.phoneKey, JSON.stringify(stateOf(held)))
      held.row.unsent = unsent(replica)
      held.row.oldestUnsent = oldestUnsent(replica)
      const stores: Store[] = ['persons', 'clocks', 'outbox', 'lines', 'marks', 'troubles', 'rows']
      await this.db.write(stores, tx => {
        void tx.objectStore('persons').put(held.row)
        putClock(tx, held)
        for (const id of entries) putEntry(tx, held, id, lines.get(id))
        for (const id of troubles) {
          const sealed = sealedTroubles.get(id)
          if (sealed !== undefined) void tx.objectStore('troubles').put({ person, entry: id, trouble: sealed })
          else void tx.objectStore('troubles').delete([person, id])
        }
        for (const record of new Set([...rows, ...limbo])) {
          const row = rowOf(replica, person, record, bodies.get(record))
          if (row === null) void tx.objectStore('rows').delete([person, record])
          else if (row !== 'unchanged') void tx.objectStore('rows').put(row)
        }
        putMarks(tx, person, replica.marks, marksFrom)
      })
      for (const id of lines.keys()) {
        const entry = replica.outbox.get(id)
        if (entry !== undefined) stored.add(entry)
      }
      await this.follow(held, entries)
    } catch (error) {
      for (const id of entries) replica.outbox.touched.add(id)
      for (const id of troubles) replica.troubles.touched.add(id)
      for (const id of rows) replica.rows.touched.add(id)
      for (const id of limbo) replica.limbo.touched.add(id)
      replica.marksFrom = Math.min(replica.marksFrom, marksFrom)
      throw error
    }
  }

  /**
   * Of a capture: only the entry, its line and the clock. The line is sealed by the caller. If it was
   * numbered meanwhile, that is not for this to write: a number without those before it and without
   * its mark would be a hole. `save` writes them together, and if it was first, nothing is left to do.
   */
  async saveEntry(held: Held, id: EntryId, line: Sealed): Promise<void> {
    const person = held.row.id
    const mirrored = this.mirrorEntry(held, id)
    const standing = (tx: Transaction) => tx.objectStore('outbox').get([person, id])
    await this.db.writeKnowing(['clocks', 'outbox', 'lines'], standing, (tx, there) => {
      const entry = held.replica.outbox.get(id)
      // Another window gave the number to something else.
      if (there && entry && !isSame(there, entry)) throw new Elsewhere()
      putClock(tx, held)
      if (there || entry === undefined) return
      void tx.objectStore('outbox').put(asCaptured(outboxRow(held, id, entry)))
      void tx.objectStore('lines').put({ person, entry: id, line })
    })
    await mirrored
    const entry = held.replica.outbox.get(id)
    if (entry === undefined) return
    stored.add(entry)
    // What was not numbered since is as it stands there.
    if (entry.seq === null) held.replica.outbox.touched.delete(id)
  }

  /** The second copy of an entry that was not called saved goes, too. */
  async unmirror(held: Held, id: EntryId): Promise<void> {
    await this.mirror?.remove(held.row.id, [id])
  }

  /** The second copy of an entry, or its newer line. */
  async mirrorEntry(held: Held, id: EntryId): Promise<void> {
    const entry = held.replica.outbox.get(id)
    if (this.mirror === null || typeof entry?.line !== 'string') return
    await this.mirror.put({ row: asCaptured(outboxRow(held, id, entry)), line: entry.line, clock: clockOf(held) })
  }

  /** The second copy keeps to what is still to be sent, and to who everybody is. */
  private async follow(held: Held, entries: readonly EntryId[]): Promise<void> {
    const { mirror } = this
    if (mirror === null) return
    const { row, replica, extra } = held
    mirror.tell({ id: row.id, name: row.name, pin: row.pin, identity: replica.identity, offsets: [...replica.eras.offsets], extra })
    const done = entries.filter(id => replica.outbox.get(id)?.shown !== 'pending')
    const removed = mirror.remove(row.id, done)
    // What was taken back must not return; of what the centre has, a copy that stays does no harm.
    if (done.some(id => !replica.outbox.has(id))) await removed
  }

  sealLine(line: string): Promise<Sealed> {
    return seal(this.phoneKey, line)
  }

  unsealLine(line: Sealed): Promise<string | null> {
    return unseal(this.phoneKey, line)
  }

  /** Brings a person back, with lines asleep and rows without bodies. */
  async load(row: PersonRow): Promise<Held> {
    const person = row.id
    const range = ofPerson(person)
    const [[clock, entries, marks, troubles, rows], state] = await Promise.all([
      this.db.read(db => {
        const tx = db.transaction(['clocks', 'outbox', 'marks', 'troubles', 'rows'])
        return Promise.all([
          tx.objectStore('clocks').get(person),
          tx.objectStore('outbox').getAll(range),
          tx.objectStore('marks').getAll(range),
          tx.objectStore('troubles').getAll(range),
          tx.objectStore('rows').getAll(range),
        ])
      }),
      unseal(this.phoneKey, row.state),
    ])
    const replica = newReplica()
    const extra = state === null ? null : takeState(replica, JSON.parse(state))
    takeClock(replica, clock?.clock)
    for (const entry of entries) {
      replica.outbox.set(entry.entry, entryOf(entry))
      if (entry.unplaced !== undefined) replica.outbox.unplaced.set(entry.record, entry.unplaced)
      replica.nextEntry = Math.max(replica.nextEntry, entry.entry + 1)
    }
    const numbered = entries.filter(entry => entry.seq !== null)
    numbered.sort((a, b) => a.seq! - b.seq!)
    for (const entry of numbered) replica.numbered.set(entry.seq!, entry.entry)
    replica.marks = marks.sort((a, b) => a.chunk - b.chunk).flatMap(chunk => chunk.marks)
    // A number without its mark was given all the same: the mark is made again from the line.
    const last = numbered[numbered.length - 1]?.seq ?? 0
    while (replica.marks.length < Math.max(last, replica.settled)) replica.marks.push(null)
    replica.marksFrom = replica.marks.length + 1
    for (const { entry, trouble } of troubles) {
      const text = await unseal(this.phoneKey, trouble)
      if (text !== null) replica.troubles.set(entry, JSON.parse(text) as Trouble)
    }
    for (const stored of rows) takeStub(replica, stored)
    settleTouched(replica)
    replica.muted = true
    return { row, replica, extra, key: row.key, open: false }
  }

  /** Wakes lines that are asleep. One that storage does not have is lost. */
  async wake(held: Held, ids: readonly EntryId[]): Promise<void> {
    const person = held.row.id
    for (let at = 0; at < ids.length; at += SLICE) {
      const slice = ids.slice(at, at + SLICE)
      const stored = await this.db.read(db => {
        const store = db.transaction('lines').store
        return Promise.all(slice.map(id => store.get([person, id])))
      })
      const texts = await Promise.all(stored.map(one => (one === undefined ? null : unseal(this.phoneKey, one.line))))
      slice.forEach((id, i) => {
        const entry = held.replica.outbox.get(id)
        if (entry === undefined || entry.line !== undefined) return
        entry.line = texts[i]!
        if (texts[i] === null) held.replica.outbox.touch(id)
      })
    }
  }

  /** The bodies of the rows, under the person's key: the person is on duty from here on. */
  async openRows(held: Held, key: CryptoKey | null): Promise<void> {
    const stored = await this.db.read(db => db.getAll('rows', ofPerson(held.row.id)))
    for (let at = 0; at < stored.length; at += SLICE) {
      const slice = stored.slice(at, at + SLICE)
      const texts = await Promise.all(slice.map(row => unseal(key, row.body)))
      slice.forEach((row, i) => {
        const text = texts[i]
        const table = row.limbo ? held.replica.limbo : held.replica.rows
        const there = table.get(row.record)
        if (there === undefined || !isStub(there.row)) return
        if (text === null || text === undefined) {
          // Not to be read any more: the scope is asked for from 0.
          const holding = held.replica.holdings.get(row.scope)
          if (holding !== undefined) holding.again = true
          return
        }
        const body = JSON.parse(text) as Row
        if (row.limbo) held.replica.limbo.set(row.record, { to: row.scope, row: body })
        else held.replica.rows.set(row.record, { scope: row.scope, stale: row.stale, row: body })
      })
    }
    drain(held.replica.rows.touched)
    drain(held.replica.limbo.touched)
    held.key = key
    held.open = true
    held.replica.muted = false
  }

  /** The bodies leave memory: the person is off duty. What is under way counts for no rows. */
  closeRows(held: Held): void {
    const { replica } = held
    held.open = false
    replica.muted = true
    if (replica.flight !== null) replica.flight.asks = []
    for (const [record, filed] of replica.rows) replica.rows.set(record, { ...filed, row: stub(filed.row) })
    for (const [record, limbo] of replica.limbo) replica.limbo.set(record, { ...limbo, row: stub(limbo.row) })
    drain(replica.rows.touched)
    drain(replica.limbo.touched)
    const busy = replica.flight
    for (const entry of replica.outbox.values()) {
      const flying = busy !== null && entry.seq !== null && entry.seq >= busy.from && entry.seq <= busy.last
      if (!flying) sleep(entry)
    }
  }

  private async sealLines(replica: Replica, ids: readonly EntryId[]): Promise<Map<EntryId, Sealed>> {
    const sealed = new Map<EntryId, Sealed>()
    // The bytes of a line never change: only what is new, or became a line that tells of a loss.
    const fresh = ids.filter(id => {
      const entry = replica.outbox.get(id)
      return typeof entry?.line === 'string' && (!stored.has(entry) || entry.line.startsWith('{"lost"'))
    })
    await Promise.all(fresh.map(async id => sealed.set(id, await seal(this.phoneKey, replica.outbox.get(id)!.line as string))))
    return sealed
  }

  private async sealTroubles(replica: Replica, ids: readonly EntryId[]): Promise<Map<EntryId, Sealed>> {
    const sealed = new Map<EntryId, Sealed>()
    for (const id of ids) {
      const trouble = replica.troubles.get(id)
      if (trouble !== undefined) sealed.set(id, await seal(this.phoneKey, JSON.stringify(trouble)))
    }
    return sealed
  }

  private async sealRows(held: Held, records: ReadonlySet<string>): Promise<Map<string, Sealed>> {
    const sealed = new Map<string, Sealed>()
    const all = [...records].map(async record => {
      const row = held.replica.rows.get(record)?.row ?? held.replica.limbo.get(record)?.row
      if (row !== undefined && !isStub(row)) sealed.set(record, await seal(held.key, JSON.stringify(row)))
    })
    await Promise.all(all)
    return sealed
  }
}

/** Entries whose line is in storage for good: told only after the commit. */
const stored = new WeakSet<Entry>()

/** Another line than the one in storage: it is written with the next save. */
export function rewrite(entry: Entry, line: string): void {
  stored.delete(entry)
  entry.line = line
}

/** The line leaves memory, if it is in storage: what only the journal has, or nothing yet, stays. */
export function sleep(entry: Entry): void {
  if (typeof entry.line === 'string' && stored.has(entry)) entry.line = undefined
}

function drain<K>(touched: Set<K>): K[] {
  const keys = [...touched]
  touched.clear()
  return keys
}

function settleTouched(replica: Replica): void {
  for (const table of [replica.outbox, replica.troubles, replica.rows, replica.limbo]) {
    table.touched.clear()
    table.gone.length = 0
  }
}

/** The records of which something was touched since this was last asked and saved. */
export function touchedRecords(replica: Replica): Set<string> {
  const records = new Set<string>([...replica.rows.touched, ...replica.limbo.touched])
  for (const table of [replica.outbox, replica.troubles]) {
    for (const id of table.touched) {
      const record = table.get(id)?.record
      if (record !== undefined) records.add(record)
    }
    for (const { record } of table.gone) records.add(record)
    table.gone.length = 0
  }
  replica.rows.gone.length = 0
  replica.limbo.gone.length = 0
  return records
}

function putClock(tx: Transaction, held: Held): void {
  void tx.objectStore('clocks').put({ person: held.row.id, clock: clockOf(held) })
}

function clockOf({ replica: { eras, nextEntry } }: Held): unknown {
  return { era: eras.era, last: eras.last, stamp: eras.stamp, nextEntry }
}

/** An entry before anything became of it. */
export function asCaptured(row: OutboxRow): OutboxRow {
  return { ...row, seq: null, shown: 'pending' }
}

/** Whether two rows are of one change. */
export const isSame = (one: Stamped, other: Stamped): boolean => one.record === other.record && one.stamp === other.stamp

type Stamped = Pick<OutboxRow, 'record' | 'stamp'>

export function outboxRow({ row, replica }: Held, id: EntryId, entry: Entry): OutboxRow {
  const { record, parent, era, stamp, abnormal, whole, seq, shown } = entry
  const unplaced = replica.outbox.unplaced.get(record)
  const told = { person: row.id, entry: id, record, parent, era, stamp, abnormal, whole, seq, shown, lost: entry.line === null }
  return unplaced === undefined ? told : { ...told, unplaced }
}

function entryOf(row: OutboxRow): Entry {
  const { record, parent, era, stamp, abnormal, whole, seq, shown } = row
  const entry: Entry = { record, parent, era, stamp, abnormal, whole, seq, shown, line: row.lost ? null : undefined }
  stored.add(entry)
  return entry
}

function putEntry(tx: Transaction, held: Held, id: EntryId, line: Sealed | undefined): void {
  const person = held.row.id
  const entry = held.replica.outbox.get(id)
  if (entry === undefined) {
    void tx.objectStore('outbox').delete([person, id])
    void tx.objectStore('lines').delete([person, id])
    return
  }
  void tx.objectStore('outbox').put(outboxRow(held, id, entry))
  if (line !== undefined) void tx.objectStore('lines').put({ person, entry: id, line })
}

function putMarks(tx: Transaction, person: number, marks: readonly (string | null)[], from: number): void {
  const first = Math.floor((from - 1) / CHUNK)
  if (from <= marks.length || marks.length === 0) {
    const chunks = Math.ceil(marks.length / CHUNK)
    for (let chunk = first; chunk < chunks; chunk += 1) {
      void tx.objectStore('marks').put({ person, chunk, marks: marks.slice(chunk * CHUNK, (chunk + 1) * CHUNK) })
    }
    // Numbering has begun anew: what stood behind is nobody's.
    void tx.objectStore('marks').delete(IDBKeyRange.bound([person, chunks], [person, []]))
  }
}

function rowOf(replica: Replica, person: number, record: string, body: Sealed | undefined): RowRow | null | 'unchanged' {
  const filed = replica.rows.get(record)
  const limbo = replica.limbo.get(record)
  const row = filed?.row ?? limbo?.row
  if (row === undefined) return null
  if (body === undefined) return 'unchanged'
  const scope = filed?.scope ?? limbo!.to
  return { person, record, scope, stale: filed?.stale ?? false, limbo: filed === undefined, rev: row.rev, body }
}

function stub(row: Row): Row {
  return { ...NOTHING, record: row.record, rev: row.rev }
}

function takeStub(replica: Replica, stored: RowRow): void {
  const row: Row = { ...NOTHING, record: stored.record, rev: stored.rev }
  if (stored.limbo) replica.limbo.set(stored.record, { to: stored.scope, row })
  else replica.rows.set(stored.record, { scope: stored.scope, stale: stored.stale, row } satisfies Filed)
}

export function takeClock(replica: Replica, clock: unknown): void {
  if (typeof clock !== 'object' || clock === null) return
  const { era, last, stamp, nextEntry } = clock as {
    era: number
    last: Replica['eras']['last']
    stamp: Replica['eras']['stamp']
    nextEntry: number
  }
  Object.assign(replica.eras, { era, last, stamp })
  replica.nextEntry = nextEntry
}

/** What has no store of its own, as JSON. */
function stateOf(held: Held): unknown {
  const { replica, extra } = held
  return {
    offsets: [...replica.eras.offsets],
    identity: replica.identity,
    access: replica.access,
    ack: replica.ack,
    settled: replica.settled,
    durable: replica.durable,
    lostChecked: replica.lostChecked,
    epoch: replica.epoch,
    newestSchema: replica.newestSchema,
    newestPolicy: replica.newestPolicy,
    grants: replica.grants,
    places: replica.places,
    follow: replica.follow === null ? null : [...replica.follow],
    refused: [...replica.refused],
    utcOffset: replica.utcOffset,
    holdings: [...replica.holdings].map(([scope, { digest, told, ...rest }]) => [
      scope,
      { ...rest, digest: digestText(digest), told: told === null ? null : [told[0], digestText(told[1])] },
    ]),
    pace: replica.pace,
    lastContact: replica.lastContact,
    fault: replica.fault,
    extra,
  }
}

/* eslint-disable @typescript-eslint/no-explicit-any */
function takeState(replica: Replica, state: any): unknown {
  const { offsets, follow, refused, holdings, pace, extra, ...plain } = state
  Object.assign(replica, plain)
  replica.eras.offsets = new Map(offsets)
  replica.follow = follow === null ? null : new Set(follow)
  replica.refused = new Set(refused)
  replica.pace = { ...newPace(), ...pace }
  replica.holdings = new Map(
    holdings.map(([scope, held]: [string, any]) => [
      scope,
      { ...held, digest: readDigest(held.digest), told: held.told === null ? null : [held.told[0], readDigest(held.told[1])] },
    ]),
  )
  return extra ?? null
}
