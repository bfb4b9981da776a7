// Kills the browser at random moments while entries are captured and sent, opens it again, and looks
// for every entry that was confirmed: node test/browser/kills.mjs [kills] [seed]

import { buildStage, folder, launch, serve } from './stage.mjs'

const KILLS = Number(process.argv[2] ?? 20)
let seed = Number(process.argv[3] ?? 20_261_122)
const draw = outOf => {
  seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0
  return (seed >>> 8) % outOf
}

const stage = await buildStage()
const world = await serve(stage)
const profile = folder('profile')
const confirmed = new Set()
let lost = 0
let enrolled = false
const phases = { capturing: 0, sending: 0, opening: 0 }

for (let kill = 0; kill < KILLS; kill += 1) {
  const browser = await launch(profile)
  const page = await browser.context.newPage()
  await page.exposeFunction('confirmed', id => void confirmed.add(id))
  await page.goto(world.url)
  const opened = page.evaluate(() => stage.open(null)).catch(() => undefined)
  const phase = ['capturing', 'sending', 'opening'][draw(8) < 4 ? 0 : draw(8) < 6 ? 1 : 2]
  phases[phase] += 1
  if (phase !== 'opening') {
    await opened
    await page.evaluate(() => stage.core().blocks.value.some(one => one.block === 'elsewhere') ? stage.core().takeOver() : undefined)
    const missing = await page.evaluate(async ids => {
      const here = new Set(await stage.records())
      return ids.filter(id => !here.has(id))
    }, [...confirmed].filter(id => !world.centre.records.has(id)))
    if (missing.length > 0) {
      // What storage itself holds tells a loss from an app that does not show what it has.
      const inside = await page.evaluate(async ids => {
        const db = await new Promise((resolve, reject) => {
          const opening = indexedDB.open('kadian')
          opening.onsuccess = () => resolve(opening.result)
          opening.onerror = () => reject(opening.error)
        })
        const rows = await new Promise(resolve => {
          const asked = db.transaction('outbox').objectStore('outbox').getAll()
          asked.onsuccess = () => resolve(asked.result)
        })
        const there = new Set(rows.map(row => row.record))
        const { upload, blocks, persons } = stage.core()
        return { stored: ids.filter(id => there.has(id)).length, outbox: rows.length, upload: upload.value, blocks: blocks.value, persons: persons.value, shown: stage.core().views({ kind: 'registration' }).length }
      }, missing)
      console.error(`kill ${kill} (${phase}): ${missing.length} not on screen, ${JSON.stringify(inside)}`)
      process.exitCode = 1
      lost += missing.length - inside.stored
      break
    }
    if (!enrolled || phase === 'sending') {
      if (!enrolled) await page.evaluate(() => stage.core().enrol('7Q2M'))
      enrolled = true
      void page.evaluate(() => setInterval(() => stage.core().hurry(), 15)).catch(() => undefined)
    }
    void page.evaluate(from => stage.register(from, 100_000), kill * 1_000).catch(() => undefined)
  }
  await new Promise(resolve => setTimeout(resolve, 50 + draw(900)))
  await browser.kill()
}

const browser = await launch(profile)
const page = await browser.context.newPage()
await page.goto(world.url)
await page.evaluate(() => stage.open(null))
await page.evaluate(() => stage.core().blocks.value.some(one => one.block === 'elsewhere') ? stage.core().takeOver() : undefined)
// What is left is drained: as long as something moves it is waited for.
let left = Infinity
for (let still = 0; still < 300; still += 1) {
  await page.evaluate(() => stage.core().hurry())
  const [done, unsent] = await page.evaluate(() => [stage.core().upload.value.allSentAllCurrent, stage.core().upload.value.unsent])
  if (done) break
  if (unsent < left) still = 0
  left = unsent
  await new Promise(resolve => setTimeout(resolve, 100))
}
const unsent = await page.evaluate(() => stage.core().upload.value.unsent)
const absent = [...confirmed].filter(id => !world.centre.records.has(id))
await browser.kill()
world.close()
console.log(`${KILLS} kills (${Object.entries(phases).map(([name, count]) => `${name} ${count}`).join(', ')}): ${confirmed.size} entries confirmed, ${lost + absent.length} lost, ${unsent} unsent, ${world.centre.records.size} at the centre`)
const { forks, gaps, lostLines } = world.state
console.log(`forks ${forks}, gaps ${gaps}, bodies called lost ${lostLines}`)
process.exit(lost + absent.length + unsent + forks + gaps + lostLines === 0 ? 0 : 1)
