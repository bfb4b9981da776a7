// Storage that fails: what is confirmed is kept all the same, and what is kept is the whole replica.

import { afterEach, expect, test, vi } from 'vitest'
import { IDBFactory } from 'fake-indexeddb'

import { Database } from '../../src/core/store/db.ts'
import { Keeper } from '../../src/core/store/keep.ts'
import { newKey } from '../../src/core/store/seal.ts'
import { dump } from '../../src/core/sync/dump.ts'
import { hurry } from '../../src/core/sync/pace.ts'
import { capture, loseMarks } from '../../src/core/sync/outbox.ts'
import { newReplica } from '../../src/core/sync/replica.ts'
import { next } from '../../src/core/sync/request.ts'
import { perform } from '../sync/drive.ts'
import { live, type StepOf } from '../sync/history.ts'
import { passer, until, World } from './place.ts'

const REAL = IDBDatabase.prototype.transaction
afterEach(() => {
  vi.unstubAllGlobals()
  IDBDatabase.prototype.transaction = REAL
})

/** From now on writing fails in this way. */
function fail(name: string): void {
  IDBDatabase.prototype.transaction = function (this: IDBDatabase, ...args: Parameters<typeof REAL>) {
    if (args[1] === 'readwrite') throw new DOMException('told to fail', name)
    return REAL.apply(this, args)
  }
}

test('when the database takes nothing an entry goes into the journal, and home as soon as it can', async () => {
  const world = new World()
  world.way = 'silent'
  const core = await world.open()
  fail('UnknownError')
  const captured = await core.capture(passer('王伟'))
  expect(captured).toMatchObject({ outcome: 'saved', kept: 'journal' })
  await until(() => core.blocks.value.some(one => one.block === 'storage_broken' && one.journal === 1))
  expect([...world.journal.kept.values()].join()).not.toContain('王伟')
  IDBDatabase.prototype.transaction = REAL
  await core.close()
  const again = await world.open()
  await until(() => again.views({ kind: 'registration' }).length === 1)
  expect(again.upload.value.unsent).toBe(1)
  expect(world.journal.kept.size).toBe(0)
  const more = await again.capture(passer('李静'))
  expect(more).toMatchObject({ outcome: 'saved', kept: 'database' })
  expect(again.upload.value.unsent).toBe(2)
  await again.close()
})

test('where neither database nor journal has room nothing is called saved', async () => {
  const world = new World()
  const core = await world.open()
  fail('QuotaExceededError')
  world.journal.full = true
  expect(await core.capture(passer('王伟'))).toEqual({ outcome: 'not_saved', why: 'storage_full' })
  await until(() => core.blocks.value.some(one => one.block === 'storage_full'))
  expect(core.upload.value.unsent).toBe(0)
  expect(core.views({ kind: 'registration' })).toEqual([])
  await core.close()
})

test('after a restart without room what is unsent is there to be read and exported, and room is found without another restart', async () => {
  vi.stubGlobal('navigator', { userAgent: 'test' })
  const world = new World()
  const pair = (await crypto.subtle.generateKey({ name: 'ECDH', namedCurve: 'P-256' }, true, ['deriveBits'])) as CryptoKeyPair
  world.rescueKey = Array.from(new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey)), byte => byte.toString(16).padStart(2, '0')).join('')
  const first = await world.open()
  await first.enrol('7Q2M')
  first.hurry()
  for (let tries = 0; tries < 100 && (await first.rescue()) === 'no_key'; tries += 1) await new Promise(resolve => setTimeout(resolve, 10))
  world.way = 'silent'
  const { record } = (await first.capture(passer('王伟'))) as { record: string }
  await first.close()
  fail('QuotaExceededError')
  const core = await world.open()
  await until(() => core.blocks.value.some(one => one.block === 'storage_full'))
  await until(() => core.view(record) !== null)
  expect(core.person.value).toMatchObject({ user: 'u17', unsent: 1 })
  expect(await core.rescue()).toMatchObject({ changes: 1 })
  IDBDatabase.prototype.transaction = REAL
  await core.askToPersist()
  await until(() => core.blocks.value.length === 0, () => core.blocks.value)
  expect(await core.capture(passer('李静'))).toMatchObject({ outcome: 'saved', kept: 'database' })
  expect(core.upload.value.unsent).toBe(2)
  await core.close()
})

test('a connection that the browser dropped is opened anew', async () => {
  const world = new World()
  world.way = 'silent'
  const core = await world.open()
  let failures = 0
  IDBDatabase.prototype.transaction = function (this: IDBDatabase, ...args: Parameters<typeof REAL>) {
    if (failures < 2 && args[1] === 'readwrite') {
      failures += 1
      throw new DOMException('the connection is closing', 'InvalidStateError')
    }
    return REAL.apply(this, args)
  }
  expect(await core.capture(passer('王伟'))).toMatchObject({ outcome: 'saved', kept: 'database' })
  expect(failures).toBe(2)
  await core.close()
})

test('nothing is sent whose number is not in storage', async () => {
  const world = new World()
  const core = await world.open()
  await core.enrol('7Q2M')
  core.hurry()
  await until(() => core.upload.value.allSentAllCurrent)
  expect(await core.capture(passer('王伟'))).toMatchObject({ outcome: 'saved' })
  const sent = world.bodies.length
  fail('UnknownError')
  core.hurry()
  await until(() => core.blocks.value.some(one => one.block === 'storage_broken'))
  await new Promise(resolve => setTimeout(resolve, 100))
  expect(world.bodies.length).toBe(sent)
  await core.close()
})

test('another tab takes over, and the first saves nothing from then on', async () => {
  const world = new World()
  const first = await world.open()
  const second = await world.open()
  expect(second.blocks.value).toEqual([{ block: 'elsewhere' }])
  await second.takeOver()
  expect(await second.capture(passer('李静'))).toMatchObject({ outcome: 'saved' })
  expect(await first.capture(passer('王伟'))).toEqual({ outcome: 'not_saved', why: 'elsewhere' })
  await until(() => first.blocks.value.some(one => one.block === 'elsewhere'))
  expect(second.upload.value.unsent).toBe(1)
  await first.close()
  await second.close()
})

test('a capture that is numbered while it is written leaves no number without those before it', async () => {
  globalThis.indexedDB = new IDBFactory()
  const db = new Database()
  const key = await newKey()
  const keeper = new Keeper(db, key)
  const row = { id: 1, name: '', state: new Uint8Array([0]), key, pin: null, wrong: 0, notBefore: 0, unsent: 0, oldestUnsent: null }
  const held = { row, replica: newReplica(), extra: null, key, open: true }
  const { replica } = held
  replica.identity = { device: 77_632, user: 'u17', token: 'a'.repeat(64) }
  replica.access = { is: 'enrolled' }
  await keeper.save(held)
  const write = (n: number) => {
    const draft = { ...passer(`甲${n}`), scope: 'checkpoint:S17', record: `01a20099-0ebf-7a11-8c21-00000000000${n}` }
    const id = capture(replica, draft, { wall: 1_795_307_467_000 + n, mono: n })
    if (typeof id !== 'number') throw new Error(id.refused)
    return id
  }
  for (const n of [1, 2, 3]) {
    const id = write(n)
    await keeper.saveEntry(held, id, await keeper.sealLine(replica.outbox.get(id)!.line as string))
  }
  const last = write(4)
  const sealed = await keeper.sealLine(replica.outbox.get(last)!.line as string)
  // A request is started in between, and the program ends before its numbers are in storage.
  expect(next(replica, { wall: 1_795_307_468_000, mono: 10 })).toMatchObject({ action: 'send' })
  expect(replica.outbox.get(last)?.seq).toBe(4)
  await keeper.saveEntry(held, last, sealed)
  const back = await keeper.load((await db.read(store => store.get('persons', 1)))!)
  expect(back.replica.marks).toEqual([])
  expect([...back.replica.outbox.values()].map(entry => entry.seq)).toEqual([null, null, null, null])
  // And once the numbers are written they are not taken back by a capture that comes late.
  await keeper.save(held)
  await keeper.saveEntry(held, last, sealed)
  const later = await keeper.load((await db.read(store => store.get('persons', 1)))!)
  expect([...later.replica.outbox.values()].map(entry => entry.seq)).toEqual([1, 2, 3, 4])
  expect(later.replica.marks).toEqual(replica.marks)
  db.close()
})

test('what is written after each step of a random history is the whole replica', async () => {
  for (const seed of [1, 2, 3, 4, 5, 6]) await writeHistory(seed)
})

async function writeHistory(seed: number): Promise<void> {
  globalThis.indexedDB = new IDBFactory()
  const db = new Database()
  const key = await newKey()
  const keeper = new Keeper(db, key)
  const planned = newReplica()
  const steps = live(seed, 160, step => doStep(planned, step))
  const row = { id: 1, name: '', state: new Uint8Array([0]), key, pin: null, wrong: 0, notBefore: 0, unsent: 0, oldestUnsent: null }
  const held = { row, replica: newReplica(), extra: null, key, open: true }
  await keeper.save(held)
  for (const [at, step] of steps.entries()) {
    doStep(held.replica, step)
    await keeper.save(held)
    if (at % 8 !== 7) continue
    const back = await keeper.load((await db.read(store => store.get('persons', 1)))!)
    await keeper.openRows(back, key)
    await keeper.wake(back, [...back.replica.outbox].filter(([, entry]) => entry.line === undefined).map(([id]) => id))
    expect(lasting(back.replica), `seed ${seed}, step ${at}`).toEqual(lasting(held.replica))
  }
  db.close()
}

function doStep(replica: ReturnType<typeof newReplica>, step: StepOf): unknown {
  if (step.do === 'next') return next(replica, { wall: step['wall'] as number, mono: step['mono'] as number })
  if (step.do === 'hurry') return hurry(replica)
  if (step.do === 'lose_marks') return loseMarks(replica, step['last'] as number)
  return perform(replica, step)
}

/** Everything but what a run of the program forgets. */
function lasting(replica: ReturnType<typeof newReplica>): unknown {
  const { flight: _, eras, pace, schema: _s, policy: _p, ...rest } = dump(replica) as { [name: string]: any }
  return JSON.parse(JSON.stringify({ ...rest, eras: { ...eras, anchor: null }, pace }))
}
