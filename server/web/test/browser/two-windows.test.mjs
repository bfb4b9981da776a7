// One phone, two windows: only one has it, and what it captured the other neither hides nor overwrites.

import assert from 'node:assert/strict'
import { scenario } from './ground.mjs'
import { installHands } from './hands.mjs'

/** A second window of the same browser. */
async function another(phone) {
  const page = await phone.browser.context.newPage()
  await page.setViewportSize({ width: 360, height: 740 })
  page.setDefaultTimeout(20_000)
  await page.exposeFunction('heardSaved', name => void phone.confirmed.push(name))
  await page.addInitScript(installHands)
  return Object.assign(Object.create(phone), { page })
}

scenario('a window that takes the phone back saves each entry for good, and shows what the other captured', async ({ centre, road, phone }) => {
  const one = await phone()
  await one.open()
  await one.enrol(centre.code('gate'))
  await one.beginShift()
  road.becomes('closed')
  await one.register('甲')

  road.becomes('open')
  const two = await another(one)
  await two.open()
  road.becomes('closed')
  await two.button('Use it here').click()
  await two.page.locator('.keypad').waitFor()
  await two.register('乙')

  await one.page.bringToFront()
  await one.button('Use it here').click()
  await one.page.locator('.keypad').waitFor()
  await one.register('丙')
  assert.deepEqual([...one.confirmed].sort(), ['甲', '乙', '丙'].sort())
  assert.deepEqual([...(await one.listed())].sort(), ['甲', '乙', '丙'].sort())

  road.becomes('open')
  await one.untilAllSent()
  assert.deepEqual((await centre.registered()).sort(), ['甲', '乙', '丙'].sort())
})
