// The centre has committed, and the phone never hears of it.

import assert from 'node:assert/strict'
import { scenario, until } from './ground.mjs'

scenario('a reply lost after the commit makes the phone send again, and the centre holds each entry once', async ({ centre, road, phone }) => {
  const one = await phone()
  await one.open()
  await one.enrol(centre.code('gate'))
  await one.beginShift()
  await until('all sent', async () => /All sent/.test(await one.says()) || one.says())

  let left = 3
  road.fate = () => (left-- > 0 ? ['cut', 'tear', 'cut'][left] : 'pass')
  for (const name of ['王伟', '李静', '张敏']) await one.register(name)
  await one.sendNow()
  await until('a commit without a reply', async () => (await centre.registered()).length === 3 && road.cut + road.torn > 0)
  assert.equal(await one.unsent(), 3)
  await one.untilAllSent()
  assert.equal(road.cut, 2)
  assert.equal(road.torn, 1)
  assert.deepEqual((await centre.registered()).sort(), ['张敏', '李静', '王伟'])
  assert.equal((await one.listed()).length, 3)
})
