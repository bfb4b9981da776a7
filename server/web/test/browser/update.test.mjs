// A newer version of the app arrives while a push is under way: nothing of it is used before the
// answer is there, and then all of it.

import assert from 'node:assert/strict'
import { scenario, until } from './ground.mjs'
import { serveNewer } from './newer.mjs'

scenario('a new version that comes in the middle of a push waits for its answer, is then there whole, and nothing is lost', async ({ centre, road, phone }) => {
  const one = await phone()
  const version = () => one.page.evaluate(() => document.body.dataset.version ?? 'first')
  await one.open()
  await one.enrol(centre.code('gate'))
  await one.beginShift()
  await until('all sent', async () => /All sent/.test(await one.says()) || one.says())
  await one.page.evaluate(async () => void (await navigator.serviceWorker.ready))
  await one.reload()
  await until('the worker in charge', () => one.page.evaluate(() => navigator.serviceWorker.controller !== null))

  serveNewer(road, 'second0000000000')
  await one.reload()
  assert.equal(await version(), 'first', 'what the server has newer is not mixed in')
  let release
  road.held = new Promise(resolve => (release = resolve))
  const before = road.pushes
  await one.tab('Register')
  for (const name of ['王伟', '李静', '张敏']) await one.register(name)
  await one.sendNow()
  await until('a push under way', () => road.pushes > before)
  await one.page.evaluate(async () => void (await (await navigator.serviceWorker.getRegistration()).update()))
  await one.tab('Me')
  await one.button('A new version is ready: update').click()
  await one.page.evaluate(() => void (window.untouched = true))
  await one.page.waitForTimeout(1_500)
  assert.equal(await one.page.evaluate(() => window.untouched), true, 'the page is not taken away before the answer')
  assert.equal(await version(), 'first')

  road.held = null
  release()
  await until('the second version, by itself', async () => (await version().catch(() => 'loading')) === 'second0000000000')
  await one.untilAllSent()
  assert.deepEqual((await centre.registered()).sort(), ['张敏', '李静', '王伟'])

  // And somebody who is typing keeps the form.
  serveNewer(road, 'third00000000000')
  await one.tab('Register')
  for (const digit of '138') await one.page.locator('.keypad .key', { hasText: new RegExp(`^${digit}$`) }).click()
  await one.page.evaluate(async () => void (await (await navigator.serviceWorker.getRegistration()).update()))
  await until('the third version waiting', () => one.page.evaluate(async () => (await navigator.serviceWorker.getRegistration()).waiting !== null))
  await one.tab('Me')
  await one.button('A new version is ready: update').click()
  await one.page.waitForTimeout(1_000)
  assert.equal(await version(), 'second0000000000', 'a form with something typed in it is not taken away')
  await one.tab('Register')
  await one.button('Clear').click()
  await until('the third version when the form is empty', async () => (await version().catch(() => 'loading')) === 'third00000000000')
})
