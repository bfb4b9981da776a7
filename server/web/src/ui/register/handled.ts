// What was done about somebody who is abnormal, as a change of their entry: judged before it is
// captured, for whoever did it is still there to put it right.

import type { Fault, Fields, RecordView, Value } from '../../core/api'
import { core } from '../core'
import { box, filled } from '../forms/ask'
import { entryId } from '../forms/entry-id'

/** What was done is looked for under these names; a kind without them is only told what to do. */
export const MEASURES = 'handling'

export interface Done {
  /** Digits of the second reading, as typed. */
  readonly recheck: string
  readonly disposition: string
  readonly measures: readonly string[]
  readonly note: string
}

export const NOTHING_DONE: Done = { recheck: '', disposition: '', measures: [], note: '' }

export function handled(shown: RecordView, { recheck, disposition, measures, note }: Done, at: number): { readonly set: Fields; readonly faults: readonly Fault[] } {
  const set: { [name: string]: Value } = {}
  const half = recheck !== '' && recheck.length !== 3
  if (recheck && !half) {
    // The entry is told in the centre's time; so is the second reading.
    const after = at + (core.upload.value.clockOffset ?? 0) - shown.time
    set['measurement'] = { ...box(shown.fields, 'measurement'), recheck: Number(recheck), recheck_method: 'forehead', recheck_after: Math.max(0, Math.round(after / 60_000)) }
  }
  if (disposition) set['disposition'] = disposition
  if (measures.length > 0) set[MEASURES] = { ...box(shown.fields, MEASURES), measures: [...measures] }
  if (note.trim()) set[`notes/${entryId(at)}`] = { text: note.trim() }
  return { set, faults: [...(half ? [{ path: 'measurement.recheck', code: 'tenths' }] : []), ...faultsOf(shown.kind, set, shown.fields)] }
}

/** What is wrong in the fields of a change, where the record holds the others. */
export function faultsOf(kind: string, set: Fields, standing: Fields): readonly Fault[] {
  const names = new Set(Object.keys(set).map(name => name.split('/')[0]))
  return core.check(kind, filled({ ...standing, ...set })).refused.filter(fault => names.has(fault.path.split(/[./]/)[0]))
}
