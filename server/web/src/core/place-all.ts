// The answer to where entries belong that were captured before anybody could know.

import type { State } from './state.ts'
import { rewrite, type Held } from './store/keep.ts'
import { lineOf, read } from './sync/change.ts'
import type { Place } from './sync/limits.ts'

/** A person said where all that waits belongs. When it was captured stays as it was. */
export async function placeAll(state: State, held: Held, place: Place): Promise<void> {
  const { outbox } = held.replica
  const records = [...outbox.unplaced.keys()]
  const first = records.map(record => outbox.of(record)[0]).filter(one => one !== undefined)
  await state.phone.keeper.wake(held, first.filter(([, entry]) => entry.line === undefined).map(([id]) => id))
  for (const [id, entry] of first) {
    const change = read(entry.line)
    // Nobody else has heard of what has no number.
    if (change !== null && entry.seq === null) rewrite(entry, lineOf({ ...change, scope: place }))
    outbox.touch(id)
  }
  for (const record of records) {
    outbox.unplaced.delete(record)
    for (const [id] of outbox.of(record)) outbox.touch(id)
  }
  await state.keep(held)
  await Promise.all(first.map(([id]) => state.phone.keeper.mirrorEntry(held, id)))
  state.changed(held, new Set(records))
  state.network.engine?.hurry()
}
