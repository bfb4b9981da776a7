// The second copy: what it brings back when the browser has thrown its database away, and when it goes.

import { expect, test } from 'vitest'

import type { Core } from '../../src/core/api.ts'
import { Mirror } from '../../src/core/store/mirror.ts'
import { passer, start, until, World } from './place.ts'

async function save(core: Core, name: string): Promise<number> {
  const captured = await core.capture(passer(name))
  if (captured.outcome !== 'saved') throw new Error(JSON.stringify(captured))
  return captured.entry
}

const names = (core: Core): unknown[] => core.views({ kind: 'registration' }).map(view => (view.fields['person'] as { name: string }).name)

test('what was unsent is there again after the browser threw its database away, and goes out once without a code', async () => {
  const world = new World()
  const core = await start(world)
  await core.enrol('7Q2M')
  await core.beginShift({ place: 'checkpoint:S17', direction: 'in', destination: '', tally: false })
  await save(core, '王伟')
  core.hurry()
  await until(() => core.upload.value.allSentAllCurrent, () => core.upload.value)
  const token = world.tokens[world.tokens.length - 1]
  world.way = 'silent'
  await save(core, '李静')
  // One that arrived, without the phone hearing of it.
  world.way = 'reply_lost'
  await save(core, '张敏')
  core.hurry()
  await until(() => world.centre.records.size === 3)
  world.way = 'silent'
  await save(core, '刘洋')
  await core.close()

  world.throwDatabaseAway()
  const again = await start(world)
  expect(again.upload.value.unsent).toBe(3)
  expect(names(again)).toEqual(['刘洋', '张敏', '李静'])
  expect(again.shift.value?.place).toBe('checkpoint:S17')
  world.way = 'works'
  again.hurry()
  await until(() => again.upload.value.allSentAllCurrent, () => again.upload.value)
  expect(world.centre.records.size).toBe(4)
  expect(names(again).sort()).toEqual(['刘洋', '张敏', '李静', '王伟'].sort())
  expect(world.enrolled).toEqual(['7Q2M', token])
  expect(again.upload.value.needsHand).toEqual([])
})

test('what was captured before any enrolment comes back, too', async () => {
  const world = new World()
  world.way = 'silent'
  const core = await start(world)
  await save(core, '王伟')
  await core.close()
  world.throwDatabaseAway()
  const again = await start(world)
  expect(names(again)).toEqual(['王伟'])
  world.way = 'works'
  await again.enrol('7Q2M')
  again.hurry()
  await until(() => again.upload.value.allSentAllCurrent)
  expect(world.centre.records.size).toBe(1)
})

test('the copy of an entry goes when the centre has it, or when it is taken back', async () => {
  const world = new World()
  const core = await start(world)
  const entry = await save(core, '王伟')
  await save(core, '李静')
  expect(world.shelf.entries()).toBe(2)
  expect(await core.undo(entry)).toBe('removed')
  expect(world.shelf.entries()).toBe(1)
  await core.enrol('7Q2M')
  core.hurry()
  await until(() => core.upload.value.allSentAllCurrent)
  await until(() => world.shelf.entries() === 0)
})

test('nothing of the copies can be read without their key', async () => {
  const world = new World()
  world.way = 'silent'
  const core = await start(world)
  await core.renamePerson(1, '示例员')
  await save(core, '王伟')
  await until(() => world.shelf.kept.size === 3)
  for (const [path, bytes] of world.shelf.kept) {
    if (path.endsWith('/key')) continue
    const text = new TextDecoder().decode(bytes)
    for (const word of ['王伟', '示例员', 'person']) expect(text).not.toContain(word)
  }
})

test('a PIN stands before what came back as it stood before', async () => {
  const world = new World()
  world.way = 'silent'
  const core = await start(world)
  await core.setPin('123456')
  await save(core, '王伟')
  await core.close()
  world.throwDatabaseAway()
  const again = await start(world)
  expect(again.person.value).toBe(null)
  expect(again.persons.value).toMatchObject([{ hasPin: true, unsent: 1 }])
  expect(await again.unlock(1, '654321')).toMatchObject({ outcome: 'wrong' })
  expect(await again.unlock(1, '123456')).toEqual({ outcome: 'unlocked' })
  expect(names(again)).toEqual(['王伟'])
})

test('a copy that a killed run had no time to take out goes later, and a torn one harms no other', async () => {
  const world = new World()
  world.way = 'silent'
  const core = await start(world)
  const first = await save(core, '王伟')
  const second = await save(core, '李静')
  await core.close()
  const mirror = new Mirror(async () => world.shelf)
  await mirror.keepOnly((_, entry) => entry === second)
  expect([...world.shelf.kept.keys()].filter(path => path.includes('/entry/'))).toEqual([`/kadian-mirror/entry/1/${second}`])

  world.shelf.kept.set(`/kadian-mirror/entry/1/${first}`, new Uint8Array([1, 2, 3]))
  world.throwDatabaseAway()
  const again = await start(world)
  expect(names(again)).toEqual(['李静'])
})

test('a cache that fails or hangs stops no entry from being saved', async () => {
  const world = new World()
  world.way = 'silent'
  world.shelf.put = async () => Promise.reject(new DOMException('full', 'QuotaExceededError'))
  const core = await start(world)
  await save(core, '王伟')
  world.shelf.put = () => new Promise(() => undefined)
  await save(core, '李静')
  expect(core.upload.value.unsent).toBe(2)
})
