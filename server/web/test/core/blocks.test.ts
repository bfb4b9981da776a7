// Every state that blocks: it is told, what was captured stays, and capturing goes on.

import { afterEach, expect, test } from 'vitest'

import type { Block, Core } from '../../src/core/api.ts'
import { passer, until, World } from './place.ts'

const open: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const core of open.splice(0)) await core.close()
})

async function enrolled(world: World): Promise<Core> {
  const core = await world.open()
  open.push(core)
  await core.enrol('7Q2M')
  core.hurry()
  await until(() => core.upload.value.allSentAllCurrent)
  return core
}

const blocks = (core: Core) => core.blocks.value.map(one => one.block)

async function stays(core: Core, block: Block['block']): Promise<void> {
  await until(() => blocks(core).includes(block), () => [blocks(core), core.upload.value])
  expect(core.upload.value).toMatchObject({ unsent: 1, allSentAllCurrent: false })
  expect(await core.capture(passer('赵磊'))).toMatchObject({ outcome: 'saved' })
  expect(core.upload.value.unsent).toBe(2)
}

test.each([
  [401, 'unauthenticated', 'needs_code'],
  [403, 'blocked', 'blocked'],
  [400, 'protocol', 'app_too_old'],
] as const)('%i %s is told as %s', async (status, code, block) => {
  const world = new World()
  const core = await enrolled(world)
  world.refusal = { status, code }
  await core.capture(passer('王伟'))
  core.hurry()
  await stays(core, block)
})

test('a program that is too old still sends, and says that nothing comes back', async () => {
  const world = new World()
  const core = await enrolled(world)
  world.refusal = { status: 426, code: 'too_old' }
  await core.capture(passer('王伟'))
  core.hurry()
  await until(() => blocks(core).includes('app_too_old'))
  core.hurry()
  await until(() => core.upload.value.unsent === 0, () => core.upload.value)
  expect(JSON.parse(world.bodies[world.bodies.length - 1]!.split('\n')[0]!).pull).toEqual([])
  expect(core.upload.value.allSentAllCurrent).toBe(false)
})

test('a phone taken out of use hands in what it has and loses what it read', async () => {
  const world = new World()
  const core = await enrolled(world)
  await core.capture(passer('王伟'))
  core.hurry()
  await until(() => core.upload.value.allSentAllCurrent)
  world.centre.places = []
  await core.capture(passer('李静'))
  core.hurry()
  await until(() => blocks(core).includes('revoked'), () => blocks(core))
  expect(core.person.value?.access).toBe('revoked')
  expect(core.views({ kind: 'registration' }).filter(view => view.standing === 'confirmed')).toEqual([])
})

test('a clock that is an hour off is told, and entries are taken', async () => {
  const world = new World()
  world.ahead = 3_600_000
  const core = await enrolled(world)
  await until(() => blocks(core).includes('clock_off'))
  expect(core.upload.value.clockOffset).toBeGreaterThan(3_500_000)
  expect(await core.capture(passer('王伟'))).toMatchObject({ outcome: 'saved' })
})

test('a pause that the centre asked for is not shortened by the button', async () => {
  const world = new World()
  const core = await enrolled(world)
  world.refusal = { status: 503, code: 'busy', headers: { 'retry-after': '60' } }
  await core.capture(passer('王伟'))
  core.hurry()
  await until(() => core.upload.value.phase === 'waiting')
  const asked = world.bodies.length
  world.refusal = null
  core.hurry()
  await new Promise(resolve => setTimeout(resolve, 150))
  expect(world.bodies.length).toBe(asked)
  expect(core.upload.value.nextAt! - Date.now()).toBeGreaterThan(50_000)
})

test('an invalid entry is mended with one whole change', async () => {
  const world = new World()
  const core = await enrolled(world)
  const honest = world.centre.answer.bind(world.centre)
  let spoil = true
  world.centre.answer = (body, now) => {
    const answer = honest(body, now)
    if (spoil && body.trim().includes('\n')) {
      spoil = false
      const reply = answer.body as { ack: number; verdicts?: object[]; feeds?: object[] }
      const record = JSON.parse(body.trim().split('\n')[1]!).record
      world.centre.records.delete(record)
      delete reply.feeds
      reply.verdicts = [{ seq: reply.ack, verdict: 'invalid', code: 'missing', path: 'set.person' }]
    }
    return answer
  }
  await core.capture(passer('王伟'))
  core.hurry()
  await until(() => core.upload.value.needsHand.length === 1, () => core.upload.value)
  const hand = core.upload.value.needsHand[0]!
  expect(hand).toMatchObject({ verdict: 'invalid', code: 'missing', path: 'set.person', fix: 'mend', kind: 'registration' })
  expect(await core.mend(hand.entry, { ...hand.set, person: { name: '王伟伟', phone: '13800000000' } })).toMatchObject({ outcome: 'saved' })
  core.hurry()
  await until(() => core.upload.value.allSentAllCurrent && core.upload.value.needsHand.length === 0, () => core.upload.value)
  expect(JSON.parse(world.bodies.map(body => body.trim().split('\n')[1] ?? '{}').reverse().find(line => line.includes('王伟伟'))!)).toMatchObject({ whole: true, scope: 'checkpoint:S17' })
  expect(core.view(hand.record)?.fields['person']).toMatchObject({ name: '王伟伟' })
})
