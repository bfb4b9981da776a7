// Where new records belong that were captured before anybody could know: before the phone had heard of
// its places, or without one. The centre would refuse them; so they wait here until a person has said
// their place, and nothing is guessed for them.

import type { Draft } from './sync/outbox.ts'
import type { Replica } from './sync/replica.ts'

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
