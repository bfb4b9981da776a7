// Thousands of changes over a network that drops requests, cuts replies off and dawdles: the real core
// in Chromium, the real server, no screens. KADIAN_CHANGES: how many; KADIAN_SEED: which mishaps.

import assert from 'node:assert/strict'
import { buildBare } from './bare.mjs'
import { dice } from './dice.mjs'
import { scenario, until } from './ground.mjs'

const CHANGES = Number(process.env.KADIAN_CHANGES ?? 1_000)
const SEED = Number(process.env.KADIAN_SEED ?? 20_261_127)
/** Changes between two looks at how it stands. */
const SLICE = 250

scenario(`${CHANGES} changes over a bad network are all at the centre, none lost and none twice`, async ({ centre, road, phone }) => {
  const draw = dice(SEED)
  road.files = await buildBare()
  const one = await phone()
  await one.page.goto(`${road.url}/bare/bare.html`)
  assert.equal(await one.page.evaluate(code => bare.enrol(code), centre.code('gate')), 'enrolled')

  road.fate = () => (draw(10) < 6 ? 'pass' : ['drop', 'cut', 'cut', 'tear'][draw(4)])
  road.delay = () => draw(8) * 10
  const hurrying = setInterval(() => void one.page.evaluate(() => bare.hurry()).catch(() => undefined), 60)
  const saved = []
  try {
    for (let from = 0; from < CHANGES; from += SLICE) {
      const count = Math.min(SLICE, CHANGES - from)
      const edits = Array.from({ length: count }, () => draw(10) < 3)
      saved.push(...(await one.page.evaluate(([from, count, edits]) => bare.write(from, count, edits), [from, count, edits])))
    }
    await until('all sent, all current', async () => {
      const { allSentAllCurrent, unsent } = await one.page.evaluate(() => bare.upload())
      return allSentAllCurrent || unsent
    }, 60_000 + CHANGES * 60)
  } finally {
    clearInterval(hurrying)
  }
  assert.equal(saved.length, CHANGES, 'everything was called saved')

  const rows = await centre.records('registration')
  const notes = new Map(rows.map(row => [row.record, new Set(Object.keys(row.set).filter(name => name.startsWith('notes/')))]))
  const made = saved.filter(one => one.note === null)
  const lost = saved.filter(({ record, note }) => !notes.has(record) || (note !== null && !notes.get(record).has(`notes/${note}`)))
  const names = rows.map(row => row.set.person.name)
  // A revision grows with every change that takes effect: one that did so twice would be above its writes.
  const writes = new Map()
  for (const { record } of saved) writes.set(record, (writes.get(record) ?? 0) + 1)
  const first = Math.min(...rows.map(row => row.rev))
  const again = rows.filter(row => row.rev !== first + (writes.get(row.record) ?? 0) - 1)
  const twice = names.length - new Set(names).size + again.length
  console.log(
    `${CHANGES} changes (${made.length} records, ${saved.length - made.length} notes), seed ${SEED}: ${lost.length} lost, ${twice} twice; ` +
      `${road.pushes} requests arrived, ${road.dropped} dropped, ${road.cut} replies lost, ${road.torn} torn`,
  )
  assert.deepEqual(lost, [])
  assert.equal(twice, 0)
  assert.equal(rows.length, made.length)
  assert.equal(await one.page.evaluate(() => bare.conflicts()), 0)
  assert.ok(road.dropped > 0 && road.cut > 0 && road.torn > 0, 'the network was bad')
}, 180_000 + CHANGES * 150)
