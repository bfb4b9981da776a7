// A phone that stands in another time zone than its checkpoint.

import { expect, test } from 'vitest'

import { passer, start, until, World } from './place.ts'

const MINUTE = 60_000
const own = () => -new Date().getTimezoneOffset()
const dayAt = (offset: number) => new Date(Date.now() + offset * MINUTE).toISOString().slice(0, 10)
/** A zone in which tomorrow has just begun. */
const ahead = () => own() + 1_440 - Math.floor(((Date.now() + own() * MINUTE) % (1_440 * MINUTE)) / MINUTE) + 3
/** A zone in which it is still yesterday. */
const behind = () => own() - Math.floor(((Date.now() + own() * MINUTE) % (1_440 * MINUTE)) / MINUTE) - 3

test.each([['ahead', ahead], ['behind', behind]] as const)('an entry at a checkpoint whose day is %s is in the list before all is called current', async (_, zone) => {
  const world = new World()
  world.centre.utcOffset = zone()
  expect(dayAt(world.centre.utcOffset)).not.toBe(dayAt(own()))
  const core = await start(world)
  await core.enrol('7Q2M')
  core.hurry()
  await until(() => core.upload.value.allSentAllCurrent)
  const captured = await core.capture(passer('王伟'))
  if (captured.outcome !== 'saved') throw new Error(captured.outcome)
  let claimed = false
  core.upload.subscribe(upload => {
    if (upload.allSentAllCurrent && core.view(captured.record)?.standing !== 'confirmed') claimed = true
  })
  core.hurry()
  await until(() => core.upload.value.allSentAllCurrent, () => core.upload.value)
  expect(core.views({ kind: 'registration' }).map(view => view.record)).toEqual([captured.record])
  expect(claimed).toBe(false)
})

test('what was learned of the days holds after the program has ended', async () => {
  const world = new World()
  world.centre.utcOffset = ahead()
  const first = await start(world)
  await first.enrol('7Q2M')
  await first.capture(passer('王伟'))
  first.hurry()
  await until(() => first.upload.value.allSentAllCurrent)
  await first.close()
  world.bodies.length = 0
  const core = await start(world)
  core.hurry()
  await until(() => world.bodies.length > 0)
  const asked = JSON.parse(world.bodies[0]!.split('\n')[0]!).pull.map(([scope]: [string]) => scope)
  expect(asked).toContain(`checkpoint:S17@${dayAt(world.centre.utcOffset)}`)
})
