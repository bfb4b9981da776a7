// Half-typed forms: there again after the program has ended, and nobody else's.

import { expect, test } from 'vitest'

import { start, until, World } from './place.ts'

const HALF = { typed: { name: '王伟', phone: '1380000' } }

async function stored(): Promise<Uint8Array | undefined> {
  const db = await new Promise<IDBDatabase>(resolve => {
    const opening = indexedDB.open('kadian')
    opening.onsuccess = () => resolve(opening.result)
  })
  const found = await new Promise<Uint8Array | undefined>(resolve => {
    const asked = db.transaction('phone').objectStore('phone').get('drafts.1')
    asked.onsuccess = () => resolve(asked.result)
  })
  db.close()
  return found
}

test('a draft is in storage before anybody saves or leaves, unreadable, and there again after a restart', async () => {
  const world = new World()
  const first = await start(world)
  first.keepDraft('registration', HALF)
  let sealed: Uint8Array | undefined
  for (let tries = 0; tries < 100 && sealed === undefined; tries += 1) {
    await new Promise(resolve => setTimeout(resolve, 20))
    sealed = await stored()
  }
  expect(sealed).toBeDefined()
  expect(new TextDecoder().decode(sealed)).not.toContain('王伟')
  await first.close()
  const again = await start(world)
  expect(again.draft('registration')).toEqual(HALF)
  again.keepDraft('registration', null)
  await again.close()
  expect((await start(world)).draft('registration')).toBeNull()
})

test('behind a PIN a draft is out of sight until it is typed, also one from before the PIN', async () => {
  const world = new World()
  const core = await start(world)
  core.keepDraft('visit/h', HALF)
  await core.setPin('258036')
  await core.lock()
  expect(core.draft('visit/h')).toBeNull()
  await core.unlock(1, '258036')
  expect(core.draft('visit/h')).toEqual(HALF)
  await core.close()
  const again = await start(world)
  expect(again.draft('visit/h')).toBeNull()
  await again.unlock(1, '258036')
  expect(again.draft('visit/h')).toEqual(HALF)
})

test('who comes next sees no draft of who was on duty before, and that one finds it again', async () => {
  const world = new World()
  const core = await start(world)
  core.keepDraft('registration', HALF)
  const other = await core.addPerson('李静')
  await core.unlock(other, '')
  await until(() => core.person.value?.id === other)
  expect(core.draft('registration')).toBeNull()
  await core.unlock(1, '')
  expect(core.draft('registration')).toEqual(HALF)
})
