// Kills in the middle of a flood of entries: no hand taps so fast, but it is then that a browser tears
// its own database. The real core in Chromium, the real server, no screens. KADIAN_KILLS, KADIAN_SEED.

import assert from 'node:assert/strict'
import { buildBare } from './bare.mjs'
import { dice } from './dice.mjs'
import { scenario, until } from './ground.mjs'

const KILLS = Number(process.env.KADIAN_KILLS ?? 12)
const SEED = Number(process.env.KADIAN_SEED ?? 20_261_127)

scenario(`nothing that was called saved is lost over ${KILLS} kills in a flood of entries, also where the browser tears its database`, async ({ centre, road, phone }) => {
  const draw = dice(SEED)
  road.files = await buildBare()
  const one = await phone()
  const url = `${road.url}/bare/bare.html`
  await one.page.goto(url)
  assert.equal(await one.page.evaluate(code => bare.enrol(code), centre.code('gate')), 'enrolled')
  // Nothing is sent half of the time, so that much is unsent when it counts.
  road.fate = () => (draw(2) === 0 ? 'drop' : 'pass')

  const opened = async kill => {
    await one.page.goto(url)
    await one.page.evaluate(() => bare.open())
    await until(`all that was confirmed, after kill ${kill}`, async () => {
      const here = new Set(await one.page.evaluate(() => bare.records()))
      const missing = one.confirmed.filter(record => !here.has(record))
      if (missing.length === 0) return true
      const there = new Set((await centre.records('registration')).map(row => row.record))
      const lost = missing.filter(record => !there.has(record))
      return lost.length === 0 || `${lost.length} of ${one.confirmed.length}`
    })
  }
  for (let kill = 1; kill <= KILLS; kill += 1) {
    if (kill > 1) {
      await one.wake()
      await opened(kill - 1)
    }
    void one.page.evaluate(() => bare.flood()).catch(() => undefined)
    await new Promise(resolve => setTimeout(resolve, 50 + draw(900)))
    await one.kill()
    if (kill % 25 === 0 && kill < KILLS) console.log(`${kill} kills, ${one.confirmed.length} confirmed, the database thrown away ${road.left} times`)
  }

  road.fate = () => 'pass'
  await one.wake()
  await opened(KILLS)
  await until('all sent, all current', async () => {
    const { allSentAllCurrent, unsent } = await one.page.evaluate(() => bare.upload())
    return allSentAllCurrent || unsent
  }, 180_000)
  const there = (await centre.records('registration')).map(row => row.record)
  const lost = one.confirmed.filter(record => !there.includes(record))
  const names = await centre.registered()
  console.log(
    `${KILLS} kills in a flood, seed ${SEED}: ${one.confirmed.length} entries confirmed, ${lost.length} lost, ${names.length - new Set(names).size} twice, ` +
      `${there.length} at the centre; ${road.left} times the browser threw its database away`,
  )
  assert.deepEqual(lost, [])
  assert.equal(new Set(names).size, names.length)
}, 120_000 + KILLS * 30_000)
