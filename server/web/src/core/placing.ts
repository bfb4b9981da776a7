// Where new records belong that were captured before anybody could know: before the phone had heard of
// its places, or without one. The centre would refuse them; so they wait here until a person has said
// their place, and nothing is guessed for them.

import type { State } from './state.ts'
import { rewrite, type Held } from './store/keep.ts'
import { lineOf, read } from './sync/change.ts'
import type { Draft } from './sync/outbox.ts'
import type { Replica } from './sync/replica.ts'
import type { Place } from './sync/limits.ts'

/** A new record under no parent: whether its place is known. */
export function noteUnplaced({ outbox, lastContact }: Replica, { record, scope, parent }: Draft): void {
  if (parent !== null && parent !== undefined) return
  if (scope === null || scope === undefined) outbox.unplaced.set(record, '')
  // What stands on a sign is not yet what the centre calls it.
  else if (lastContact === null) outbox.unplaced.set(record, scope)
}

/** How many wait to be asked about: none while nobody can know the answer. */
export function unplacedIn({ outbox, lastContact }: Replica): number {
  return lastContact === null ? 0 : outbox.unplaced.size
}

/**
 * The centre has told the person's places: what was typed and is one of them was right. Without any
 * place at all what was typed goes as it is, and whoever is responsible sees it. Says whether anything
 * may go now.
 */
export function settlePlaces({ outbox, lastContact, places }: Replica): boolean {
  if (lastContact === null) return false
  let settled = false
  for (const [record, typed] of [...outbox.unplaced]) {
    const known = places.length === 0 || places.some(one => one.place === typed)
    if (typed === '' || !known) continue
    outbox.unplaced.delete(record)
    for (const [id] of outbox.of(record)) outbox.touch(id)
    settled = true
  }
  return settled
}

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
