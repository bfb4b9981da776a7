// Two windows of one phone, and one whose database failed for a while: what the one captured the other
// neither hides nor overwrites, and whoever has the phone goes on sending.

import { afterEach, beforeEach, expect, test, vi } from 'vitest'

import { Database } from '../../src/core/store/db.ts'
import { Keeper } from '../../src/core/store/keep.ts'
import { newKey } from '../../src/core/store/seal.ts'
import { capture } from '../../src/core/sync/outbox.ts'
import { newReplica } from '../../src/core/sync/replica.ts'
import { passer, start, until, World } from './place.ts'

const REAL = IDBDatabase.prototype.transaction

/** The browser's locks: one holder of each, who hears when it is stolen. */
class FakeLocks {
  private steal: ((error: Error) => void) | null = null
  taken = 0

  request(_name: string, how: LockOptions, then: (lock: object | null) => unknown): Promise<unknown> {
    if (this.steal !== null && how.steal !== true) return Promise.resolve(then(null))
    this.steal?.(new DOMException('stolen', 'AbortError'))
    this.taken += 1
    const stolen = new Promise<never>((_, reject) => { this.steal = reject })
    return Promise.race([Promise.resolve().then(() => then({})), stolen])
  }

  /** The window that holds it ends. */
  end(): void {
    this.steal = null
  }
}

let locks: FakeLocks

beforeEach(() => {
  locks = new FakeLocks()
  vi.stubGlobal('navigator', { userAgent: 'test', locks })
})
afterEach(() => {
  IDBDatabase.prototype.transaction = REAL
  vi.unstubAllGlobals()
})

/** From now on the database takes nothing; `REAL` takes it again. */
function failWrites(): void {
  IDBDatabase.prototype.transaction = function (this: IDBDatabase, ...args: Parameters<typeof REAL>) {
    if (args[1] === 'readwrite') throw new DOMException('told to fail', 'UnknownError')
    return REAL.apply(this, args)
  }
}

/** From now on the database does not even answer. */
function failAll(): void {
  IDBDatabase.prototype.transaction = () => {
    throw new DOMException('told to fail', 'UnknownError')
  }
}

const names = (core: Awaited<ReturnType<typeof start>>): unknown[] =>
  core.views({ kind: 'registration' }).map(view => (view.fields['person'] as { name: string }).name).sort()

test('a window that takes the phone back has what the other captured, and saves over none of it', async () => {
  const world = new World()
  world.way = 'silent'
  const first = await start(world)
  await first.capture(passer('甲'))
  const second = await start(world)
  await second.takeOver()
  await until(() => first.blocks.value.some(one => one.block === 'elsewhere'))
  expect(await second.capture(passer('乙'))).toMatchObject({ outcome: 'saved' })
  await first.takeOver()
  await until(() => names(first).length === 2, () => names(first))
  expect(await first.capture(passer('丙'))).toMatchObject({ outcome: 'saved' })
  await first.close()
  locks.end()
  const again = await start(world)
  await until(() => names(again).length === 3, () => names(again))
  expect(names(again)).toEqual(['甲', '乙', '丙'].sort())
})

test('who has a PIN types it where the phone is taken back, too', async () => {
  const world = new World()
  world.way = 'silent'
  const first = await start(world)
  const { record } = (await first.capture(passer('甲'))) as { record: string }
  await first.setPin('258036')
  const second = await start(world)
  await second.takeOver()
  await until(() => first.blocks.value.some(one => one.block === 'elsewhere'))
  expect(first.view(record)).toBeNull()
  await first.takeOver()
  await until(() => first.blocks.value.length === 0)
  expect(first.person.value).toBeNull()
  expect(first.view(record)).toBeNull()
  expect(await first.unlock(1, '258036')).toEqual({ outcome: 'unlocked' })
  await until(() => first.view(record) !== null)
})

test('an entry under whose number another one stands is not called saved', async () => {
  new World()
  const db = new Database()
  const key = await newKey()
  const keeper = new Keeper(db, key)
  const row = { id: 1, name: '', state: new Uint8Array([0]), key, pin: null, wrong: 0, notBefore: 0, unsent: 0, oldestUnsent: null }
  const save = async (n: number) => {
    const held = { row, replica: newReplica(), extra: null, key, open: true }
    const draft = { ...passer(`甲${n}`), scope: 'checkpoint:S17', record: `01a20099-0ebf-7a11-8c21-00000000000${n}` }
    const id = capture(held.replica, draft, { wall: 1_795_307_467_000 + n, mono: n }) as number
    await keeper.saveEntry(held, id, await keeper.sealLine(held.replica.outbox.get(id)!.line as string))
    return id
  }
  const id = await save(1)
  await expect(save(2)).rejects.toThrow()
  expect(await db.read(store => store.get('outbox', [1, id]))).toMatchObject({ record: '01a20099-0ebf-7a11-8c21-000000000001' })
  db.close()
})

test('an entry of the journal whose number another one has comes home under a number of its own', async () => {
  const world = new World()
  world.way = 'silent'
  const first = await start(world)
  failWrites()
  expect(await first.capture(passer('甲'))).toMatchObject({ kept: 'journal' })
  await first.close()
  IDBDatabase.prototype.transaction = REAL
  locks.end()
  const journal = new Map(world.journal.kept)
  world.journal.kept.clear()
  const second = await start(world)
  await second.capture(passer('乙'))
  await second.close()
  locks.end()
  for (const [name, entry] of journal) world.journal.kept.set(name, entry)
  const again = await start(world)
  await until(() => names(again).length === 2, () => names(again))
  expect(names(again)).toEqual(['乙', '甲'].sort())
  expect(world.journal.kept.size).toBe(0)
})

test('a database that failed and answers again: the phone keeps its lock, whoever is on duty, and sends', async () => {
  const world = new World()
  const core = await start(world)
  await core.enrol('7Q2M')
  core.hurry()
  await until(() => core.upload.value.allSentAllCurrent)
  const person = core.person.value?.id
  failWrites()
  expect(await core.capture(passer('甲'))).toMatchObject({ outcome: 'saved', kept: 'journal' })
  let left = false
  core.person.subscribe(now => { left ||= now?.id !== person })
  await new Promise(resolve => setTimeout(resolve, 6_500))
  IDBDatabase.prototype.transaction = REAL
  await until(() => core.blocks.value.length === 0, () => core.blocks.value)
  await until(() => world.journal.kept.size === 0)
  expect(await core.capture(passer('乙'))).toMatchObject({ outcome: 'saved', kept: 'database' })
  core.hurry()
  await until(() => core.upload.value.allSentAllCurrent, () => core.upload.value)
  expect(world.centre.records.size).toBe(2)
  expect(locks.taken).toBe(1)
  expect(left).toBe(false)
}, 30_000)

test('an entry of the journal is taken back also after the database answered again', async () => {
  const world = new World()
  world.way = 'silent'
  const core = await start(world)
  failWrites()
  const captured = await core.capture(passer('甲'))
  IDBDatabase.prototype.transaction = REAL
  if (captured.outcome !== 'saved') throw new Error(captured.outcome)
  await until(() => world.journal.kept.size === 0)
  await until(() => core.blocks.value.length === 0)
  await new Promise(resolve => setTimeout(resolve, 100))
  expect(await core.undo(captured.entry)).toBe('removed')
  await until(() => core.upload.value.unsent === 0, () => core.upload.value)
  expect(names(core)).toEqual([])
  await core.close()
  locks.end()
  expect(names(await start(world))).toEqual([])
})

test('a rescue file is made of what can be read, where the database does not answer', async () => {
  const world = new World()
  const pair = (await crypto.subtle.generateKey({ name: 'ECDH', namedCurve: 'P-256' }, true, ['deriveBits'])) as CryptoKeyPair
  world.rescueKey = Array.from(new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey)), byte => byte.toString(16).padStart(2, '0')).join('')
  const core = await start(world)
  await core.enrol('7Q2M')
  core.hurry()
  for (let tries = 0; tries < 100 && (await core.rescue()) === 'no_key'; tries += 1) await new Promise(resolve => setTimeout(resolve, 10))
  world.way = 'silent'
  // The lines of who is locked are in storage alone.
  await core.capture(passer('甲'))
  await core.setPin('258036')
  await core.lock()
  await core.unlock(await core.addPerson('乙'), '')
  await core.capture(passer('丙'))
  failAll()
  expect(await core.rescue()).toMatchObject({ changes: 1 })
})

/** Starts where the database does not answer, captures, and waits until it answered again. */
async function startWithout(world: World): Promise<Awaited<ReturnType<typeof start>>> {
  failAll()
  const core = await start(world)
  expect(await core.capture(passer('丁'))).toMatchObject({ outcome: 'saved', kept: 'journal' })
  IDBDatabase.prototype.transaction = REAL
  await until(() => world.journal.kept.size === 0)
  await until(() => core.blocks.value.length === 0, () => core.blocks.value)
  return core
}

test('whoever stood in while the database did not answer gives way to the PIN of whose phone it is', async () => {
  const world = new World()
  world.way = 'silent'
  const before = await start(world)
  const { record } = (await before.capture(passer('甲'))) as { record: string }
  await before.setPin('258036')
  await before.close()
  locks.end()
  const core = await startWithout(world)
  expect(core.person.value).toBeNull()
  expect(core.view(record)).toBeNull()
  expect(await core.unlock(1, '258036')).toEqual({ outcome: 'unlocked' })
  await until(() => names(core).length === 2, () => names(core))
  await core.close()
}, 30_000)

test('what was captured where nobody could be read comes home also where its person has left the phone', async () => {
  const world = new World()
  world.way = 'silent'
  const before = await start(world)
  const other = await before.addPerson('乙')
  await before.unlock(other, '')
  expect(await before.removePerson(1)).toBe(true)
  await before.close()
  locks.end()
  const core = await startWithout(world)
  const unsent = () => core.persons.value.reduce((sum, one) => sum + one.unsent, 0)
  await until(() => unsent() === 1, () => core.persons.value)
  expect(await core.capture(passer('戊'))).toMatchObject({ outcome: 'saved', kept: 'database' })
  await core.close()
}, 30_000)
