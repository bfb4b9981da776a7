// What was still to be sent comes back from its second copy, after the browser has thrown its
// database away.
//
// It is queued again as by a phone that leaves a number: the token proves who this is, the centre
// knows each line that it has already, and nobody is asked for a code. Rows and what was remembered
// come again from the centre.

import { blank } from './phone.ts'
import { takeClock, type Held } from './store/keep.ts'
import type { Mirror } from './store/mirror.ts'
import { newKey } from './store/seal.ts'
import { enrolAgain } from './sync/enrol.ts'
import { newReplica } from './sync/replica.ts'

export async function comeBack(mirror: Mirror): Promise<Held[]> {
  const { persons, entries } = await mirror.read()
  const people: Held[] = []
  for (const { id, name, pin, identity, offsets, extra } of persons) {
    const replica = newReplica()
    const row = { ...blank(id, name), pin, key: pin === null ? await newKey() : null }
    for (const { row: of, line, clock } of entries.filter(one => one.row.person === id)) {
      const { record, parent, era, stamp, abnormal, whole, entry } = of
      takeClock(replica, clock)
      replica.outbox.set(entry, { record, parent, era, stamp, abnormal, whole, seq: null, line, shown: 'pending' })
      if (of.unplaced !== undefined) replica.outbox.unplaced.set(record, of.unplaced)
    }
    replica.eras.offsets = new Map(offsets)
    replica.identity = identity
    if (identity !== null) enrolAgain(replica, crypto.getRandomValues(new Uint8Array(32)))
    people.push({ row, replica, extra, key: row.key, open: false })
  }
  return people
}
