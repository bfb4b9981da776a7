// Which changes go next, in what order: records with an abnormal value first, all pending changes
// of a record together and in order, a parent before its child, else by capture; what has no place
// yet stays. It numbers nothing: `request` does, when a request is started.

import type { EntryId, Outbox } from './outbox.ts'
import type { RecordId } from './limits.ts'

/** The entries without a number, in the order in which they are to be packed. */
export function order(outbox: Outbox): EntryId[] {
  const groups = new Map<RecordId, EntryId[]>()
  const abnormal = new Set<RecordId>()
  for (const [id, entry] of outbox) {
    if (entry.seq !== null || outbox.unplaced.has(entry.record)) continue
    const group = groups.get(entry.record)
    if (group === undefined) groups.set(entry.record, [id])
    else group.push(id)
    if (entry.abnormal) abnormal.add(entry.record)
  }
  // Groups stand by their first entry already, since entries stand by order of capture.
  const records = [...groups.keys()]
  const ordered: EntryId[] = []
  for (const record of records) if (abnormal.has(record)) take(record, groups, outbox, ordered)
  for (const record of records) take(record, groups, outbox, ordered)
  return ordered
}

/** Takes a record's group, its parents' first. A group is taken out before its parents are looked at, so that a ring of parents ends. */
function take(record: RecordId, groups: Map<RecordId, EntryId[]>, outbox: Outbox, ordered: EntryId[]): void {
  const ids = groups.get(record)
  if (ids === undefined) return
  groups.delete(record)
  const parents = new Set<RecordId>()
  for (const id of ids) {
    const parent = outbox.get(id)?.parent
    if (parent !== null && parent !== undefined) parents.add(parent)
  }
  for (const parent of [...parents].sort()) take(parent, groups, outbox, ordered)
  for (const id of ids) ordered.push(id)
}
