// Entries made before the phone knew its checkpoints: none is sent without a place, none is guessed one.

import { afterEach, expect, test } from 'vitest'

import type { Core } from '../../src/core/api.ts'
import { passer, until, World } from './place.ts'

const open: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const core of open.splice(0)) await core.close()
})
async function start(world: World): Promise<Core & { close(): Promise<void> }> {
  const core = await world.open()
  open.push(core)
  return core
}

const { kind, set } = passer('王伟')
const lines = (world: World) => world.bodies.flatMap(body => body.trim().split('\n').slice(1))

test('an entry without a place waits until somebody says where it belongs, and goes with its own time', async () => {
  const world = new World()
  const core = await start(world)
  const captured = await core.capture({ kind, set })
  if (captured.outcome !== 'saved') throw new Error(captured.outcome)
  expect(core.upload.value.unplaced).toBe(0)
  await core.enrol('7Q2M')
  await until(() => core.upload.value.lastContact !== null && core.upload.value.unplaced === 1, () => core.upload.value)
  core.hurry()
  await until(() => core.upload.value.phase === 'idle')
  expect(lines(world)).toEqual([])
  expect(core.upload.value).toMatchObject({ unsent: 1, allSentAllCurrent: false })
  const placedAt = Date.now()
  await core.placeAll('checkpoint:S17')
  await until(() => core.upload.value.allSentAllCurrent, () => core.upload.value)
  expect(core.upload.value).toMatchObject({ unsent: 0, unplaced: 0, needsHand: [] })
  const line = JSON.parse(lines(world)[0]!)
  expect(line).toMatchObject({ record: captured.record, scope: 'checkpoint:S17' })
  expect(parseInt(line.stamp.slice(0, 12), 16)).toBeLessThan(placedAt)
  expect(core.view(captured.record)).toMatchObject({ standing: 'confirmed', place: 'checkpoint:S17' })
})

test('what waits for its place waits also after the program has ended, and holds nothing else up', async () => {
  const world = new World()
  const first = await start(world)
  const waiting = await first.capture({ kind, set })
  await first.enrol('7Q2M')
  await until(() => first.upload.value.unplaced === 1)
  await first.close()
  const core = await start(world)
  await until(() => core.upload.value.unplaced === 1, () => core.upload.value)
  const other = await core.capture(passer('李静', { person: { name: '李静', phone: '13900000002' } }))
  core.hurry()
  await until(() => core.upload.value.unsent === 1, () => core.upload.value)
  if (waiting.outcome !== 'saved' || other.outcome !== 'saved') throw new Error('not saved')
  expect(lines(world).map(line => JSON.parse(line).record)).toEqual([other.record])
  await core.placeAll('checkpoint:S17')
  await until(() => core.upload.value.allSentAllCurrent, () => core.upload.value)
  expect(world.centre.records.size).toBe(2)
})

test('a later change of such an entry waits with it', async () => {
  const world = new World()
  const core = await start(world)
  const captured = await core.capture({ kind, set })
  if (captured.outcome !== 'saved') throw new Error(captured.outcome)
  await core.edit(core.view(captured.record)!, { disposition: 'held' })
  await core.enrol('7Q2M')
  await until(() => core.upload.value.unplaced === 1)
  core.hurry()
  await until(() => core.upload.value.phase === 'idle')
  expect(lines(world)).toEqual([])
  await core.placeAll('checkpoint:S17')
  await until(() => core.upload.value.allSentAllCurrent, () => core.upload.value)
  expect(lines(world).map(line => JSON.parse(line).scope)).toEqual(['checkpoint:S17', undefined])
  expect(core.view(captured.record)?.fields['disposition']).toBe('held')
})

test('a checkpoint that was typed and is one of the person\'s was right; another is asked about', async () => {
  const world = new World()
  const core = await start(world)
  await core.capture({ kind, set, place: 'checkpoint:S17' })
  await core.capture({ kind, set: { ...set, person: { name: '李静', phone: '13900000002' } }, place: 'checkpoint:NOWHERE' })
  await core.enrol('7Q2M')
  await until(() => core.upload.value.unsent === 1 && core.upload.value.unplaced === 1, () => core.upload.value)
  expect(lines(world).map(line => JSON.parse(line).scope)).toEqual(['checkpoint:S17'])
})
