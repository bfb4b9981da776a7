// A phone's life, from the first entry on: what is saved stays, goes out once, and is told rightly.

import { expect, test } from 'vitest'

import type { Core } from '../../src/core/api.ts'
import { passer, start, until, World } from './place.ts'

async function save(core: Core, name: string, more: object = {}): Promise<{ entry: number; record: string; kept: string }> {
  const captured = await core.capture(passer(name, more))
  if (captured.outcome !== 'saved') throw new Error(JSON.stringify(captured))
  return captured
}

test('an entry is on screen at once and there again after the program has ended', async () => {
  const world = new World()
  world.way = 'silent'
  const first = await start(world)
  const { record } = await save(first, '王伟')
  expect(first.view(record)?.standing).toBe('pending')
  expect(first.upload.value.unsent).toBe(1)
  await first.close()
  const again = await start(world)
  await until(() => again.view(record) !== null)
  expect(again.view(record)?.fields['person']).toEqual({ name: '王伟', phone: '13800000000' })
  expect(again.upload.value.unsent).toBe(1)
  expect(again.upload.value.allSentAllCurrent).toBe(false)
})

test('what was captured before any enrolment goes out with the first, once, and only then is all sent', async () => {
  const world = new World()
  const core = await start(world)
  await save(core, '王伟')
  expect(core.upload.value.phase).toBe('no_code')
  expect(await core.enrol('7Q2M-K4ZP')).toMatchObject({ outcome: 'enrolled' })
  expect(core.upload.value.allSentAllCurrent).toBe(false)
  core.hurry()
  await until(() => core.upload.value.allSentAllCurrent, () => core.upload.value)
  expect(world.centre.records.size).toBe(1)
  expect(core.person.value).toMatchObject({ user: 'u17', device: 77_632, access: 'enrolled', unsent: 0 })
  expect(core.views({ kind: 'registration' })[0]?.standing).toBe('confirmed')
})

test('a reply that was lost makes the same changes go again, byte for byte, with one effect', async () => {
  const world = new World()
  const core = await start(world)
  await core.enrol('7Q2M')
  core.hurry()
  await until(() => core.upload.value.allSentAllCurrent)
  world.way = 'reply_lost'
  await save(core, '李静')
  core.hurry()
  await until(() => core.upload.value.phase === 'waiting', () => core.upload.value)
  expect(core.upload.value.unsent).toBe(1)
  const lost = world.bodies[world.bodies.length - 1]!.split('\n').slice(1).join()
  world.way = 'works'
  core.hurry()
  await until(() => core.upload.value.allSentAllCurrent, () => core.upload.value)
  expect(world.bodies.some((body, at) => at > 0 && body.split('\n').slice(1).join() === lost && world.bodies.indexOf(body) !== at - 1)).toBe(true)
  expect(world.centre.ack).toBe(1)
  expect(world.centre.records.size).toBe(1)
})

test('a captive portal is no answer: nothing is taken for sent', async () => {
  const world = new World()
  const core = await start(world)
  await core.enrol('7Q2M')
  core.hurry()
  await until(() => core.upload.value.allSentAllCurrent)
  world.way = 'portal'
  await save(core, '李静')
  core.hurry()
  await until(() => core.upload.value.phase === 'waiting')
  expect(core.upload.value).toMatchObject({ unsent: 1, allSentAllCurrent: false, fault: null })
  expect(core.blocks.value).toEqual([])
})

test('an abnormal entry goes at once, before older ones that wait to be taken back', async () => {
  const world = new World()
  const core = await start(world)
  await core.enrol('7Q2M')
  core.hurry()
  await until(() => core.upload.value.allSentAllCurrent)
  await save(core, '王伟')
  const fever = await save(core, '李静', { measurement: { temperature: 386, method: 'forehead' } })
  await until(() => world.centre.ack === 2)
  const lines = world.bodies[world.bodies.length - 1]!.trim().split('\n').slice(1)
  expect(JSON.parse(lines[0]!).record).toBe(fever.record)
})

test('an entry is taken back within its five seconds and leaves no trace', async () => {
  const world = new World()
  const core = await start(world)
  const { entry, record } = await save(core, '王伟')
  expect(await core.undo(entry)).toBe('removed')
  expect(core.view(record)).toBeNull()
  expect(core.upload.value.unsent).toBe(0)
  await core.close()
  const again = await start(world)
  expect(again.upload.value.unsent).toBe(0)
  expect(again.view(record)).toBeNull()
})

test('an entry that was sent already is struck out instead', async () => {
  const world = new World()
  const core = await start(world)
  await core.enrol('7Q2M')
  const { entry, record } = await save(core, '王伟')
  core.hurry()
  await until(() => core.upload.value.allSentAllCurrent)
  expect(await core.undo(entry)).toBe('struck_out')
  expect(core.view(record)?.isVoid).toBe(true)
})

test('while its person is locked an outbox goes out, and nothing readable is in memory or storage', async () => {
  const world = new World()
  const core = await start(world)
  await core.enrol('7Q2M')
  core.hurry()
  await until(() => core.upload.value.allSentAllCurrent)
  const { record } = await save(core, '王伟')
  await core.setPin('2580')
  await core.lock()
  expect(core.person.value).toBeNull()
  expect(core.view(record)).toBeNull()
  expect(core.persons.value[0]).toMatchObject({ hasPin: true, unlocked: false, unsent: 1 })
  core.hurry()
  await until(() => core.persons.value[0]!.unsent === 0)
  expect(world.centre.records.has(record)).toBe(true)
  expect(await dumpOfStorage()).not.toContain('王伟')
  expect(await core.unlock(1, '0000')).toMatchObject({ outcome: 'wrong' })
  expect(await core.unlock(1, '2580')).toEqual({ outcome: 'unlocked' })
  core.hurry()
  await until(() => core.upload.value.allSentAllCurrent, () => core.upload.value)
  expect(core.view(record)?.fields['person']).toMatchObject({ name: '王伟' })
  expect(core.recall('0000')[0]).toMatchObject({ name: '王伟' })
})

test('a PIN survives the end of the program, and wrong ones cost time but no data', async () => {
  const world = new World()
  world.way = 'silent'
  const core = await start(world)
  const { record } = await save(core, '王伟')
  await core.setPin('2580')
  await core.close()
  const again = await start(world)
  expect(again.person.value).toBeNull()
  for (let tries = 0; tries < 5; tries += 1) await again.unlock(1, '1111')
  expect(await again.unlock(1, '2580')).toMatchObject({ outcome: 'wrong', waitMs: expect.any(Number) })
  expect(again.persons.value[0]!.unsent).toBe(1)
  expect(again.view(record)).toBeNull()
})

test("another person's code makes a person of their own; the first keeps number and outbox", async () => {
  const world = new World()
  const core = await start(world)
  await core.enrol('7Q2M')
  core.hurry()
  await until(() => core.upload.value.allSentAllCurrent)
  world.way = 'silent'
  await save(core, '王伟')
  world.way = 'works'
  world.centre.device += 1
  expect(await core.enrol('OTHER')).toMatchObject({ outcome: 'other_person', person: 2 })
  expect(core.persons.value).toMatchObject([
    { id: 1, user: 'u17', access: 'enrolled', unsent: 1 },
    { id: 2, user: 'u18', access: 'enrolled', unsent: 0 },
  ])
  expect(core.person.value?.id).toBe(2)
})

test('a code that is worth nothing is told of with its reason', async () => {
  const core = await start(new World())
  expect(await core.enrol('BAD')).toEqual({ outcome: 'refused', code: 'code_used' })
  expect(core.person.value?.access).toBe('unenrolled')
})

test('a mistyped code on a phone that the centre knows holds nothing up, and is still forgotten after the end of the program', async () => {
  const world = new World()
  const core = await start(world)
  await core.enrol('7Q2M')
  core.hurry()
  await until(() => core.upload.value.allSentAllCurrent)
  expect(await core.enrol('BAD')).toEqual({ outcome: 'refused', code: 'code_used' })
  expect(core.person.value?.access).toBe('enrolled')
  expect(core.blocks.value).toEqual([])
  const { record } = await save(core, '李静', { measurement: { temperature: 386, method: 'forehead' } })
  await until(() => world.centre.records.has(record))
  world.way = 'silent'
  void core.enrol('BAD')
  await until(() => core.person.value?.access === 'enrolling' && core.upload.value.phase === 'waiting')
  await core.close()
  world.way = 'works'
  const again = await start(world)
  again.hurry()
  await until(() => again.person.value?.access === 'enrolled' && again.upload.value.allSentAllCurrent, () => [again.person.value, again.upload.value])
})

test('somebody registered a minute ago is recognised, by number, telephone or plate with the same name', async () => {
  const core = await start(new World())
  const { record } = await save(core, '王伟')
  expect(core.registeredLately(passer('王伟').set, 120_000)?.record).toBe(record)
  expect(core.registeredLately({ person: { name: '别人', phone: '13900000001' } }, 120_000)).toBeNull()
})

async function dumpOfStorage(): Promise<string> {
  const db = await new Promise<IDBDatabase>((resolve, reject) => {
    const opening = indexedDB.open('kadian')
    opening.onsuccess = () => resolve(opening.result)
    opening.onerror = () => reject(opening.error)
  })
  const parts: string[] = []
  for (const name of db.objectStoreNames) {
    const all = await new Promise<unknown[]>(resolve => {
      const request = db.transaction(name).objectStore(name).getAll()
      request.onsuccess = () => resolve(request.result)
    })
    parts.push(JSON.stringify(all, (_, value) => (value instanceof Uint8Array ? new TextDecoder().decode(value) : value)))
  }
  db.close()
  return parts.join('\n')
}
