// The centre loses its disk and is put back as it was earlier.

import assert from 'node:assert/strict'
import { scenario } from './ground.mjs'

scenario('a centre restored from an older backup gets again what the phone had sent since, each entry once', async ({ centre, road, phone }) => {
  const one = await phone()
  await one.open()
  await one.enrol(centre.code('gate'))
  await one.beginShift()
  for (const name of ['王伟', '李静']) await one.register(name)
  await one.untilAllSent()
  const backup = centre.backup()

  await one.tab('Register')
  for (const name of ['张敏', '刘洋', '陈静']) await one.register(name)
  await one.untilAllSent()
  assert.equal((await centre.registered()).length, 5)

  await centre.stop()
  // Meanwhile there is no centre, and work goes on.
  await one.tab('Register')
  await one.register('杨帆')
  centre.restore(backup)
  await centre.start()
  assert.deepEqual((await centre.registered()).sort(), ['李静', '王伟'])

  await one.untilAllSent()
  const everybody = ['王伟', '李静', '张敏', '刘洋', '陈静', '杨帆'].sort()
  assert.deepEqual((await centre.registered()).sort(), everybody)
  assert.deepEqual((await one.listed()).sort(), everybody)
  assert.equal(road.cut + road.dropped, 0)
})
