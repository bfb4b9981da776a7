// The app's core on a page without screens, for runs longer than hands could tap.

import { openCore } from '../../src/core/open.ts'
import { newRecordId } from '../../src/core/facts.ts'
import type { Core } from '../../src/core/api.ts'

interface Written {
  readonly record: string
  /** The note that this change added; null for the change that made the record. */
  readonly note: string | null
}

let core: Core

function passer(n: number): Parameters<Core['capture']>[0] {
  return {
    kind: 'registration',
    place: 'checkpoint:S001',
    set: { person: { name: `甲${n}`, phone: '13800000000' }, measurement: { temperature: 365, method: 'forehead' }, health_code: 'green', disposition: 'passed' },
  }
}

const bare = {
  async enrol(code: string): Promise<string> {
    core = await openCore({ worker: null })
    return (await core.enrol(code)).outcome
  },
  /** Opens the core again after a kill; what another run held is taken over. */
  async open(): Promise<void> {
    core = await openCore({ worker: null })
    if (core.blocks.value.some(({ block }) => block === 'elsewhere')) await core.takeOver()
    setInterval(() => core.hurry(), 20)
  },
  /** Every record that is on screen. */
  records: () => core.views({ kind: 'registration' }).map(view => view.record),
  /** Makes records without a pause; each is told once it is called saved. */
  async flood(): Promise<void> {
    for (let n = Date.now(); ; n += 1) {
      const done = await core.capture(passer(n))
      if (done.outcome === 'saved') (globalThis as unknown as { heardSaved(record: string): void }).heardSaved(done.record)
    }
  },
  upload: () => core.upload.value,
  hurry: () => core.hurry(),
  conflicts: () => core.views({ kind: 'registration' }).filter(view => Object.keys(view.conflicts).length > 0).length,
  standings(): Record<string, number> {
    const found: Record<string, number> = {}
    for (const { standing } of core.views({ kind: 'registration' })) found[standing] = (found[standing] ?? 0) + 1
    return found
  },
  /** Makes records and adds notes to earlier ones; tells what was called saved. */
  async write(from: number, count: number, edits: readonly boolean[]): Promise<Written[]> {
    const saved: Written[] = []
    const records: string[] = core.views({ kind: 'registration' }).map(view => view.record)
    for (let n = from; n < from + count; n += 1) {
      const earlier = edits[n - from] === true ? core.view(records[(n * 7_919) % Math.max(1, records.length)] ?? '') : null
      if (earlier !== null) {
        const note = newRecordId(Date.now(), crypto.getRandomValues(new Uint8Array(16)))
        const done = await core.edit(earlier, { [`notes/${note}`]: { text: `第${n}条` } })
        if (done.outcome === 'saved') saved.push({ record: done.record, note })
      } else {
        const done = await core.capture(passer(n))
        if (done.outcome === 'saved') {
          saved.push({ record: done.record, note: null })
          records.push(done.record)
        }
      }
      // The network has its turns between two taps.
      if (n % 8 === 0) await new Promise(resolve => setTimeout(resolve, 1))
    }
    return saved
  },
}

Object.assign(globalThis, { bare })
