// A grid is handed to somebody else while its leader is out of reach, with visits in the pocket.

import assert from 'node:assert/strict'
import { scenario, until } from './ground.mjs'

scenario('a leader who loses a grid loses its rows from the phone, and unsent visits are kept aside in sight', async ({ centre, road, phone }) => {
  const one = await phone()
  await one.open()
  await one.enrol(centre.code('leader'))
  await until('the grid on the phone', async () => (await one.page.locator('.door').count()) === 3)
  await one.untilAllSent()

  road.becomes('closed')
  for (const door of ['101', '102']) {
    await one.openDoor(door)
    await one.button('Nobody, note left').click()
    await one.page.locator('main.grid').waitFor()
  }
  assert.equal(await one.unsent(), 2)
  centre.kadian('assign', 'heir', 'G01', '--instead-of', 'leader', '--revoke')

  road.becomes('open')
  await one.sendNow()
  await until('everything sent', async () => (await one.unsent()) === 0)
  await until('both kept aside, in words', async () => {
    const hands = await one.page.locator('.hand').allInnerTexts()
    return (hands.length === 2 && hands.every(text => /You have no right there: it is kept, and the leader decides/.test(text))) || hands
  })
  // Nothing of the grid can be read on the phone any more, on the screen or below it.
  await until('the rows gone', async () => {
    const rows = await one.page.evaluate(
      () =>
        new Promise((resolve, reject) => {
          const opening = indexedDB.open('kadian')
          opening.onerror = () => reject(opening.error)
          opening.onsuccess = () => {
            const asked = opening.result.transaction('rows').objectStore('rows').count()
            asked.onsuccess = () => resolve(asked.result)
          }
        }),
    )
    return rows === 0 || rows
  })
  const text = await one.page.locator('.app').innerText()
  for (const name of ['王甲', '李乙', '张丙']) assert.ok(!text.includes(name))
  assert.equal(await one.page.locator('.tabs button', { hasText: 'My grid' }).count(), 0)

  const parked = await centre.parked()
  assert.equal(parked.length, 2)
  for (const row of parked) assert.equal(row.code ?? row.reason, 'out_of_scope')
  assert.deepEqual(await centre.records('visit'), [])

  // Somebody with the right to decide lets one in: it was not lost.
  await centre.ask('POST', `/v1/parked/${parked[0].id}`, { decision: 'admit', reason: 'the visit was made' })
  assert.equal((await centre.records('visit')).length, 1)
})
