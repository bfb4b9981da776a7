// A phone is handed to somebody who was never on it.

import { expect, test } from 'vitest'

import { passer, start, until, World } from './place.ts'

test('who is new on a locked phone goes on duty, enrols with their own code, and is there once', async () => {
  const world = new World()
  const core = await start(world)
  await core.enrol('7Q2M')
  core.hurry()
  await until(() => core.upload.value.allSentAllCurrent)
  await core.setPin('258036')
  await core.lock()
  const id = await core.addPerson('')
  await until(() => core.person.value?.id === id)
  world.centre.device += 1
  expect(await core.enrol('OTHER')).toEqual({ outcome: 'enrolled', person: id })
  await until(() => core.person.value?.user === 'u18')
  expect(core.persons.value).toMatchObject([{ id: 1, user: 'u17', hasPin: true }, { id: 2, user: 'u18', hasPin: false }])
  expect(await core.capture(passer('李静'))).toMatchObject({ outcome: 'saved' })
})

test('who is on duty stays so while somebody else is added', async () => {
  const core = await start(new World())
  await core.addPerson('李静')
  await until(() => core.persons.value.length === 2)
  expect(core.person.value?.id).toBe(1)
})
