// What is remembered of people goes with the right to see them, and who left the phone stays away.

import { expect, test } from 'vitest'

import type { Core } from '../../src/core/api.ts'
import { passer, start, until, World } from './place.ts'

async function enrolled(world: World): Promise<Awaited<ReturnType<typeof start>>> {
  const core = await start(world)
  await core.enrol('7Q2M')
  core.hurry()
  await until(() => core.upload.value.allSentAllCurrent)
  return core
}

/** One passer at the checkpoint, sent and remembered also after the end of the program. */
async function remembered(world: World): Promise<Awaited<ReturnType<typeof start>>> {
  const first = await enrolled(world)
  await first.capture(passer('王伟'))
  first.hurry()
  await until(() => first.upload.value.allSentAllCurrent)
  await first.close()
  const core = await start(world)
  await until(() => core.recall('0000').length === 1)
  core.hurry()
  await until(() => core.upload.value.allSentAllCurrent)
  return core
}

async function forgotten(world: World, core: Core & { close(): Promise<void> }): Promise<void> {
  await until(() => core.recall('0000').length === 0, () => core.recall('0000'))
  await core.close()
  world.way = 'silent'
  const again = await start(world)
  await until(() => again.person.value !== null)
  await new Promise(resolve => setTimeout(resolve, 150))
  expect(again.recall('0000')).toEqual([])
}

test('a phone that is taken out of use remembers nobody', async () => {
  const world = new World()
  const core = await remembered(world)
  world.centre.places = []
  core.hurry()
  await until(() => core.person.value?.access === 'revoked')
  await forgotten(world, core)
})

test('whoever has lost a place remembers nobody of it', async () => {
  const world = new World()
  const core = await remembered(world)
  world.centre.places = ['grid:0731']
  core.hurry()
  await until(() => core.places.value.length === 1)
  await forgotten(world, core)
})

test('whoever keeps the place remembers its people when another is lost', async () => {
  const world = new World()
  const core = await remembered(world)
  world.centre.places = ['checkpoint:S17']
  core.hurry()
  await until(() => core.places.value.length === 1 && core.upload.value.allSentAllCurrent)
  expect(core.recall('0000')).toHaveLength(1)
})

test('who is removed while a reply is on its way does not come back with it', async () => {
  const world = new World()
  const core = await enrolled(world)
  world.centre.device += 1
  expect(await core.enrol('OTHER')).toMatchObject({ outcome: 'other_person', person: 2 })
  core.hurry()
  await until(() => core.upload.value.allSentAllCurrent)
  const spoken = world as unknown as { fetch(url: string, init: RequestInit): Promise<Response> }
  const honest = spoken.fetch.bind(world)
  let arrive = (): void => undefined
  const held = new Promise<void>(resolve => { arrive = resolve })
  let waits = false
  spoken.fetch = async (url, init) => {
    const answer = await honest(url, init)
    waits = true
    await held
    return answer
  }
  core.hurry()
  await until(() => waits)
  // People have their turns in the order in which they came.
  const busy = 1
  expect(await core.removePerson(busy)).toBe(true)
  arrive()
  await new Promise(resolve => setTimeout(resolve, 150))
  await core.close()
  spoken.fetch = honest
  const again = await start(world)
  expect(again.persons.value.map(one => one.id)).not.toContain(busy)
})
