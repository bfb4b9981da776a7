// A browser whose database log was torn throws all of it away. Done here by hand, since waiting for it
// takes a hundred kills.

import assert from 'node:assert/strict'
import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { scenario, until } from './ground.mjs'

scenario('a browser that threw its database away has every unsent entry still, and each arrives once without a new code', async ({ centre, road, phone }) => {
  const one = await phone()
  await one.open()
  await one.enrol(centre.code('gate'))
  await one.beginShift()
  await one.register('王伟')
  await one.untilAllSent()
  await one.tab('Register')

  // One that arrived without the phone hearing of it, and two that never left.
  road.fate = () => 'cut'
  await one.register('李静')
  await one.sendNow()
  await until('the commit', async () => (await centre.registered()).length === 2)
  await one.tab('Register')
  road.becomes('closed')
  await one.register('张敏')
  await one.register('刘洋')
  await one.page.evaluate(async () => void (await navigator.serviceWorker.ready))
  await one.kill()

  const database = join(one.profile, 'Default', 'IndexedDB')
  assert.ok(existsSync(database))
  rmSync(database, { recursive: true })
  await one.wake()
  await one.open()
  assert.equal(await one.unsent(), 3)
  assert.deepEqual(await one.listed(), ['刘洋', '张敏', '李静'])

  road.fate = () => 'pass'
  road.becomes('open')
  await one.untilAllSent()
  const everybody = ['王伟', '李静', '张敏', '刘洋'].sort()
  assert.deepEqual((await centre.registered()).sort(), everybody)
  await until('all of the shift in the list again', async () => {
    const listed = (await one.listed()).sort()
    return JSON.stringify(listed) === JSON.stringify(everybody) || listed
  })
  // And it goes on as before.
  await one.tab('Register')
  await one.register('陈静')
  await one.untilAllSent()
  assert.equal((await centre.registered()).length, 5)
})
