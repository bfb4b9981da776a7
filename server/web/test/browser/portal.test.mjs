// A network that answers everything with its own page.

import assert from 'node:assert/strict'
import { scenario, until } from './ground.mjs'

/** Longer than the app calls a silence ordinary. */
const SILENCE_MS = 100_000

for (const [state, manner] of [['portal', 'a page with 200'], ['redirect', 'a redirect']]) {
  scenario(`behind a captive portal that answers with ${manner} nothing counts as sent, the app says so, and it recovers`, async ({ centre, road, phone }) => {
    const one = await phone()
    await one.page.clock.install()
    await one.open()
    await one.enrol(centre.code('gate'))
    await one.beginShift()
    await until('all sent', async () => /All sent/.test(await one.says()) || one.says())
    await one.page.evaluate(async () => void (await navigator.serviceWorker.ready))

    road.becomes(state)
    for (const name of ['王伟', '李静']) await one.register(name)
    for (let press = 0; press < 3; press += 1) {
      await one.sendNow()
      await one.page.waitForTimeout(500)
      assert.equal(await one.unsent(), 2)
    }
    // The page of the portal must not become the app either.
    await one.reload()
    assert.equal(await one.unsent(), 2)
    await one.page.clock.fastForward(SILENCE_MS)
    await one.sendNow()
    await until('the pill naming it', async () => /No network/.test(await one.says()) || one.says())
    const words = one.page.locator('.upload-say')
    await until('the words for it', async () => /No network\. Everything is safe on this phone/.test(await words.innerText()) || words.innerText())
    assert.equal(await one.unsent(), 2)
    assert.deepEqual(await centre.registered(), [])

    road.becomes('open')
    await one.untilAllSent()
    assert.deepEqual((await centre.registered()).sort(), ['李静', '王伟'])
  })
}
