// What is done to the phone once in a while: a new PIN, somebody who leaves, an entry that only the
// journal has. Loaded after the first screen, which does without.

import { blank, type Phone } from './phone.ts'
import { ofPerson, STORES } from './store/db.ts'
import { isSame, type Held } from './store/keep.ts'
import { newPersonKey } from './store/pin.ts'
import { newKey } from './store/seal.ts'
import { newReplica } from './sync/replica.ts'

/** A new key under a new PIN: all that is sealed under the old one is sealed anew. */
export async function setPin(phone: Phone, held: Held, pin: string): Promise<void> {
  await phone.remembering
  const { key, wrapped } = await newPersonKey(pin)
  held.key = key
  held.row.key = null
  held.row.pin = wrapped
  for (const record of held.replica.rows.keys()) held.replica.rows.touch(record)
  for (const record of held.replica.limbo.keys()) held.replica.limbo.touch(record)
  await phone.keeper.save(held)
  await phone.packMemory(held)
}

/** Everything of this person leaves the phone. Only if nothing is left to be sent or kept. */
export async function remove(phone: Phone, held: Held): Promise<boolean> {
  if (held.replica.outbox.size > 0 || phone.journal.count() > 0) return false
  const { id } = held.row
  await phone.db.write(STORES, tx => {
    for (const store of STORES) {
      if (store === 'phone') continue
      const flat = store === 'persons' || store === 'clocks'
      void tx.objectStore(store).delete(flat ? id : ofPerson(id))
    }
  })
  await phone.mirror.forget(id)
  phone.people = phone.people.filter(other => other !== held)
  if (phone.onDuty === held) phone.onDuty = null
  return true
}

/** What the journal holds goes where it belongs; under another number, if somebody else's entry has its own. */
export async function replay({ db, journal, keeper }: Phone): Promise<void> {
  for (const { row, line, clock } of journal.read()) {
    const { person } = row
    let { entry } = row
    // Captured by one who stood in while nobody could be read: it is somebody's all the same.
    if ((await db.read(store => store.get('persons', person))) === undefined) {
      const key = await newKey()
      await keeper.save({ row: { ...blank(person, ''), key }, replica: newReplica(), extra: null, key, open: false })
    }
    await db.write(['clocks', 'outbox', 'lines'], async tx => {
      const known = await tx.objectStore('outbox').get([person, row.entry])
      if (known !== undefined && isSame(known, row)) return
      const stands = (await tx.objectStore('clocks').get(person))?.clock as Clock | undefined
      const told = clock as Clock
      const clocked = stands === undefined || told.era === stands.era ? told : stands
      const free = Math.max(told.nextEntry, stands?.nextEntry ?? 0)
      entry = known === undefined ? row.entry : free
      void tx.objectStore('outbox').put({ ...row, entry })
      void tx.objectStore('lines').put({ person, entry, line })
      void tx.objectStore('clocks').put({ person, clock: { ...clocked, nextEntry: Math.max(free, entry + 1) } })
    })
    const there = await db.read(store => store.get('outbox', [person, entry]))
    if (there !== undefined && isSame(there, row)) journal.remove(row)
  }
}

interface Clock {
  readonly era: number
  readonly nextEntry: number
}
