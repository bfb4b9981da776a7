// Capturing: an entry becomes a change, is kept, and only then is called saved.

import type { Captured, Judgement, RecordView } from './api.ts'
import { noteUnplaced } from './placing.ts'
import { seen } from './screen.ts'
import type { State } from './state.ts'
import { asCaptured, outboxRow, type Held } from './store/keep.ts'
import { Elsewhere, StorageFull } from './store/db.ts'
import { capture, takeBack, type Draft, type EntryId } from './sync/outbox.ts'

/** How long an ordinary entry waits for its writer to take it back. */
export const UNDO_MS = 5_000

interface Undoable {
  readonly person: number
  readonly record: string
  readonly until: number
}

export class Capturing {
  private readonly undoable = new Map<EntryId, Undoable>()

  constructor(private readonly around: State) {}

  /** `creates`: it is a new record's first. */
  async take(draft: Draft, judged: readonly Judgement[], creates = false): Promise<Captured> {
    const { phone, now } = this.around
    await phone.opening
    const held = phone.onDuty
    if (phone.trouble === 'elsewhere') return { outcome: 'not_saved', why: 'elsewhere' }
    if (held === null) return { outcome: 'refused', code: 'nobody_on_duty', path: '' }
    const abnormal = judged.some(({ level }) => level !== 'notice')
    const id = capture(held.replica, { ...draft, abnormal }, now())
    if (typeof id !== 'number') return { outcome: 'refused', code: id.refused, path: 'path' in id ? id.path : '' }
    if (creates) noteUnplaced(held.replica, draft)
    const kept = await this.store(held, id)
    if (kept !== 'database' && kept !== 'journal') {
      takeBack(held.replica, id)
      await phone.keeper.unmirror(held, id)
      this.around.changed(held, new Set([draft.record]))
      return { outcome: 'not_saved', why: kept }
    }
    const undoUntil = now().wall + UNDO_MS
    this.undoable.set(id, { person: held.row.id, record: draft.record, until: undoUntil })
    this.around.changed(held, new Set([draft.record]))
    this.around.network.engine?.captured(held, abnormal)
    return { outcome: 'saved', entry: id, record: draft.record, abnormal: judged, undoUntil, kept }
  }

  /** Writes an entry to the database or, if that fails, to the journal. */
  private async store(held: Held, id: EntryId): Promise<'database' | 'journal' | 'elsewhere' | 'storage_full' | 'storage_broken'> {
    const { phone } = this.around
    const entry = held.replica.outbox.get(id)!
    const sealed = await phone.keeper.sealLine(entry.line as string)
    try {
      await phone.keeper.saveEntry(held, id, sealed)
      if (phone.trouble !== 'none') this.around.network.engine?.hurry()
      phone.trouble = 'none'
      return 'database'
    } catch (error) {
      this.around.failed(error)
      if (error instanceof Elsewhere) return 'elsewhere'
      const { eras, nextEntry } = held.replica
      const clock = { era: eras.era, last: eras.last, stamp: eras.stamp, nextEntry }
      if (phone.journal.write({ row: asCaptured(outboxRow(held, id, entry)), line: sealed, clock })) return 'journal'
      return error instanceof StorageFull ? 'storage_full' : 'storage_broken'
    }
  }

  async undo(entry: EntryId): Promise<'removed' | 'struck_out' | 'too_late'> {
    const undoable = this.undoable.get(entry)
    this.undoable.delete(entry)
    if (undoable === undefined || this.around.now().wall > undoable.until) return 'too_late'
    await this.around.phone.opening
    const { person, record } = undoable
    // Read anew, if storage had failed since.
    const held = this.around.personOf(person)
    const row = held?.replica.outbox.get(entry)
    // A number that another window took first is that one's.
    if (held === null || (row && row.record !== record)) return 'too_late'
    if (takeBack(held.replica, entry)) {
      if (row !== undefined) this.around.phone.journal.remove(outboxRow(held, entry, row))
      await this.around.keep(held)
      this.around.changed(held, new Set([record]))
      return 'removed'
    }
    const shown = this.around.screen?.get(record) ?? null
    if (shown === null) return 'too_late'
    const struck = await this.strikeOut(shown, 'undone')
    return struck.outcome === 'saved' ? 'struck_out' : 'too_late'
  }

  strikeOut(shown: RecordView, reason: string): Promise<Captured> {
    return this.take({ record: shown.record, kind: shown.kind, seen: seen(shown), set: { void: { reason } } }, [])
  }

  /** What can no longer be taken back is forgotten; all of it, when a person goes off duty. */
  forget(now: number): void {
    for (const [entry, { until }] of this.undoable) if (now > until) this.undoable.delete(entry)
  }
}
