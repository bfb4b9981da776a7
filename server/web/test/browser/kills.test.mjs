// Kills the browser at random moments, opens it again, and looks for every entry that the screen had
// called saved: in the list of the phone each time, and at the centre in the end.
// KADIAN_KILLS: how many; KADIAN_SEED: which.

import assert from 'node:assert/strict'
import { dice } from './dice.mjs'
import { scenario } from './ground.mjs'
import { serveNewer } from './newer.mjs'

const KILLS = Number(process.env.KADIAN_KILLS ?? 12)
const SEED = Number(process.env.KADIAN_SEED ?? 20_261_127)
/** How long a list may take to show everything, on a machine that does other things. */
const PATIENCE_MS = 30_000
const AT_ONCE = 40

scenario(`nothing that the screen called saved is lost over ${KILLS} kills of the browser`, async ({ centre, road, phone }) => {
  const draw = dice(SEED)
  const one = await phone()
  await one.open()
  await one.enrol(centre.code('gate'))
  await one.beginShift()
  const phases = { opening: 0, capturing: 0, sending: 0, updating: 0 }
  const names = Object.keys(phases)
  let next = 0
  let version = 0
  let takenOver = 0
  const pause = most => new Promise(resolve => setTimeout(resolve, draw(most)))

  /** A fresh start: what has the screen first, and whether all that was confirmed is there. */
  const opened = async kill => {
    await one.open()
    if (await one.page.locator('.block').count()) {
      takenOver += 1
      await one.button('Use it here').click()
    }
    const began = Date.now()
    for (;;) {
      const listed = await one.listed()
      const here = new Set(listed)
      assert.equal(here.size, listed.length, `kill ${kill}: an entry stands twice in the list`)
      const missing = one.confirmed.filter(name => !here.has(name))
      if (missing.length === 0) break
      if (Date.now() - began < PATIENCE_MS) continue
      const there = new Set(await centre.registered())
      assert.fail(`kill ${kill}: ${missing.length} of ${one.confirmed.length} are not in the list, ${missing.filter(name => !there.has(name)).length} of them not at the centre either`)
    }
    await one.tab('Register')
  }
  const capture = () => {
    const some = Array.from({ length: AT_ONCE }, () => `甲${(next += 1)}`)
    // It ends with the browser; what was confirmed until then was told.
    void one.registerOnAndOn(some).catch(() => undefined)
  }
  const press = async () => {
    await one.sendNow()
    await one.tab('Register')
  }

  road.delay = () => draw(150)
  for (let kill = 0; kill < KILLS; kill += 1) {
    const phase = names[draw(8) < 2 ? 0 : 1 + draw(3)]
    phases[phase] += 1
    if (kill > 0) await one.wake()
    if (phase === 'opening') {
      void one.page.goto(`${road.url}/app/`).catch(() => undefined)
      await pause(700)
    } else {
      await opened(kill)
      capture()
      await pause(1_500)
      if (phase === 'sending') {
        await press().catch(() => undefined)
        await pause(400)
      }
      if (phase === 'updating') {
        version += 1
        serveNewer(road, `version${String(version).padStart(9, '0')}`)
        void one.page.evaluate(async () => {
          const registration = await navigator.serviceWorker.getRegistration()
          await registration.update()
          for (let wait = 0; wait < 100 && !registration.waiting; wait += 1) await new Promise(resolve => setTimeout(resolve, 10))
          registration.waiting?.postMessage('activate')
        }).catch(() => undefined)
        await pause(700)
      }
    }
    await one.kill()
    if (kill % 25 === 24 && kill + 1 < KILLS) console.log(`${kill + 1} kills, ${one.confirmed.length} confirmed, the database thrown away ${road.left} times`)
  }

  await one.wake()
  await opened('last')
  await one.untilAllSent(180_000)
  const there = await centre.registered()
  const absent = one.confirmed.filter(name => !there.includes(name))
  console.log(
    `${KILLS} kills (${names.map(name => `${name} ${phases[name]}`).join(', ')}), seed ${SEED}: ${one.confirmed.length} entries confirmed on screen, ` +
      `${absent.length} lost, ${there.length - new Set(there).size} twice, ${there.length} at the centre; ${road.left} times the browser threw its database away, ${takenOver} times the app was taken over`,
  )
  assert.deepEqual(absent, [])
  assert.equal(new Set(there).size, there.length, 'an entry stands twice at the centre')
  assert.ok(one.confirmed.length >= KILLS / 2, 'entries were confirmed between the kills')
}, 120_000 + KILLS * 30_000)
