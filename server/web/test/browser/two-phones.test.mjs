// Two members of one grid, both without a network, at the same door.

import assert from 'node:assert/strict'
import { scenario, until } from './ground.mjs'

const TELEPHONE = 'Telephone of the household'

async function correct(phone, { telephone, choice: [group, option] }) {
  await phone.openDoor('101')
  await phone.button('Change the household').click()
  await phone.page.getByLabel(TELEPHONE).fill(telephone)
  await phone.page.getByRole('group', { name: group }).getByRole('button', { name: option, exact: true }).click()
  await phone.button('Save').click()
  await phone.page.getByText('Correction saved').waitFor()
  await phone.back()
}

scenario('two people who change one household offline find both values in the conflict, and none of their work is lost', async ({ centre, road, phone }) => {
  const [one, other] = [await phone([], 'one'), await phone([], 'other')]
  for (const [holder, login] of [[one, 'leader'], [other, 'second']]) {
    await holder.open()
    await holder.enrol(centre.code(login))
    await until('the grid on the phone', async () => (await holder.page.locator('.door').count()) === 3 || holder.page.locator('body').innerText())
    await holder.untilAllSent()
  }

  road.becomes('closed')
  await correct(one, { telephone: '13900000001', choice: ['State', 'Let'] })
  await correct(other, { telephone: '13900000002', choice: ['Dog on the premises', 'Yes'] })
  for (const holder of [one, other]) assert.equal(await holder.unsent(), 1)

  road.becomes('open')
  await one.untilAllSent()
  await other.untilAllSent()
  await one.untilAllSent()

  const [household] = (await centre.records('household')).filter(row => row.set.number === 'H1')
  assert.equal(household.set.state, 'let')
  assert.equal(household.set.dogs, true)
  assert.ok(['13900000001', '13900000002'].includes(household.set.phone), household.set.phone)

  for (const holder of [one, other]) {
    await until('the conflict at the door', async () => {
      await holder.sendNow()
      await holder.tab('My grid')
      const door = await holder.page.locator('.door', { hasText: '101' }).innerText()
      return /conflict/.test(door) || door
    })
    await holder.openDoor('101')
    const shown = await holder.page.locator('.conflicts').innerText()
    assert.match(shown, /Two people changed the same thing/)
    for (const value of ['13900000001', '13900000002']) assert.ok(shown.replaceAll(' ', '').includes(value), `${value} in ${shown}`)
    await holder.back()
  }

  // One tap settles it, for both.
  await one.openDoor('101')
  await one.page.locator('.conflict-value', { hasText: /139\s?0000\s?0001/ }).getByRole('button').click()
  await one.back()
  await one.untilAllSent()
  await until('the conflict settled', async () => {
    await other.sendNow()
    await other.openDoor('101')
    const left = await other.page.locator('.conflicts').count()
    await other.back()
    return left === 0
  })
  const [settled] = (await centre.records('household')).filter(row => row.set.number === 'H1')
  assert.equal(settled.set.phone, '13900000001')
})
