// What people do to records: capture, change, strike out, take back, mend what came back.

import type { Captured, Core, Fields, NewRecord, Place, RecordView } from './api.ts'
import { Capturing } from './capture.ts'
import { newRecordId } from './facts.ts'
import { insist } from './insist.ts'
import { seen } from './screen.ts'
import type { State } from './state.ts'
import { read } from './sync/change.ts'
import { dismiss as dismissTrouble, type Draft } from './sync/outbox.ts'

export class Deeds {
  readonly capturing: Capturing

  constructor(private readonly state: State) {
    this.capturing = new Capturing(state)
  }

  async capture(entry: NewRecord): Promise<Captured> {
    const { state } = this
    const record = entry.record ?? newRecordId(state.now().wall, crypto.getRandomValues(new Uint8Array(16)))
    const scope = entry.parent === undefined ? (entry.place ?? null) : null
    const draft = { record, kind: entry.kind, scope, parent: entry.parent ?? null, set: entry.set }
    return this.capturing.take(draft, state.judge(entry.kind, entry.set), entry.record === undefined)
  }

  async edit(shown: RecordView, set: Fields): Promise<Captured> {
    const judged = this.state.judge(shown.kind, { ...shown.fields, ...set })
    return this.capturing.take({ record: shown.record, kind: shown.kind, seen: seen(shown), set }, judged)
  }

  async mend(entry: number, set: Fields, place?: Place): Promise<Captured> {
    const { phone, screen } = this.state
    const trouble = phone.onDuty?.replica.troubles.get(entry)
    const change = read(trouble?.line)
    if (trouble === undefined || change === null) return { outcome: 'refused', code: 'gone', path: '' }
    const shown = screen?.get(trouble.record) ?? null
    const draft: Draft = {
      record: change.record,
      kind: change.kind,
      seen: shown === null ? null : seen(shown),
      scope: change.parent === null ? (place ?? change.scope) : null,
      parent: change.parent,
      set,
      whole: true,
    }
    const taken = await this.capturing.take(draft, this.state.judge(change.kind, set))
    if (taken.outcome === 'saved') await this.dismiss(entry)
    return taken
  }

  strikeOut(shown: RecordView, reason: string): Promise<Captured> {
    return this.capturing.strikeOut(shown, reason)
  }

  undo(entry: number): ReturnType<Core['undo']> {
    return this.capturing.undo(entry)
  }

  async placeAll(place: Place): Promise<void> {
    const held = this.state.phone.onDuty
    if (held !== null) await (await insist(() => import('./soon.ts'))).placeAll(this.state, held, place)
  }

  async dismiss(entry: number): Promise<void> {
    const held = this.state.phone.onDuty
    const record = held?.replica.troubles.get(entry)?.record
    if (held === null || record === undefined) return
    dismissTrouble(held.replica, entry)
    await this.state.keep(held)
    this.state.changed(held, new Set([record]))
  }
}
